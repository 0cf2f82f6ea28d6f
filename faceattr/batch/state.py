"""What is known of every file, on the disk: which files a run has, which are done, what became of them."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

from faceattr.batch import codec, database, identity, outcome
from faceattr.batch.database import Database
from faceattr.batch.outcome import Outcome
from faceattr.batch.output import damaged

FILE, MISSING, UNREADABLE = 0, 1, 2  # kinds of rows of a scan, as the state has them

_GROUP = 64  # outcomes that are committed together, and so may be lost,
_SECONDS = 1.0  # or as many as came in this time
_PAGE = 512  # files that a run looks ahead

_JOIN = """
  FROM scan AS s LEFT JOIN outcomes AS o
  ON o.path = s.path AND s.kind = 0 AND o.analysis = ?1 AND o.size IS s.size AND o.mtime_ns IS s.mtime_ns
"""
_WORD = "CASE s.kind WHEN 0 THEN o.outcome WHEN 1 THEN 'missing' ELSE 'error:unreadable' END"
_TODO = f"SELECT s.path, s.size, s.mtime_ns {_JOIN} WHERE s.kind = 0 AND o.path IS NULL AND s.path > ?2"
_PUT = "INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Todo(NamedTuple):
    """A file to analyse, with the size in bytes and the time of change that the scan found (None: it could not)."""

    path: bytes
    size: int | None
    mtime_ns: int | None


@dataclass(frozen=True, slots=True)
class Counts:
    """Files of the last scan, by outcome (those not done yet are in none), and the faces found in them."""

    total: int
    faces: int
    outcomes: Counter[str]

    @property
    def done(self) -> int:
        return self.outcomes.total()

    @property
    def failed(self) -> int:
        return sum(count for word, count in self.outcomes.items() if word not in (outcome.OK, outcome.NO_FACE))


class State:
    """The state of one output directory. Every method raises CannotWrite, WriteFailed or StateError."""

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        """Opens the state of the directory, or begins one; for the one run that holds the lock, unless `read_only`."""
        self.database = Database(directory, read_only=read_only)
        self._waiting: list[tuple[object, ...]] = []
        self._committed = time.monotonic()

    @property
    def file(self) -> Path:
        return self.database.file

    def __enter__(self) -> State:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()

    def fact(self, name: str) -> Any:
        """What was remembered under the name; None when nothing was."""
        for (value,) in self.database.rows("SELECT value FROM facts WHERE name = ?", (name,)):
            return json.loads(cast(str, value))
        return None

    def remember(self, **facts: Any) -> None:
        """Puts JSON values under their names, durably."""
        with self.database.transaction() as connection:
            rows = [(name, json.dumps(value)) for name, value in facts.items()]
            connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", rows)

    @property
    def analysis(self) -> int:
        """The number of the analysis that the last run did; 0 before the first."""
        return int(self.fact("analysis") or 0)

    @property
    def description(self) -> str | None:
        """What that analysis was: see identity.description."""
        for (text,) in self.database.rows("SELECT description FROM analyses WHERE id = ?", (self.analysis,)):
            return str(text)
        return None

    def provenance(self) -> dict[str, Any]:
        """What made the outcomes: see identity.provenance."""
        try:
            return identity.provenance(self.description or "")
        except (ValueError, KeyError, TypeError) as cause:
            raise damaged(self.file, f"what made its outcomes is not known: {cause!r}") from cause

    def use_analysis(self, description: str) -> None:
        """From here on, only outcomes of this analysis count as done."""
        with self.database.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO analyses (description) VALUES (?)", (description,))
        (number,) = self.database.row("SELECT id FROM analyses WHERE description = ?", (description,))
        self.remember(analysis=number)

    def forget_failures(self, *, errors: bool) -> None:
        """Has files done again: those that vanished or could not be read, and with `errors` all that failed."""
        which = "outcome GLOB 'error:*'" if errors else f"outcome = 'error:{outcome.UNREADABLE}'"
        with self.database.transaction() as connection:
            connection.execute(f"DELETE FROM outcomes WHERE outcome = 'missing' OR {which}")  # noqa: S608

    def counts(self) -> Counts:
        """Where the run stands, as far as it is committed."""
        total = faces = 0
        words: Counter[str] = Counter()
        columns = f"{_WORD} AS word, count(*), coalesce(sum(o.faces), 0)"
        query = f"SELECT {columns} {_JOIN} GROUP BY word"
        for word, files, found in self.database.rows(query, (self.analysis,)):
            total += cast(int, files)
            faces += cast(int, found)
            if word is not None:
                words[str(word)] += cast(int, files)
        return Counts(total, faces, words)

    def todo(self) -> Iterator[Todo]:
        """Files of the scan that have no outcome, in path order; outcomes may be recorded meanwhile."""
        analysis, last = self.analysis, b""
        while page := list(self.database.rows(f"{_TODO} ORDER BY s.path LIMIT {_PAGE}", (analysis, last))):
            for row in page:
                yield Todo(*cast(tuple[bytes, int | None, int | None], row))
            last = cast(bytes, page[-1][0])

    def record(self, todo: Todo, outcome: Outcome, analysis: int) -> None:
        """Keeps the outcome of a file; it is on the disk after `commit`, which comes by itself now and then."""
        size = (outcome.size, outcome.width, outcome.height)
        faces = (len(outcome.faces), codec.encode(outcome.faces))
        self._waiting.append((*todo, analysis, outcome.outcome, *size, *faces))
        if len(self._waiting) >= _GROUP:
            self.commit()

    def commit_if_due(self) -> None:
        """Commits what has waited for a second."""
        if time.monotonic() - self._committed >= _SECONDS:
            self.commit()

    def commit(self) -> None:
        """Puts the outcomes that wait on the disk."""
        if self._waiting:
            with self.database.transaction() as connection:
                connection.executemany(_PUT, self._waiting)
            self._waiting.clear()
        self._committed = time.monotonic()

    def outcomes(self) -> Iterator[Outcome]:
        """Every file of the scan in path order. Raises StateError for one that is not done."""
        columns = f"s.path, {_WORD}, o.bytes, o.width, o.height, o.detail"
        query = f"SELECT {columns} {_JOIN} ORDER BY s.path"
        for row in self.database.rows(query, (self.analysis,)):
            path, word, size, width, height, detail = cast(tuple[Any, ...], row)
            if word is None:
                raise damaged(self.file, f"no outcome for {path!r}")
            try:
                faces = codec.decode(detail)
            except ValueError as cause:
                raise damaged(self.file, f"faces of {path!r}: {cause}") from cause
            yield Outcome(path, word, size, width, height, faces)


def exists(directory: Path) -> bool:
    """Whether an earlier run left its state in the directory."""
    return (directory / database.NAME).exists()
