"""What goes wrong with the output directory, in words that say what to do."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from faceattr.errors import CannotWrite, StateError, WriteFailed

PART = ".part"  # ends the names of files that are not complete
HIDDEN = ".faceattr-batch."  # begins the names of a batch's state and its lock
RESULTS = frozenset({"faces.csv", "images.csv", "faces.jsonl", "faces.parquet", "summary.json", "report.html"})
ANNOTATED = "annotated"

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DEVICE = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENXIO, errno.ENODEV, errno.EREMOTEIO}
_NOT_ALLOWED = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA, sqlite3.SQLITE_FORMAT}
_AGAIN = "run the same command again; it goes on where it stopped"


@contextlib.contextmanager
def writing_to(directory: Path) -> Iterator[None]:
    """Turns OSError into CannotWrite, or WriteFailed where there was no more room, with a sentence on what to do."""
    try:
        yield
    except OSError as cause:
        raise _told(directory, cause.errno, cause.strerror or str(cause)) from cause


@contextlib.contextmanager
def using_state(file: Path) -> Iterator[None]:
    """Turns what SQLite raises into CannotWrite, WriteFailed or StateError, with a sentence on what to do."""
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning) as cause:
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # without the extension
        if code == sqlite3.SQLITE_FULL:
            raise _told(file.parent, errno.ENOSPC, "No space left on device") from cause
        if code == sqlite3.SQLITE_IOERR:
            raise _told(file.parent, _limit(file) or errno.EIO, f"{cause}") from cause
        if code in _NOT_ALLOWED:
            raise _told(file.parent, errno.EACCES, f"{file.name}: {cause}") from cause
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise WriteFailed(f"'{file}' is locked by another program. When that is done, {_AGAIN}.") from cause
        raise damaged(file, str(cause)) from cause


def damaged(file: Path, what: str) -> StateError:
    """The error for a state file that cannot be used."""
    return StateError(f"'{file}' is damaged ({what}). Add --fresh to start over without what it holds.")


def remove_parts(directory: Path) -> None:
    """Removes what a killed run left unfinished; for the one run that holds the lock. Raises CannotWrite."""
    with writing_to(directory), os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith(".") and entry.name.endswith(PART) and entry.is_file(follow_symlinks=False):
                (directory / entry.name).unlink(missing_ok=True)


def is_ours(name: bytes) -> bool:
    """Whether a batch writes a file, or a directory, of that name into its output directory."""
    text = os.fsdecode(name)
    hidden = text.startswith(HIDDEN) or (text.startswith(".") and text.endswith(PART))
    return hidden or text in RESULTS or text == ANNOTATED


def foreign_result(directory: Path) -> str | None:
    """The name of a file that results would replace, in a directory where no batch has ever been; None without one."""
    try:
        found = {entry.name for entry in os.scandir(directory)}
    except OSError:  # not there yet, or not to be read: what comes next says so
        return None
    if any(name.startswith(HIDDEN) for name in found):
        return None
    return next(iter(sorted(found & {*RESULTS, ANNOTATED})), None)


def sync_directory(directory: Path) -> None:
    """Makes renames in it durable; some network file systems have no such operation and say EINVAL."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as cause:
        if cause.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def _told(directory: Path, number: int | None, what: str) -> CannotWrite:
    if number in _FULL:
        return WriteFailed(f"Cannot write to '{directory}': {what}. Free some space there and {_AGAIN}.")
    if number in _DEVICE:
        return WriteFailed(f"Cannot write to '{directory}': {what}. Once the disk works, {_AGAIN}.")
    return CannotWrite(f"Cannot write to '{directory}': {what}. Choose an --output_dir that you may write to.")


def _limit(file: Path) -> int | None:
    """EFBIG when this process may not write files as large as `file` is; SQLite does not tell that from a fault."""
    import resource

    most = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    files = [file, file.with_name(file.name + "-wal")]
    nearly = 64 * 1024  # SQLite writes whole pages, and a write that is cut short is taken back
    if most != resource.RLIM_INFINITY and any(f.exists() and f.stat().st_size >= most - nearly for f in files):
        return errno.EFBIG
    return None
