"""Entries of a scan → the state, in bounded memory: what there is to do, and what has gone since the last time."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import cast

from faceattr.batch.database import SCAN_COLUMNS, Database
from faceattr.batch.scan import Entry
from faceattr.batch.selection import Chooser
from faceattr.batch.state import FILE, MISSING, UNREADABLE

_CHUNK = 8192  # entries in memory, and in one transaction
_KINDS = {"file": FILE, "missing": MISSING, "unreadable": UNREADABLE}
_PUT = "INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?)"


def survey(
    database: Database, entries: Iterable[Entry], root: Path, chooser: Chooser, expected: Callable[[bytes], bool]
) -> Counter[str]:
    """Replaces the scan in the state by these entries, all at once. Returns how many of each kind are not to be read.

    A file that the state has and the entries have not becomes `missing`, if `expected(path)`: were it there, it would
    be among the entries. Raises what `entries` and State raise; the old scan then stays.
    """
    with database.transaction() as connection:
        connection.execute("DROP TABLE IF EXISTS found")
        connection.execute(f"CREATE TABLE found ({SCAN_COLUMNS}) WITHOUT ROWID")
    not_read: Counter[str] = Counter()
    _put(database, _listed(entries, chooser, not_read))
    for table in ("scan", "outcomes"):
        _put(database, _vanished(database, table, root, chooser, expected))
    with database.transaction() as connection:
        connection.execute("DROP TABLE scan")
        connection.execute("ALTER TABLE found RENAME TO scan")
    return not_read


def _listed(entries: Iterable[Entry], chooser: Chooser, not_read: Counter[str]) -> Iterator[tuple[object, ...]]:
    for entry in entries:
        kind = _KINDS.get(entry.kind)
        if kind is None:
            not_read[entry.kind] += 1
        elif chooser.owns(entry.path):
            yield entry.path, kind, entry.size, entry.mtime_ns


def _vanished(
    database: Database, table: str, root: Path, chooser: Chooser, expected: Callable[[bytes], bool]
) -> Iterator[tuple[object, ...]]:
    """Rows for the files of a table that are not found any more."""
    last = b""
    while True:
        query = (
            f"SELECT path FROM {table} AS old WHERE path > ? "  # noqa: S608
            f"AND NOT EXISTS (SELECT 1 FROM found WHERE found.path = old.path) ORDER BY path LIMIT {_CHUNK}"
        )
        page = [cast(bytes, path) for (path,) in database.rows(query, (last,))]
        if not page:
            return
        last = page[-1]
        for path in page:
            if path.endswith(b"/") or not (expected(path) and chooser.owns(path)):
                continue
            kind = _fate(root, path)
            if kind is not None:
                yield path, kind, None, None


def _fate(root: Path, path: bytes) -> int | None:
    """What has become of a file that the scan did not find; None when it is there, but no longer to be read."""
    try:
        os.lstat(root / os.fsdecode(path))
    except (FileNotFoundError, NotADirectoryError):
        return MISSING
    except OSError:
        return FILE  # behind a directory that is closed now; reading it will tell
    return None


def _put(database: Database, rows: Iterator[tuple[object, ...]]) -> None:
    # Sorted, neighbours go to one page of the tree, which is then read and written once.
    while chunk := sorted(islice(rows, _CHUNK), key=itemgetter(0)):
        with database.transaction() as connection:
            connection.executemany(_PUT, chunk)
