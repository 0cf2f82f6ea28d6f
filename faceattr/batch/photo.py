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
from faceattr.batch.outcome import Outcome
from faceattr.batch.output import writing_to
from faceattr.errors import CannotWrite, FaceAttrError, ImageTooLarge, OutOfMemory, PhotoError
from faceattr.options import Options
from faceattr.settings import Settings
from faceattr.types import Analysis, PictureFormat

_PAUSES = (0.1, 0.4)  # seconds before the second and the third try to read a file
_NO_CURE = (FileNotFoundError, NotADirectoryError, PermissionError)  # what another try would not change
_NAME_AT_FAULT = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EILSEQ, errno.EINVAL}


class Analyzer(Protocol):
    """What batch needs of a FaceAnalyzer."""

    def analyze(self, photo: bytes, options: Options = ..., *, picture: PictureFormat | None = None) -> Analysis: ...


@dataclass(frozen=True, slots=True)
class Work:
    """What every worker is told, once: where the photos are, how to analyse them, how to load an analyzer.

    `load` must be importable by name in another process. `pictures` is the directory of annotated pictures, if wanted.
    """

    root: Path
    settings: Settings
    options: Options
    load: Callable[[Settings], Analyzer]
    pictures: Path | None = None


def process(path: bytes, work: Work, analyzer: Analyzer) -> Outcome:
    """Whatever happens to this file, as an outcome. Raises CannotWrite only."""
    try:
        return _process(path, work, analyzer)
    except CannotWrite:
        raise
    except MemoryError:
        return outcome.error(path, OutOfMemory.code)
    except Exception as cause:  # noqa: BLE001 - one file must not end a run over a million
        return outcome.error(path, outcome.INTERNAL, note=f"{type(cause).__name__}: {cause}")


def _process(path: bytes, work: Work, analyzer: Analyzer) -> Outcome:
    try:
        size, photo = _read(work.root / os.fsdecode(path), work.settings.max_image_bytes)
    except (FileNotFoundError, NotADirectoryError):
        return Outcome(path, outcome.MISSING)
    except OSError as cause:
        return outcome.error(path, outcome.UNREADABLE, note=cause.strerror)
    if photo is None:
        return outcome.error(path, ImageTooLarge.code, size)
    try:
        analysis = analyzer.analyze(photo, work.options, picture="jpeg" if work.pictures else None)
    except (PhotoError, OutOfMemory) as cause:
        return outcome.error(path, cause.code, size)
    except FaceAttrError as cause:
        return outcome.error(path, cause.code, size, str(cause))
    if work.pictures and analysis.picture is not None:
        with writing_to(work.pictures):
            try:
                _save(work.pictures / os.fsdecode(names.picture(path)), analysis.picture)
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
        except _NO_CURE:
            raise
        except OSError:
            time.sleep(pause)
    return _read_once(path, limit)


def _read_once(path: Path, limit: int) -> tuple[int, bytes | None]:
    # Since the scan the name may have become a link or a FIFO: neither is followed or waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise PermissionError(errno.EPERM, "Not a regular file any more")
        if status.st_size > limit:
            return status.st_size, None
        photo = file.read(limit + 1)
        return len(photo), photo


def _save(target: Path, picture: bytes) -> None:
    """Writes the picture so that it appears under its name only complete. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        part.write_bytes(picture)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
