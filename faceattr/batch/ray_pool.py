"""A Runner whose workers are on the nodes of a cluster, each with one analyzer; nodes come and go as they like.

Photos go out in batches. When a worker or its node dies, the photos of its batch go on one by one, each alone on a
worker, so that one that ends its worker is found, and those that were only near it are not.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from faceattr.batch import outcome
from faceattr.batch.outcome import Outcome
from faceattr.batch.photo import Pictures, Work
from faceattr.batch.pool import Pool
from faceattr.batch.process import Task
from faceattr.batch.ray_actors import Actor, Call, Cluster, WorkerLost
from faceattr.batch.ray_cluster import RayCluster
from faceattr.batch.ray_crew import Crew
from faceattr.batch.ray_worker import Analysed, Loaded, Unfit
from faceattr.batch.worker import Failed
from faceattr.errors import CannotWrite, WriteFailed

_BATCH = 8  # photos a call: a call costs the cluster about a millisecond
_DEPTH = 2  # calls that an actor has at once, so that it need not wait for the next
_TRIES = 2  # workers that a photo may cost while it is alone


class RayPool:
    """Workers for one run on a cluster; a Runner. Leaving the context ends them all."""

    def __init__(self, work: Work, least: int, most: int, cluster: Cluster) -> None:
        """Loads the models here once, to know what every worker must have; then asks for `least` workers.

        There will be up to `most`, as many as the cluster has room for. Raises PackError, EngineError, SettingsError.
        """
        self._work = work = _anywhere(work)
        self._cluster = cluster
        with Pool(work, workers=1) as here:
            while here.loading:
                here.outcomes(0.2)
            self.log, self.identity = here.log, here.identity
        self._crew = Crew(work, least, most, cluster, here.identity)
        self._waiting: deque[Task] = deque()
        self._suspects: deque[Task] = deque()  # each may have ended a worker
        self._held = 0

    def __enter__(self) -> RayPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def loading(self) -> bool:
        """Whether no worker is ready yet."""
        return not self._crew.ready

    @property
    def has_room(self) -> bool:
        """Whether the workers there are would be idle before long without another path."""
        return self._held < (_DEPTH + 1) * _BATCH * max(1, len(self._crew.ready))

    def submit(self, place: int, path: bytes) -> None:
        """Takes the path; its outcome will come with the same `place`."""
        self._waiting.append(Task(place, path))
        self._held += 1

    def outcomes(self, timeout: float) -> list[tuple[int, Outcome]]:
        """What has come in, waiting at most `timeout` seconds for something, as (place, outcome).

        Raises PackError when no node has the right models, EngineError when the cluster has no place for workers or is
        gone, CannotWrite for the output.
        """
        self._crew.grow(hungry=bool(self._waiting))
        self._hand_out()
        arrived: list[tuple[int, Outcome]] = []
        lost: list[tuple[Actor, str]] = []
        for reference in self._cluster.wait(self._crew.references, timeout):
            actor = self._crew.asked(reference)
            try:
                answer = self._cluster.answer(reference)
            except WorkerLost as cause:
                lost.append((actor, str(cause)))  # after what it has answered, for then its calls are the unanswered
                continue
            call = actor.answered(reference)
            match answer:
                case Loaded(node, identity):
                    self._crew.admit(actor, node, identity)
                case Unfit(node, sentence):
                    self._crew.refuse(actor, node, sentence)
                case Failed(code, sentence):
                    raise (WriteFailed if code == WriteFailed.code else CannotWrite)(sentence)
                case Analysed(outcomes, grown):
                    actor.retiring = actor.retiring or grown
                    arrived += self._accepted(call.tasks, outcomes)
        lost += [(actor, "it hangs") for actor in self._crew.ready if actor.overdue(self._work.timeout)]
        for actor, fate in lost:
            arrived += self._over(*self._crew.lose(actor, fate), fate)
        self._crew.require_hope()
        self._hand_out()
        self._held -= len(arrived)
        return arrived

    def close(self) -> None:
        """Ends all workers, at once, and leaves the cluster."""
        self._crew.close()
        self._cluster.close()

    def _hand_out(self) -> None:
        """Suspects to workers that have nothing else; the others in batches, smaller ones when little is left."""
        crew = [actor for actor in self._crew.ready if not actor.retiring]
        for actor in crew:
            if self._suspects and not actor.calls:
                self._give(actor, [self._suspects.popleft()], alone=True)
        depth = 1 if self._suspects else _DEPTH
        while self._waiting:
            free = [actor for actor in crew if len(actor.calls) < depth and not actor.alone]
            if not free:
                return
            slots = sum(depth - len(actor.calls) for actor in free)
            size = min(_BATCH, math.ceil(len(self._waiting) / slots))
            actor = min(free, key=lambda actor: len(actor.calls))
            self._give(actor, [self._waiting.popleft() for _ in range(size)], alone=False)

    def _give(self, actor: Actor, tasks: Sequence[Task], *, alone: bool) -> None:
        reference = self._cluster.call(actor.handle, "analyse", [task.path for task in tasks])
        actor.give(Call(reference, tasks, alone))

    def _accepted(self, tasks: Sequence[Task], outcomes: Sequence[Outcome]) -> Iterator[tuple[int, Outcome]]:
        """The outcomes, but for files that a worker does not see and that are there: its node may have lost them."""
        for task, found in zip(tasks, outcomes, strict=True):
            if found.outcome != outcome.MISSING or not os.path.lexists(self._work.root / os.fsdecode(task.path)):
                yield task.place, found
            elif self._last_try(task):
                note = "workers do not find it, and here it is: is the directory shared with every node?"
                yield task.place, outcome.error(task.path, outcome.UNREADABLE, note=note)

    def _over(self, calls: Sequence[Call], seconds: float, fate: str) -> Iterator[tuple[int, Outcome]]:
        """What a dead worker was asked goes on; a photo that has now cost too many workers is over instead."""
        for call in reversed(calls[1:]):
            self._waiting.extendleft(reversed(call.tasks))
        if not calls:
            return
        if len(calls[0].tasks) > 1:
            self._suspects.extend(calls[0].tasks)
            return
        for task in calls[0].tasks:
            if self._last_try(task):
                late = seconds >= self._work.timeout
                note = (
                    f"not done in {self._work.timeout:g} s, the second time"
                    if late
                    else f"its worker ended, the second time: {fate}"
                )
                code = outcome.TIMEOUT if late else outcome.WORKER_DIED
                yield task.place, outcome.error(task.path, code, note=note)

    def _last_try(self, task: Task) -> bool:
        """Whether the task has had its tries; if not, it goes on, alone."""
        task.tries += 1
        if task.tries < _TRIES:
            self._suspects.append(task)
        return task.tries >= _TRIES


def on_cluster(address: str, work: Work, least: int, most: int) -> RayPool:
    """A RayPool on the cluster at that address. Raises SettingsError without Ray, and what RayPool raises."""
    cluster = RayCluster(address)
    try:
        return RayPool(work, least, most, cluster)
    except BaseException:
        cluster.close()
        raise


def _anywhere(work: Work) -> Work:
    """The same work in absolute paths: other processes are in other directories."""

    def absolute(path: Path) -> Path:
        return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links, which may differ there

    pictures = work.pictures and Pictures(absolute(work.pictures.directory), absolute(work.pictures.parts))
    models = work.settings.models and str(absolute(Path(work.settings.models)))
    settings = dataclasses.replace(work.settings, models=models)
    return dataclasses.replace(work, root=absolute(work.root), settings=settings, pictures=pictures)
