"""Tar files of images, as the data sets come, and the JSON lines beside them."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from faceattr.errors import FaceAttrError
from faceattr.types import BGRImage

HELD_FROM = round(0.7 * 256)


class DataError(FaceAttrError):
    """A file of training or evaluation data is missing, or not what it should be."""

    code = "bad_data"


def images_of(path: Path) -> Iterator[tuple[str, BGRImage]]:
    """Names without folders and decoded images of a tar file, in its order. Raises DataError."""
    for name, content in files_of(path):
        yield name, _decode(content, f"{path}: {name}")


def files_of(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names without folders and contents of a tar file's files, in its order. Raises DataError."""
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content is not None:
                    yield Path(member.name).name, content.read()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    except tarfile.TarError as error:
        raise DataError(f"{path} is not a sound tar file: {error}.") from None


def records_of(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file with one JSON object a line. Raises DataError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not text.") from None
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}, line {number}: {error}.") from None
        if not isinstance(record, dict):
            raise DataError(f"{path}, line {number}: expected an object, found {type(record).__name__}.")
        yield record


def is_held(name: str) -> bool:
    """Whether a file belongs to the 30 % that is never trained on: by the first byte of the SHA-256 of its name.

    The split needs no list, and stays as it is when files come or go.
    """
    return hashlib.sha256(name.encode()).digest()[0] >= HELD_FROM


def _decode(content: bytes, what: str) -> BGRImage:
    if content:
        decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        if decoded is not None:
            return np.asarray(decoded, np.uint8)
    raise DataError(f"{what} cannot be decoded.")
