"""A bounded number of places to work at once, and a way to have all of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Slots:
    """Lets `count` callers in at once. One that needs all the memory there is can ask to be alone."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = count
        self._changed = threading.Condition()
        self._turn = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Waits for a free place and holds it."""
        self._take(1)
        try:
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
                    self._take(1)
                    taken += 1
                yield
            finally:
                self._give(taken)

    def _take(self, places: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._free >= places)
            self._free -= places

    def _give(self, places: int) -> None:
        with self._changed:
            self._free += places
            self._changed.notify_all()
