"""Scan: a directory → its entries as the file system gives them, without following links or opening any file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from faceattr.batch import lock
from faceattr.batch.output import is_ours
from faceattr.batch.selection import Chooser

Kind = Literal["file", "missing", "unreadable", "link", "special", "directory", "excluded", "results"]
_LOCK = os.fsencode(lock.NAME)


class Entry(NamedTuple):
    """One thing found: `path` is relative to the scanned directory, in bytes; that of a directory ends with "/".

    `file`: regular, whatever its name, `size` in bytes and `mtime_ns` unknown when it cannot be asked. `unreadable`,
    `missing`: a directory that could not be listed, or is gone; `missing` also a file that was listed by the user.
    Not for the tables: `link` (symbolic, to whatever), `special` (FIFO, socket, device), `directory` (not entered),
    `excluded` (a file or directory that the user's globs leave out), `results` (what another batch has written).
    """

    path: bytes
    kind: Kind
    size: int | None = None
    mtime_ns: int | None = None


def scan(root: Path, chooser: Chooser, leave_out: Path) -> Iterator[Entry]:
    """Entries under `root`, each once, in no order.

    Holds in memory only the names of directories that are still to be entered. `leave_out` is a directory that is never
    entered, by whatever name it is reached. Raises OSError when `root` itself cannot be listed.
    """
    base, left_out = os.fsencode(root), _identity(leave_out.stat())
    waiting: list[list[bytes]] = []
    path = b""
    while True:
        inside: list[bytes] = []
        waiting.append(inside)
        try:
            yield from _directory(base, path, chooser, left_out, inside)
        except OSError as cause:
            if not path:
                raise
            yield Entry(path, _failure(cause))
        while waiting and not waiting[-1]:
            waiting.pop()
        if not waiting:
            return
        path = waiting[-1].pop()


def _directory(
    root: bytes, path: bytes, chooser: Chooser, left_out: tuple[int, int], inside: list[bytes]
) -> Iterator[Entry]:
    """Entries of one directory; those to be entered next go to `inside`. Raises OSError."""
    place = os.path.join(root, path)  # noqa: PTH118 - bytes
    with os.scandir(place) as entries:
        is_output = os.path.lexists(os.path.join(place, _LOCK))  # noqa: PTH118 - bytes
        for entry in entries:
            name = path + entry.name
            kind = _kind(entry)
            if is_output and is_ours(entry.name):
                yield Entry(name, "results")
            elif kind == "directory":
                if _is(entry, left_out):
                    continue
                name += b"/"
                if chooser.enters(name):
                    inside.append(name)
                else:
                    yield Entry(name, "excluded" if chooser.recursive else "directory")
            elif kind == "file" and not chooser.takes(name):
                yield Entry(name, "excluded")
            elif kind == "file":
                yield _file(name, entry)
            else:
                yield Entry(name, kind)


def _file(name: bytes, entry: os.DirEntry[bytes]) -> Entry:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return Entry(name, "file")  # reading it will tell what is wrong
    return Entry(name, "file", status.st_size, status.st_mtime_ns)


def _kind(entry: os.DirEntry[bytes]) -> Kind:
    try:
        if entry.is_symlink():
            return "link"
        if entry.is_dir(follow_symlinks=False):
            return "directory"
        return "file" if entry.is_file(follow_symlinks=False) else "special"
    except OSError:  # only file systems without entry types ask; reading it will tell what is wrong
        return "file"


def _is(entry: os.DirEntry[bytes], identity: tuple[int, int]) -> bool:
    try:
        return _identity(entry.stat(follow_symlinks=False)) == identity
    except OSError:  # listing it will tell what is wrong
        return False


def _failure(cause: OSError) -> Kind:
    return "missing" if isinstance(cause, FileNotFoundError) else "unreadable"


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
