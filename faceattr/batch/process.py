"""One worker process as its parent sees it: its pipe, what it was given, since when it is at it."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections import deque
from multiprocessing import connection

from faceattr.batch.interrupts import deaf_children
from faceattr.batch.photo import Work
from faceattr.batch.worker import Message, worker_main
from faceattr.errors import EngineError

_LOADING = 600.0  # seconds for a worker to load its models, from a slow network share, say
_LAST = 2.0  # seconds for a process to be gone once it has hung up or was killed
_SPAWN = multiprocessing.get_context("spawn")


class Task:
    """A path on its way, its place in the order, and how many workers it has cost."""

    __slots__ = ("path", "place", "tries")

    def __init__(self, place: int, path: bytes) -> None:
        self.place, self.path, self.tries = place, path, 0


class Worker:
    """A worker process and the tasks that it was given and has not answered, oldest first: it is at the first one."""

    def __init__(self, work: Work) -> None:
        """Starts the process. Raises EngineError."""
        self.ready = False
        self.tasks: deque[Task] = deque()
        self.killed = False
        self._timeout = work.timeout
        self._since = time.monotonic()  # when it began with what it is at: loading, or the first task
        self.pipe: connection.Connection[bytes, Message]
        self.pipe, theirs = _SPAWN.Pipe()
        self.process = _SPAWN.Process(target=worker_main, args=(theirs, work), daemon=True)
        try:
            with deaf_children():
                self.process.start()
        except OSError as cause:
            self.pipe.close()
            raise EngineError(f"Cannot start a worker process: {cause.strerror}. Try fewer --workers.") from cause
        finally:
            theirs.close()

    @property
    def deadline(self) -> float:
        """When it has been too long at what it is at; infinity for one that waits."""
        if not self.ready:
            return self._since + _LOADING
        return self._since + self._timeout if self.tasks else float("inf")

    def loaded(self) -> None:
        self.ready, self._since = True, time.monotonic()

    def give(self, task: Task) -> None:
        if not self.tasks and self.ready:
            self._since = time.monotonic()
        self.tasks.append(task)
        try:
            self.pipe.send(task.path)
        except OSError:
            return  # it is dead; reading from the pipe will tell

    def answered(self) -> Task:
        """The task whose outcome has come."""
        self._since = time.monotonic()
        return self.tasks.popleft()

    def kill(self) -> None:
        """Ends a process that hangs; reading from its pipe will tell."""
        self.killed = True
        self.process.kill()

    def bury(self) -> str:
        """Reaps the dead process. Returns what ended it, for people."""
        self.pipe.close()
        self.process.join(_LAST)
        self.process.kill()
        self.process.join(_LAST)  # one that waits for a broken disk cannot even be killed: leave it behind
        code = self.process.exitcode or 0
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
