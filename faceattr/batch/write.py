"""Outcomes → faces.csv and images.csv (RFC 4180, UTF-8)."""

from __future__ import annotations

import contextlib
import csv
import os
from collections.abc import Iterable
from pathlib import Path

from faceattr.batch import names
from faceattr.batch.outcome import Outcome
from faceattr.types import Face

_NAME = ["file", "path"]
_BOX = ["face", "x_min", "y_min", "x_max", "y_max", "confidence"]
_GENDER = ["gender", "gender_probability"]
_AGE = ["age_years", "age_low", "age_high", "age_label", "age_probability"]
_QUALITY = ["size_px", "sharpness", "brightness", "touches_edge", "uncertain"]
FACE_COLUMNS = [*_NAME, *_BOX, *_GENDER, *_AGE, *_QUALITY]
IMAGE_COLUMNS = [*_NAME, "outcome", "bytes", "width", "height", "faces"]


class _Table:
    """One CSV file; a Writer."""

    def __init__(self, path: Path, columns: list[str]) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._rows = csv.writer(self._file, lineterminator="\r\n")
        self._rows.writerow(columns)

    def _add(self, outcome: Outcome, cells: Iterable[object]) -> None:
        self._rows.writerow([names.for_people(outcome.path), names.exact(outcome.path), *cells])

    def finish(self) -> None:
        """Makes the file complete and durable."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def discard(self) -> None:
        """Closes the file as it stands."""
        with contextlib.suppress(OSError):
            self._file.close()


class Faces(_Table):
    """Writes faces.csv, a row per face. Raises OSError."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, FACE_COLUMNS)

    def add(self, outcome: Outcome) -> None:
        """Appends the rows of one file's faces."""
        for number, face in enumerate(outcome.faces, start=1):
            self._add(outcome, [number, *_face_cells(face)])


class Images(_Table):
    """Writes images.csv, a row per file. Raises OSError."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, IMAGE_COLUMNS)

    def add(self, outcome: Outcome) -> None:
        """Appends the row of one file; what is unknown is empty."""
        faces = None if outcome.failed else len(outcome.faces)
        self._add(outcome, [outcome.outcome, outcome.size, outcome.width, outcome.height, faces])


def rows_in(path: Path) -> int:
    """How many rows a CSV file has on the disk, its header aside. Raises OSError."""
    with path.open(encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file, strict=True)) - 1


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
