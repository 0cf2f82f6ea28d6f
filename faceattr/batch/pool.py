"""A pool of worker processes that survives the death of any of them and knows which photo was to blame.

concurrent.futures breaks as a whole when a process dies; here each worker has its own pipe, answers in the order it
was asked, and so died over the first path that it has not answered.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections import deque
from multiprocessing import connection
from types import TracebackType

from faceattr.batch import outcome
from faceattr.batch.interrupts import deaf_children
from faceattr.batch.outcome import Outcome
from faceattr.batch.photo import Work
from faceattr.batch.worker import Failed, Message, Ready, worker_main
from faceattr.errors import CannotWrite, EngineError, FaceAttrError, PackError, SettingsError

_DEPTH = 2  # paths handed to a worker at once: the next one is there when it has answered
_TRIES = 2  # workers that a photo may cost
_GRACE = 2.0  # seconds for workers to finish their photo once the parent hung up
_ERRORS: dict[str, type[FaceAttrError]] = {kind.code: kind for kind in (PackError, SettingsError, CannotWrite)}
_SPAWN = multiprocessing.get_context("spawn")


class _Task:
    """A path on its way, its place in the order, and how many workers died over it."""

    __slots__ = ("deaths", "path", "place")

    def __init__(self, place: int, path: bytes) -> None:
        self.place, self.path, self.deaths = place, path, 0


class _Worker:
    """One process, its pipe, and the tasks it was given and has not answered, oldest first."""

    def __init__(self, work: Work) -> None:
        self.ready = False
        self.tasks: deque[_Task] = deque()
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

    def give(self, task: _Task) -> None:
        self.tasks.append(task)
        try:
            self.pipe.send(task.path)
        except OSError:
            return  # it is dead; reading from the pipe will tell

    def bury(self) -> str:
        """Reaps the dead process. Returns what ended it, for people."""
        self.pipe.close()
        self.process.join(_GRACE)
        self.process.kill()
        self.process.join()
        code = self.process.exitcode or 0
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"


class Pool:
    """Worker processes for one run. Leaving the context ends them all."""

    def __init__(self, work: Work, workers: int) -> None:
        """Starts `workers` processes; they load while the caller goes on. Raises EngineError."""
        self.log: tuple[str, ...] = ()  # what the first analyzer said while it loaded
        self._work = work
        self._workers: list[_Worker] = []
        try:
            for _ in range(workers):
                self._workers.append(_Worker(work))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    @property
    def has_room(self) -> bool:
        """Whether some worker would not have to wait for its next path."""
        return any(len(worker.tasks) < _DEPTH for worker in self._workers)

    @property
    def loading(self) -> bool:
        """Whether no worker is ready yet."""
        return not any(worker.ready for worker in self._workers)

    def submit(self, place: int, path: bytes) -> None:
        """Hands the path to the least busy worker; its outcome will come with the same `place`."""
        self._least_busy().give(_Task(place, path))

    def outcomes(self, timeout: float) -> list[tuple[int, Outcome]]:
        """What has come in, waiting at most `timeout` seconds for something, as (place, outcome).

        Raises PackError, EngineError or SettingsError when no analyzer can be loaded, CannotWrite for the output.
        """
        arrived: list[tuple[int, Outcome]] = []
        for pipe in connection.wait([worker.pipe for worker in self._workers], timeout):
            worker = next(worker for worker in self._workers if worker.pipe is pipe)
            try:
                message = worker.pipe.recv()
            except (EOFError, OSError):
                arrived += self._lost(worker)
                continue
            match message:
                case Ready(log):
                    worker.ready = True
                    self.log = self.log or log
                case Failed(code, sentence):
                    raise _ERRORS.get(code, EngineError)(sentence)
                case Outcome():
                    arrived.append((worker.tasks.popleft().place, message))
        return arrived

    def close(self) -> None:
        """Ends all workers: at once those that wait, after a moment's grace those that do not."""
        for worker in self._workers:
            worker.pipe.close()
        deadline = time.monotonic() + _GRACE
        for worker in self._workers:
            worker.process.join(max(0, deadline - time.monotonic()))
            worker.process.kill()
            worker.process.join()
        self._workers.clear()

    def _lost(self, worker: _Worker) -> list[tuple[int, Outcome]]:
        """Replaces a dead worker. Its tasks go on; one that has now cost too many workers is over instead."""
        self._workers.remove(worker)
        fate = worker.bury()
        if not worker.ready:
            if not self._workers:
                raise EngineError(f"A worker process {fate} while it loaded the models.")
            for task in worker.tasks:  # there may be no memory for another analyzer: go on with fewer
                self._least_busy().give(task)
            return []
        over = []
        if worker.tasks:
            worker.tasks[0].deaths += 1
            if worker.tasks[0].deaths == _TRIES:
                task = worker.tasks.popleft()
                note = f"the worker process {fate}"
                over.append((task.place, outcome.error(task.path, outcome.WORKER_DIED, note=note)))
        replacement = _Worker(self._work)
        self._workers.append(replacement)
        for task in worker.tasks:
            replacement.give(task)
        return over

    def _least_busy(self) -> _Worker:
        return min(self._workers, key=lambda worker: len(worker.tasks))
