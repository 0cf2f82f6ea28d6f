"""Actors as the driver sees them: where they are, what they were asked and have not answered, since when."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from faceattr.batch.photo import Work
from faceattr.batch.process import Task
from faceattr.batch.ray_worker import Answer
from faceattr.errors import FaceAttrError

_SLACK = 60.0  # seconds for the network, beyond what its photos may take; by then a worker should have ended itself


class WorkerLost(FaceAttrError):
    """An actor, or the node that it was on, is gone, and its answer with it."""

    code = "worker_died"


class Cluster(Protocol):
    """What the pool needs of RayCluster. A reference, hashable, is to an answer that is still to come."""

    def start(self, work: Work) -> Any: ...

    def call(self, actor: Any, method: str, argument: object) -> Any: ...

    def wait(self, references: Sequence[Any], timeout: float) -> list[Any]: ...

    def answer(self, reference: Any) -> Answer: ...

    def kill(self, actor: Any) -> None: ...

    def nodes(self) -> set[str]: ...

    def close(self) -> None: ...


class Call(NamedTuple):
    """What an actor was asked: the photos, none for loading; `alone` when no other photo may come near them."""

    reference: Any
    tasks: Sequence[Task] = ()
    alone: bool = False


class Actor:
    """One worker. It is at the first of its calls."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self.ready = self.refused = self.retiring = False
        self.calls: deque[Call] = deque()
        self.since = time.monotonic()

    @property
    def alone(self) -> bool:
        """Whether it has a photo that must be alone."""
        return any(call.alone for call in self.calls)

    def give(self, call: Call) -> None:
        if not self.calls:
            self.since = time.monotonic()
        self.calls.append(call)

    def answered(self, reference: Any) -> Call:
        """The call that this is the answer to; the next one has begun."""
        call = next(call for call in self.calls if call.reference == reference)
        self.calls.remove(call)
        self.since = time.monotonic()
        return call

    def overdue(self, timeout: float) -> bool:
        """Whether its photos take longer than they may; there is no such limit for finding a place and loading."""
        if not (self.ready and self.calls):
            return False
        return time.monotonic() > self.since + timeout * len(self.calls[0].tasks) + _SLACK
