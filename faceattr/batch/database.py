"""The state file: an SQLite database in the output directory, opened so that no committed outcome is ever lost."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from faceattr.batch.filesystems import is_network
from faceattr.batch.output import damaged, using_state, writing_to

NAME = ".faceattr-batch.sqlite"
_SUFFIXES = ("", "-wal", "-shm", "-journal")
_FORMAT = 1
_CACHE = 16 * 1024  # KiB of pages in memory; sorted batches need no more
_PATIENCE = 30.0  # seconds for a --status that reads at this moment

SCAN_COLUMNS = "path BLOB PRIMARY KEY, kind INTEGER NOT NULL, size INTEGER, mtime_ns INTEGER"

_SCHEMA = f"""
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE analyses (id INTEGER PRIMARY KEY, description TEXT NOT NULL UNIQUE);
CREATE TABLE scan ({SCAN_COLUMNS}) WITHOUT ROWID;
CREATE TABLE outcomes (
  path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, analysis INTEGER NOT NULL,
  outcome TEXT NOT NULL, bytes INTEGER, width INTEGER, height INTEGER, faces INTEGER NOT NULL, detail TEXT
) WITHOUT ROWID;
PRAGMA user_version = {_FORMAT};
"""
"""`scan`: what the last scan found. `outcomes`: what became of every file ever analysed, with the size and the time of
change that the scan had found, and the analysis that it was; it stays when a scan no longer finds the file."""


class Database:
    """One connection. Every method raises CannotWrite, WriteFailed or StateError."""

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        """Opens the state of a directory, and makes it when there is none.

        With `read_only` anyone may open it, else only the one run that holds the lock.
        """
        self.file = directory / NAME
        if not read_only:
            with writing_to(directory):
                self.file.touch()
        with using_state(self.file):
            self._connection = _open_to_read(self.file) if read_only else _connect(self.file)
            try:
                if not read_only:
                    self._tune("DELETE" if is_network(directory) else "WAL")
                self._check(read_only)
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Closes the file; SQLite then puts its log into it."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing of what is done in the context, on the disk when it is left."""
        with using_state(self.file):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # SQLite has rolled back itself when the disk is full
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, sql: str, values: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
        """The rows of a query, one at a time."""
        with using_state(self.file):
            yield from self._connection.execute(sql, values)

    def row(self, sql: str, values: tuple[object, ...] = ()) -> tuple[object, ...]:
        """The only row of a query."""
        [row] = self.rows(sql, values)
        return row

    def _tune(self, journal: str) -> None:
        self._connection.execute(f"PRAGMA journal_mode = {journal}")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(f"PRAGMA cache_size = -{_CACHE}")

    def _check(self, read_only: bool) -> None:
        """Makes the tables of a new file; refuses another format. Raises sqlite3.Error and StateError."""
        [(version,)] = self._connection.execute("PRAGMA user_version")
        if version == 0 and not read_only:
            with self.transaction() as connection:
                for statement in filter(None, map(str.strip, _SCHEMA.split(";"))):
                    connection.execute(statement)
        elif version == _FORMAT and not read_only:
            with self.transaction() as connection:  # says at once when the file may only be read
                connection.execute(f"PRAGMA user_version = {_FORMAT}")
        elif version != _FORMAT:
            raise damaged(self.file, f"its format is {version}, not {_FORMAT}: another version of faceattr made it")


def _connect(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=_PATIENCE, isolation_level=None)


def _open_to_read(file: Path) -> sqlite3.Connection:
    uri = f"file:{quote(bytes(file.absolute()))}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=_PATIENCE, isolation_level=None)
    try:
        connection.execute("PRAGMA user_version").fetchall()
    except sqlite3.OperationalError:  # a write-ahead log wants an index beside it, which not everyone may make
        connection.close()
        connection = sqlite3.connect(uri + "&immutable=1", uri=True, isolation_level=None)
    return connection


def remove(directory: Path) -> None:
    """Removes the state, if there is one. For the one run that holds the lock. Raises CannotWrite."""
    with writing_to(directory):
        for suffix in reversed(_SUFFIXES):  # the database last: its log without it means nothing, it alone is whole
            (directory / (NAME + suffix)).unlink(missing_ok=True)
