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
_AT_ONCE = 64  # outcomes that need no worker, between looks at those that do


class Stop(Protocol):
    """What the user wants: Interrupts, but for tests."""

    @property
    def wanted(self) -> bool: ...

    @property
    def insisted(self) -> bool: ...


def _no_glance(_: Todo) -> None:
    """Every file is for the workers."""


def run(
    todo: Iterable[Todo],
    runner: Runner,
    pulse: Callable[[], None],
    stop: Stop,
    glance: Callable[[Todo], Outcome | None] = _no_glance,
) -> Iterator[tuple[Todo, Outcome]]:
    """One outcome for each file, as they come in; by `glance` where that has one, else by the runner.

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
        known: list[tuple[Todo, Outcome]] = []
        while more and runner.has_room and len(known) < _AT_ONCE and not stop.wanted:
            row = next(rows, None)
            if row is None:
                more = False
                break
            place, one = row
            outcome = glance(one)
            if outcome is None:
                under_way[place] = one
                runner.submit(place, one.path)
            else:
                known.append((one, outcome))
        yield from known
        if not (under_way or more) or stop.insisted or time.monotonic() > deadline:
            return
        for place, outcome in runner.outcomes(0 if known else _PATIENCE):
            yield under_way.pop(place), outcome


def wait_until_loaded(runner: Runner, check: Callable[[], None]) -> None:
    """Returns once a worker can analyse photos. `check` may raise. Raises what Runner.outcomes raises."""
    while runner.loading:
        check()
        runner.outcomes(_PATIENCE)
