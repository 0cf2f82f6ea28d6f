"""One file → one outcome: read it, analyse it, save its annotated picture."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from faceattr.batch import names, outcome
from faceattr.batch.identity import Identity
from faceattr.batch.outcome import Outcome
from faceattr.batch.output import PART, writing_to
from faceattr.errors import CannotWrite, FaceAttrError, ImageTooLarge, OutOfMemory, PhotoError
from faceattr.options import Options
from faceattr.settings import Settings
from faceattr.types import Analysis, PictureFormat

_PAUSES = (0.1, 0.4)  # seconds before the second and the third try to read a file
_TRANSIENT = {  # what another try may change: faults of a disk or a network, and their file systems' moods
    *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EINTR, errno.EBUSY, errno.EREMOTEIO),
    *(errno.ENETDOWN, errno.ENETUNREACH, errno.ENETRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH),
    *(errno.ECONNABORTED, errno.ECONNREFUSED, errno.ECONNRESET, errno.ENOTCONN, errno.EPIPE, errno.ENOLINK),
    *(errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM),
}
_NAME_AT_FAULT = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EILSEQ, errno.EINVAL}


class Analyzer(Protocol):
    """What batch needs of a FaceAnalyzer."""

    @property
    def identity(self) -> Identity: ...

    def analyze(self, photo: bytes, options: Options, *, picture: PictureFormat | None = None) -> Analysis: ...


@dataclass(frozen=True, slots=True)
class Pictures:
    """Where annotated pictures go, and where they are while incomplete: in the same file system."""

    directory: Path
    parts: Path


@dataclass(frozen=True, slots=True)
class Work:
    """What every worker is told, once: where the photos are, how to analyse them, how to load an analyzer.

    `load` must be importable by name in another process. `timeout` is in seconds a photo. A worker that has grown by
    `growth` bytes since its first photos is replaced.
    """

    root: Path
    settings: Settings
    options: Options
    load: Callable[[Settings], Analyzer]
    pictures: Pictures | None = None
    timeout: float = 120.0
    growth: int = 512 * 2**20


@dataclass(frozen=True, slots=True)
class Photo:
    """A file that has been read."""

    path: bytes
    content: bytes


def process(path: bytes, work: Work, analyzer: Analyzer) -> Outcome:
    """Whatever happens to this file, as an outcome. Raises CannotWrite only."""
    photo = read(path, work)
    return photo if isinstance(photo, Outcome) else analyse(photo, work, analyzer)


def read(path: bytes, work: Work) -> Photo | Outcome:
    """The file's content, or its outcome when that cannot be had."""
    try:
        size, content = _read(work.root / os.fsdecode(path), work.settings.max_image_bytes)
    except (FileNotFoundError, NotADirectoryError):
        return Outcome(path, outcome.MISSING)
    except OSError as cause:
        return outcome.error(path, outcome.UNREADABLE, note=cause.strerror)
    except Exception as cause:  # noqa: BLE001 - one file must not end a run over a million
        return _unexpected(path, cause)
    return outcome.error(path, ImageTooLarge.code, size) if content is None else Photo(path, content)


def analyse(photo: Photo, work: Work, analyzer: Analyzer) -> Outcome:
    """Whatever happens to this photo, as an outcome; its annotated picture is saved. Raises CannotWrite only."""
    try:
        return _analyse(photo, work, analyzer)
    except CannotWrite:
        raise
    except Exception as cause:  # noqa: BLE001 - one file must not end a run over a million
        return _unexpected(photo.path, cause, len(photo.content))


def _unexpected(path: bytes, cause: Exception, size: int | None = None) -> Outcome:
    if isinstance(cause, MemoryError):
        return outcome.error(path, OutOfMemory.code, size)
    return outcome.error(path, outcome.INTERNAL, size, f"{type(cause).__name__}: {cause}")


def _analyse(photo: Photo, work: Work, analyzer: Analyzer) -> Outcome:
    path, size = photo.path, len(photo.content)
    try:
        analysis = analyzer.analyze(photo.content, work.options, picture="jpeg" if work.pictures else None)
    except (PhotoError, OutOfMemory) as cause:
        return outcome.error(path, cause.code, size)
    except FaceAttrError as cause:
        return outcome.error(path, cause.code, size, str(cause))
    if work.pictures and analysis.picture is not None:
        with writing_to(work.pictures.directory):
            try:
                _save(work.pictures, names.picture(path), analysis.picture)
            except OSError as cause:
                if cause.errno not in _NAME_AT_FAULT:
                    raise
                return outcome.error(path, outcome.ANNOTATE_FAILED, size, cause.strerror)
    word = outcome.OK if analysis.faces else outcome.NO_FACE
    return Outcome(path, word, size, analysis.width, analysis.height, analysis.faces)


def _read(path: Path, limit: int) -> tuple[int, bytes | None]:
    """Size in bytes and content, None above `limit` bytes. Raises OSError, after three tries where more could help."""
    for pause in _PAUSES:
        try:
            return _read_once(path, limit)
        except OSError as cause:
            if cause.errno not in _TRANSIENT:
                raise
            time.sleep(pause)
    return _read_once(path, limit)


def _read_once(path: Path, limit: int) -> tuple[int, bytes | None]:
    # Since the scan the name may have become a link or a FIFO: neither is followed or waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PermissionError(errno.EPERM, "Not a regular file any more")
        content = bytearray()
        while len(content) <= limit:
            # What fstat says is what there is to read, but for a file that grows or is made up by its file system.
            chunk = file.read(min(max(status.st_size + 1 - len(content), 64 * 1024), limit + 1 - len(content)))
            if not chunk:
                return len(content), bytes(content)
            content += chunk
        return max(status.st_size, len(content)), None


def discard(pictures: Pictures, path: bytes) -> None:
    """Removes the picture of a photo, if there is one. Raises OSError."""
    try:
        (pictures.directory / os.fsdecode(names.picture(path))).unlink()
    except FileNotFoundError:
        return
    except OSError as cause:
        if cause.errno not in _NAME_AT_FAULT:  # where no picture can be, there is none
            raise


def _save(pictures: Pictures, name: bytes, content: bytes) -> None:
    """Writes a picture so that it appears under its name only complete. Raises OSError."""
    target = pictures.directory / os.fsdecode(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = pictures.parts / f".{secrets.token_hex(8)}{PART}"
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # the state will say that it is there
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
