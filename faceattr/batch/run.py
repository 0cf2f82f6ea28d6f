"""Run: entries of a scan → outcomes in the same order, by a pool of workers, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from faceattr.batch import outcome
from faceattr.batch.outcome import Outcome
from faceattr.batch.pool import Pool
from faceattr.batch.scan import Entry

_WINDOW = 1024  # outcomes that may wait for an earlier one, a slow photo's; about 1 kB a face
_PATIENCE = 0.2  # seconds between looks at whether the user wants to stop


def run(entries: Iterable[Entry], pool: Pool, check: Callable[[], None]) -> Iterator[Outcome]:
    """One outcome for each entry that belongs in the tables, in the order of the entries.

    `check` is called at least every 0.2 s and may raise to stop the run. Raises what Pool.outcomes raises.
    """
    rows = enumerate(entry for entry in entries if entry.kind in ("file", "missing", "unreadable"))
    waiting: dict[int, Outcome] = {}
    given = taken = 0
    more = True
    while True:
        check()
        while more and pool.has_room and given - taken < _WINDOW:
            row = next(rows, None)
            if row is None:
                more = False
                break
            given += 1
            place, entry = row
            if entry.kind == "file":
                pool.submit(place, entry.path)
            else:
                waiting[place] = _not_listed(entry)
        while taken in waiting:
            yield waiting.pop(taken)
            taken += 1
        if taken < given:
            waiting.update(pool.outcomes(_PATIENCE))
        elif not more:
            return


def wait_until_loaded(pool: Pool, check: Callable[[], None]) -> None:
    """Returns once a worker can analyse photos. Raises what Pool.outcomes raises."""
    while pool.loading:
        check()
        pool.outcomes(_PATIENCE)


def _not_listed(entry: Entry) -> Outcome:
    if entry.kind == "missing":
        return Outcome(entry.path, outcome.MISSING)
    return outcome.error(entry.path, outcome.UNREADABLE, note="the directory cannot be listed")
