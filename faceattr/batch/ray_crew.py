"""Which workers a run has on its cluster: it asks for more, admits those that fit, refuses others, replaces lost ones.

A refused worker stays, idle: so it holds the place on its node that Ray would otherwise give to the next one.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from faceattr.batch.identity import Identity, require_same
from faceattr.batch.photo import Work
from faceattr.batch.ray_actors import Actor, Call, Cluster
from faceattr.batch.ray_worker import Node
from faceattr.errors import EngineError, PackError

_WITNESSES = 5  # one would do, but any of them may be gone a moment later
_STILLBORN = 5  # workers that may end in a row before they are ready
_PATIENCE = 900.0  # seconds without any worker: machines of a cloud take minutes to come
_LONGEST_PAUSE = 60.0  # seconds after a worker that ended before it was ready

_log = logging.getLogger(__name__)


class Crew:
    """The actors of one run."""

    def __init__(self, work: Work, least: int, most: int, cluster: Cluster, identity: Identity | None) -> None:
        self._work = work
        self._least, self._most = least, max(least, most)
        self._cluster = cluster
        self._identity = identity
        self._actors: list[Actor] = []
        self._refused: dict[str, str] = {}  # node → why
        self._stillborn, self._fate = 0, ""
        self._not_before = 0.0
        self._last_ready = time.monotonic()
        self.grow(hungry=False)

    @property
    def ready(self) -> list[Actor]:
        """Those that can analyse photos."""
        return [actor for actor in self._actors if actor.ready]

    @property
    def references(self) -> list[Any]:
        """What has been asked and not been answered."""
        return [call.reference for actor in self._actors for call in actor.calls]

    def asked(self, reference: Any) -> Actor:
        """Who was asked."""
        return next(actor for actor in self._actors for call in actor.calls if call.reference == reference)

    def grow(self, *, hungry: bool) -> None:
        """Asks for workers up to the least number, and beyond it while there is work: as many more as there are.

        A wish that the cluster has no place for stays with it, which is what makes a cluster that can grow do so.
        """
        for actor in [actor for actor in self._actors if actor.retiring and not actor.calls]:
            self._drop(actor)
        if time.monotonic() < self._not_before:
            return
        ready = len(self.ready)
        coming = sum(not (actor.ready or actor.refused) for actor in self._actors)
        wanted = self._least - ready
        if hungry and ready:
            wanted = max(wanted, min(self._most - ready, ready))
        for _ in range(wanted - coming):
            actor = Actor(self._cluster.start(self._work))
            actor.give(Call(self._cluster.call(actor.handle, "load", _witnesses(self._work.root))))
            self._actors.append(actor)

    def admit(self, actor: Actor, node: Node, identity: Identity) -> None:
        """Takes a worker that has loaded its models, if they are those of this machine."""
        try:
            require_same(self._identity or identity, identity, "It")
        except PackError as cause:
            self.refuse(actor, node, str(cause))
            return
        actor.ready = True
        self._stillborn = 0

    def refuse(self, actor: Actor, node: Node, sentence: str) -> None:
        """Gives that worker no photos, and says why, once a node."""
        actor.refused = True
        if node.name not in self._refused:
            self._refused[node.name] = f"Node {node.host} is not used. {sentence}"
            _log.warning("%s", self._refused[node.name])

    def lose(self, actor: Actor, fate: str) -> tuple[Sequence[Call], float]:
        """Strikes off a worker that is gone. Returns the calls it has not answered, and seconds since the first began.

        Both are nothing for one that has been struck off already or was not ready.
        """
        if actor not in self._actors:
            return (), 0.0
        self._drop(actor)
        if actor.ready:
            return tuple(actor.calls), time.monotonic() - actor.since
        self._stillborn, self._fate = self._stillborn + 1, fate
        self._not_before = time.monotonic() + min(_LONGEST_PAUSE, 2.0**self._stillborn)
        return (), 0.0

    def require_hope(self) -> None:
        """Raises PackError or EngineError when no worker is ready and none can be expected."""
        if self.ready:
            self._last_ready = time.monotonic()
            return
        if self._refused and self._cluster.nodes() <= self._refused.keys():
            raise PackError(next(iter(self._refused.values())))
        if self._stillborn >= _STILLBORN:
            raise EngineError(f"Workers end before they are ready, on node after node. The last one: {self._fate}")
        if time.monotonic() > self._last_ready + _PATIENCE:
            raise EngineError(
                f"For {_PATIENCE / 60:.0f} minutes the cluster has had no processor free for a worker. See: ray status"
            )

    def close(self) -> None:
        """Ends all workers at once."""
        for actor in list(self._actors):
            self._drop(actor)

    def _drop(self, actor: Actor) -> None:
        self._actors.remove(actor)
        self._cluster.kill(actor.handle)


def _witnesses(directory: Path) -> tuple[bytes, ...]:
    """A few names in the directory, of which every node must see at least one; none in an empty one."""
    with contextlib.suppress(OSError), os.scandir(os.fsencode(directory)) as entries:
        return tuple(entry.name for entry in itertools.islice(entries, _WITNESSES))
    return ()
