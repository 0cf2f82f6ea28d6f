"""Outcomes → faces.jsonl: a JSON object a line, one for each file, its faces as POST /analyze answers them."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from faceattr.answers import face_answer
from faceattr.batch import names
from faceattr.batch.outcome import Outcome


class Jsonl:
    """Writes faces.jsonl. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="ascii", newline="")

    def add(self, outcome: Outcome) -> None:
        """Appends the line of one file; what is unknown is null, and a file that failed has no faces."""
        line = {
            "file": names.for_people(outcome.path),
            "path": names.exact(outcome.path),
            "outcome": outcome.outcome,
            "bytes": outcome.size,
            "width": outcome.width,
            "height": outcome.height,
            "faces": [face_answer(face) for face in outcome.faces],
        }
        # ASCII, for some readers also end a line at U+0085, U+2028 or U+2029.
        self._file.write(json.dumps(line, separators=(",", ":")) + "\n")

    def finish(self) -> None:
        """Makes the file complete and durable."""
        with self._file as file:
            file.flush()
            os.fsync(file.fileno())

    def discard(self) -> None:
        """Closes the file as it is."""
        with contextlib.suppress(OSError):
            self._file.close()
