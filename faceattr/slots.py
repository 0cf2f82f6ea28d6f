"""A bounded number of places to work at once, taken in the order of asking, and a way to have all of them."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from faceattr.errors import Abandoned, Overloaded

T = TypeVar("T")


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a caller waits for a place, and whether anybody still waits for what it would do there."""

    until: float = math.inf
    """On time.monotonic's clock."""
    gone: Callable[[], bool] = _never


ENDLESS = Patience()


def beside(work: Callable[[], T], cores: int) -> Callable[[], T]:
    """What gives the outcome of some work: done at once on a thread of its own with two cores or more, else when asked
    for. Raises what the work raises."""
    if cores < 2:
        return work
    pool = ThreadPoolExecutor(1)
    outcome = pool.submit(work)
    pool.shutdown(wait=False)
    return outcome.result


class Slots:
    """Lets `count` callers in at once, first come, first served. One that needs all the memory can ask to be alone."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = count
        self._changed = threading.Condition()
        self._line: deque[object] = deque()
        self._turn = threading.Lock()

    @contextmanager
    def one(self, patience: Patience = ENDLESS) -> Iterator[None]:
        """Waits for a free place and holds it.

        Raises Overloaded when none is free in time, Abandoned when by then nobody waits for the work any more.
        """
        self._take(patience.until)
        try:
            if patience.gone():
                raise Abandoned("The client left before its turn came.")
            yield
        finally:
            self._give(1)

    @contextmanager
    def all(self) -> Iterator[None]:
        """Waits until everybody has left and keeps everybody out; one such caller at a time."""
        with self._turn:
            taken = 0
            try:
                # Place by place, so that a stream of single callers cannot keep this one waiting.
                while taken < self._count:
                    self._take(math.inf)
                    taken += 1
                yield
            finally:
                self._give(taken)

    @property
    def busy(self) -> int:
        """How many places are taken."""
        return self._count - self._free

    @property
    def is_calm(self) -> bool:
        """Whether at most one place is taken: whoever is there may have all cores."""
        return self.busy <= 1

    @property
    def waiting(self) -> int:
        """How many callers wait for a place."""
        return len(self._line)

    def _take(self, until: float) -> None:
        me = object()
        with self._changed:
            self._line.append(me)
            try:
                if not self._wait_for(lambda: self._free > 0 and self._line[0] is me, until):
                    raise Overloaded("The service has more photos than it can analyse; try again soon.")
                self._free -= 1
            finally:
                self._line.remove(me)
                self._changed.notify_all()

    def _wait_for(self, ready: Callable[[], bool], until: float) -> bool:
        timeout = None if until == math.inf else max(0.0, until - time.monotonic())
        return self._changed.wait_for(ready, timeout)

    def _give(self, places: int) -> None:
        with self._changed:
            self._free += places
            self._changed.notify_all()
