"""Outcomes → every file of results. Each appears under its name only complete, and all together at the end."""

from __future__ import annotations

import contextlib
import csv
import errno
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from faceattr.batch import parquet, write
from faceattr.batch.jsonl import Jsonl
from faceattr.batch.output import PART, RESULTS, sync_directory, writing_to
from faceattr.batch.report import Report
from faceattr.batch.rows import Source, Writer
from faceattr.batch.state import Counts
from faceattr.batch.summary import Summary
from faceattr.errors import WriteFailed

FORMATS = ("csv", "jsonl", "parquet")

_TABLES: dict[str, Callable[[Path], Writer]] = {
    "faces.csv": write.Faces,
    "images.csv": write.Images,
    "faces.jsonl": Jsonl,
    "faces.parquet": parquet.Parquet,
}
_NAMES = {"csv": ("faces.csv", "images.csv"), "jsonl": ("faces.jsonl",), "parquet": ("faces.parquet",)}
_ABOUT: dict[str, Callable[[Path, Mapping[str, Any]], Writer]] = {"summary.json": Summary, "report.html": Report}
_CHECK = "Check the disk and run the same command again."
_EVERY = 256  # outcomes between looks at whether the user wants to stop


def require(directory: Path, formats: Iterable[str]) -> None:
    """What could only fail at the end otherwise. Raises CannotWrite, and SettingsError for a missing library."""
    if "parquet" in formats:
        parquet.require()
    with writing_to(directory):
        for name in _names(formats):
            if (directory / name).is_dir():
                raise IsADirectoryError(errno.EISDIR, f"{name} is a directory there")


def publish(
    directory: Path, formats: Sequence[str], source: Source, counts: Counts, check: Callable[[], None]
) -> list[Path]:
    """Writes all files of results from the outcomes; returns their paths, tables first.

    `check` is called now and then and may raise. Raises CannotWrite and WriteFailed, also when the tables that are on
    the disk have not the rows that `counts` says; then, or when killed, the files of an earlier run are still there.
    """
    parts = {name: directory / f".{name}.{secrets.token_hex(4)}{PART}" for name in _names(formats)}
    writers: list[Writer] = []
    made_by = source.provenance()
    try:
        with writing_to(directory):
            for name, part in parts.items():
                part.touch(exist_ok=False)
                writers.append(_ABOUT[name](part, made_by) if name in _ABOUT else _TABLES[name](part))
        for number, outcome in enumerate(source.outcomes()):
            if number % _EVERY == 0:
                check()
            with writing_to(directory):
                for writer in writers:
                    writer.add(outcome)
        with writing_to(directory):
            for writer in writers:
                writer.finish()
            _verify(parts["images.csv"], counts.total)
            _verify(parts["faces.csv"], counts.faces)
            for name, part in parts.items():
                part.replace(directory / name)
            for name in RESULTS - parts.keys():
                # Of an earlier run that was asked for more tables: beside the new ones it would contradict them.
                (directory / name).unlink(missing_ok=True)
            sync_directory(directory)
    finally:
        for writer in writers:
            writer.discard()
        for part in parts.values():
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
    return [directory / name for name in parts]


def _names(formats: Iterable[str]) -> list[str]:
    return [*(name for one in dict.fromkeys(("csv", *formats)) for name in _NAMES[one]), *_ABOUT]


def _verify(part: Path, expected: int) -> None:
    """Reads a table back. Raises WriteFailed when rows are lacking, or too many."""
    try:
        found = write.rows_in(part)
    except (csv.Error, UnicodeDecodeError) as cause:
        raise WriteFailed(f"'{part}' cannot be read back: {cause}. {_CHECK}") from cause
    if found != expected:
        raise WriteFailed(f"'{part}' has {found} rows instead of {expected}. {_CHECK}")
