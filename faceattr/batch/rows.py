"""What every file of results is written from: the outcomes of a finished run, in path order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from faceattr.batch.outcome import Outcome


class Source(Protocol):
    """Where finished outcomes are: the state of a run, or those of several shards."""

    def outcomes(self) -> Iterator[Outcome]:
        """Every file of the last scan, in byte order of the paths, in bounded memory."""

    def provenance(self) -> dict[str, Any]:
        """The pack, the engine, the options and the program that made them, as JSON-ready values."""


class Writer(Protocol):
    """Writes one file of results: to a temporary file in the output directory, there already, and empty.

    Raises OSError.
    """

    def add(self, outcome: Outcome) -> None:
        """Takes the outcome of one file."""

    def finish(self) -> None:
        """Makes the file complete, durable (fsync) and closes it."""

    def discard(self) -> None:
        """Closes the file, whatever its state, so that it can be removed. May come after `finish`."""
