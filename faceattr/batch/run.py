"""Run: files that are to be done → their outcomes, by workers, in bounded memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from faceattr.batch.outcome import Outcome
from faceattr.batch.runner import Runner
from faceattr.batch.state import Todo

_PATIENCE = 0.2  # seconds between looks at whether the user wants to stop
_GRACE = 10.0  # seconds for photos under way to finish then; most take a fraction of one


class Stop(Protocol):
    """What the user wants: Interrupts, but for tests."""

    @property
    def wanted(self) -> bool: ...

    @property
    def insisted(self) -> bool: ...


def run(todo: Iterable[Todo], runner: Runner, pulse: Callable[[], None], stop: Stop) -> Iterator[tuple[Todo, Outcome]]:
    """One outcome for each file, as they come in.

    `pulse` is called at least every 0.2 s. Once `stop.wanted`, nothing more is begun and what is under way is waited
    for, ten seconds at most, and no longer once `stop.insisted`. Raises what Runner.outcomes raises.
    """
    rows = enumerate(todo)
    under_way: dict[int, Todo] = {}
    more, deadline = True, float("inf")
    while True:
        pulse()
        if stop.wanted:
            more, deadline = False, min(deadline, time.monotonic() + _GRACE)
        while more and runner.has_room:
            row = next(rows, None)
            if row is None:
                more = False
                break
            place, under_way[row[0]] = row
            runner.submit(place, row[1].path)
        if not (under_way or more) or stop.insisted or time.monotonic() > deadline:
            return
        for place, outcome in runner.outcomes(_PATIENCE):
            yield under_way.pop(place), outcome


def wait_until_loaded(runner: Runner, check: Callable[[], None]) -> None:
    """Returns once a worker can analyse photos. `check` may raise. Raises what Runner.outcomes raises."""
    while runner.loading:
        check()
        runner.outcomes(_PATIENCE)
