"""Outcomes → faces.parquet: a row per face, the columns and the decimals of faces.csv, with real types.

pyarrow is optional, and imported only here.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from faceattr.batch import names
from faceattr.batch.outcome import Outcome
from faceattr.batch.write import FACE_COLUMNS
from faceattr.errors import SettingsError
from faceattr.types import Face

_ROWS = 16_384  # of a row group, and so in memory: about 15 MB

_INTEGERS = ("face", "x_min", "y_min", "x_max", "y_max", "age_low", "age_high", "size_px")
_TEXTS = ("file", "path", "gender", "age_label")
_TRUTHS = ("touches_edge", "uncertain")


def require() -> None:
    """Raises SettingsError, with the command that helps, when pyarrow is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as cause:
        raise SettingsError(
            f"--format parquet needs pyarrow ({cause}). Install it with: python -m pip install 'pyarrow>=16'"
        ) from cause


class Parquet:
    """Writes faces.parquet. Raises OSError, and SettingsError without pyarrow."""

    def __init__(self, path: Path) -> None:
        require()
        import pyarrow
        from pyarrow import parquet

        self._table = pyarrow.Table
        self._schema = _schema()
        self._columns: dict[str, list[Any]] = {column: [] for column in FACE_COLUMNS}
        self._file = path.open("wb")
        # zstd halves what snappy leaves; every reader of the last years knows it.
        self._writer = parquet.ParquetWriter(self._file, self._schema, compression="zstd")

    def add(self, outcome: Outcome) -> None:
        """Appends the rows of one file."""
        file, path = names.for_people(outcome.path), names.exact(outcome.path)
        for number, face in enumerate(outcome.faces, start=1):
            for column, cell in zip(self._columns.values(), (file, path, number, *_cells(face)), strict=True):
                column.append(cell)
        if len(self._columns["face"]) >= _ROWS:
            self._write()

    def finish(self) -> None:
        """Makes the file complete and durable."""
        with self._file as file:
            self._write()
            self._writer.close()
            file.flush()
            os.fsync(file.fileno())

    def discard(self) -> None:
        """Closes the file as it is."""
        with contextlib.suppress(OSError):
            self._writer.close()
        self._writer.is_open = False  # or it would try again when it is collected
        with contextlib.suppress(OSError):
            self._file.close()

    def _write(self) -> None:
        if self._columns["face"]:
            self._writer.write_table(self._table.from_pydict(self._columns, schema=self._schema))
            for column in self._columns.values():
                column.clear()


def _schema() -> Any:
    import pyarrow

    def of(column: str) -> Any:
        if column in _TEXTS:
            return pyarrow.string()
        if column in _TRUTHS:
            return pyarrow.bool_()
        return pyarrow.int32() if column in _INTEGERS else pyarrow.float64()

    return pyarrow.schema([pyarrow.field(column, of(column), nullable=False) for column in FACE_COLUMNS])


def _cells(face: Face) -> tuple[str | int | float, ...]:
    """A face in the order of FACE_COLUMNS, from the box on."""
    return (
        *face.detection.box.rounded(),
        round(face.detection.confidence, 4),
        face.gender.value,
        round(face.gender.probability, 4),
        round(face.age.years, 1),
        face.age.low,
        face.age.high,
        face.age.label,
        round(face.age.probability, 4),
        face.quality.size_px,
        round(face.quality.sharpness, 4),
        round(face.quality.brightness, 4),
        face.quality.touches_edge,
        face.uncertain,
    )
