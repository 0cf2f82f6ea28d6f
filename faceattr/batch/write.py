"""Outcomes → faces.csv and images.csv (RFC 4180, UTF-8), which appear under their names only complete."""

from __future__ import annotations

import contextlib
import csv
import errno
import os
import secrets
from pathlib import Path

from faceattr.batch import names
from faceattr.batch.outcome import Outcome
from faceattr.batch.output import writing_to
from faceattr.errors import CannotWrite
from faceattr.types import Face

_NAME = ["file", "path"]
_BOX = ["face", "x_min", "y_min", "x_max", "y_max", "confidence"]
_GENDER = ["gender", "gender_probability"]
_AGE = ["age_years", "age_low", "age_high", "age_label", "age_probability"]
_QUALITY = ["size_px", "sharpness", "brightness", "touches_edge", "uncertain"]
FACE_COLUMNS = [*_NAME, *_BOX, *_GENDER, *_AGE, *_QUALITY]
IMAGE_COLUMNS = [*_NAME, "outcome", "bytes", "width", "height", "faces"]


class Tables:
    """Both tables while they are written. Leaving the context without `commit` leaves no trace of them."""

    def __init__(self, directory: Path) -> None:
        """Makes the directory if need be and opens temporary files in it. Raises CannotWrite."""
        self._directory = directory
        self._tables: list[_Table] = []
        with writing_to(directory):
            if directory.exists() and not directory.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, "Not a directory")
            directory.mkdir(parents=True, exist_ok=True)
        try:
            for name, columns in (("faces.csv", FACE_COLUMNS), ("images.csv", IMAGE_COLUMNS)):
                with writing_to(directory):
                    self._tables.append(_Table(directory / name, columns))
        except CannotWrite:
            self.discard()
            raise
        self._faces, self._images = self._tables

    def __enter__(self) -> Tables:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()

    @property
    def paths(self) -> list[Path]:
        """Where the tables will be."""
        return [table.path for table in self._tables]

    def add(self, outcome: Outcome) -> None:
        """Appends the rows of one file. Raises CannotWrite."""
        name = [names.for_people(outcome.path), names.exact(outcome.path)]
        with writing_to(self._directory):
            for number, face in enumerate(outcome.faces, start=1):
                self._faces.rows.writerow([*name, number, *_face_cells(face)])
            faces = None if outcome.failed else len(outcome.faces)
            size = [outcome.size, outcome.width, outcome.height]
            self._images.rows.writerow([*name, outcome.outcome, *size, faces])

    def commit(self) -> None:
        """Puts both tables in their places, durably. Raises CannotWrite."""
        with writing_to(self._directory):
            for table in self._tables:
                table.finish()
            for table in self._tables:
                table.part.replace(table.path)
            _sync_directory(self._directory)

    def discard(self) -> None:
        """Removes what is not committed."""
        for table in self._tables:
            with contextlib.suppress(OSError):
                table.file.close()
            with contextlib.suppress(OSError):
                table.part.unlink(missing_ok=True)


class _Table:
    """One CSV file under a temporary name in its directory. Raises OSError."""

    def __init__(self, path: Path, columns: list[str]) -> None:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, f"{path.name} is a directory there")
        self.path = path
        self.part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        self.file = self.part.open("x", encoding="utf-8", newline="")
        self.rows = csv.writer(self.file, lineterminator="\r\n")
        self.rows.writerow(columns)

    def finish(self) -> None:
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()


def _face_cells(face: Face) -> list[str | int]:
    return [
        *face.detection.box.rounded(),
        f"{face.detection.confidence:.4f}",
        face.gender.value,
        f"{face.gender.probability:.4f}",
        f"{face.age.years:.1f}",
        face.age.low,
        face.age.high,
        face.age.label,
        f"{face.age.probability:.4f}",
        face.quality.size_px,
        f"{face.quality.sharpness:.4f}",
        f"{face.quality.brightness:.4f}",
        _word(face.quality.touches_edge),
        _word(face.uncertain),
    ]


def _word(value: bool) -> str:
    return "true" if value else "false"


def _sync_directory(directory: Path) -> None:
    """Makes the renames durable; some network file systems have no such operation and say EINVAL."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as cause:
        if cause.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)
