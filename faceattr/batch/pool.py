"""A pool of worker processes that survives the death of any of them and knows which photo was to blame.

concurrent.futures breaks as a whole when a process dies; here each worker has its own pipe, answers in the order it
was asked, and so died over the first path that it has not answered.
"""

from __future__ import annotations

import time
from multiprocessing import connection

from faceattr.batch import outcome
from faceattr.batch.identity import Identity, require_same
from faceattr.batch.outcome import Outcome
from faceattr.batch.photo import Work
from faceattr.batch.process import Task, Worker
from faceattr.batch.worker import Failed, Ready, Retired
from faceattr.errors import CannotWrite, EngineError, FaceAttrError, PackError, SettingsError, WriteFailed

_DEPTH = 2  # paths handed to a worker at once: it reads the next photo while it analyses one
_TRIES = 2  # workers that a photo may cost
_GRACE = 0.5  # seconds for workers to end by themselves once the parent hung up
_KINDS = (PackError, SettingsError, CannotWrite, WriteFailed)
_ERRORS: dict[str, type[FaceAttrError]] = {kind.code: kind for kind in _KINDS}


class Pool:
    """Worker processes for one run; a Runner. Leaving the context ends them all."""

    def __init__(self, work: Work, workers: int) -> None:
        """Starts the first worker, which loads while the caller goes on; others as they are needed, up to `workers`.

        Raises EngineError.
        """
        self.log: tuple[str, ...] = ()
        self.identity: Identity | None = None
        self._work = work
        self._most = workers
        self._workers = [Worker(work)]

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def loading(self) -> bool:
        """Whether no worker is ready yet."""
        return not any(worker.ready for worker in self._workers)

    @property
    def has_room(self) -> bool:
        """Whether some worker would not have to wait for its next path."""
        return len(self._workers) < self._most or any(len(worker.tasks) < _DEPTH for worker in self._workers)

    def submit(self, place: int, path: bytes) -> None:
        """Hands the path to the least busy worker, or a new one; its outcome will come with the same `place`."""
        worker = self._least_busy()
        if worker.tasks and len(self._workers) < self._most:
            try:
                worker = Worker(self._work)
                self._workers.append(worker)
            except EngineError:
                self._most = len(self._workers)  # the system has no process left for it: go on with fewer
        worker.give(Task(place, path))

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
                case Ready(identity, log):
                    worker.loaded()
                    self.log = self.log or log
                    self.identity = self.identity or identity
                    require_same(self.identity, identity, "A worker process")
                case Failed(code, sentence):
                    raise _ERRORS.get(code, EngineError)(sentence)
                case Retired():
                    self._replace(worker)
                case Outcome():
                    arrived.append((worker.answered().place, message))
        for worker in list(self._workers):
            if time.monotonic() > worker.deadline and not worker.killed:
                worker.kill()
                arrived += self._lost(worker)
        return arrived

    def close(self) -> None:
        """Ends all workers: at once those that wait, after a moment's grace those that do not."""
        for worker in self._workers:
            worker.pipe.close()
        deadline = time.monotonic() + _GRACE
        for worker in self._workers:
            worker.process.join(max(0, deadline - time.monotonic()))
            worker.process.kill()
        for worker in self._workers:
            worker.bury()
        self._workers.clear()

    def _lost(self, worker: Worker) -> list[tuple[int, Outcome]]:
        """Replaces a dead worker. Its tasks go on; one that has now cost too many workers is over instead."""
        if not worker.ready:
            return self._never_loaded(worker)
        over = []
        fate = worker.bury()
        if worker.tasks:
            task = worker.tasks[0]
            task.tries += 1
            if task.tries == _TRIES:
                worker.tasks.popleft()
                code, note = outcome.WORKER_DIED, f"the worker process {fate}"
                if worker.killed:
                    code, note = outcome.TIMEOUT, f"not done in {self._work.timeout:g} s, the second time"
                over.append((task.place, outcome.error(task.path, code, note=note)))
        self._replace(worker)
        return over

    def _never_loaded(self, worker: Worker) -> list[tuple[int, Outcome]]:
        self._workers.remove(worker)
        fate = worker.bury()
        if not self._workers:
            raise EngineError(f"A worker process {fate} while it loaded the models.")
        self._most = len(self._workers)  # there may be no memory for another analyzer: go on with fewer
        for task in worker.tasks:
            self._least_busy().give(task)
        return []

    def _replace(self, worker: Worker) -> None:
        """Puts a new process in the place of one that has ended, and gives it what that had not answered."""
        self._workers.remove(worker)
        worker.bury()
        replacement = Worker(self._work)
        self._workers.append(replacement)
        for task in worker.tasks:
            replacement.give(task)

    def _least_busy(self) -> Worker:
        return min(self._workers, key=lambda worker: len(worker.tasks))
