"""What runs on a node of a cluster: one analyzer, which turns batches of paths into outcomes. Knows nothing of Ray."""

from __future__ import annotations

import faulthandler
import itertools
import os
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from faceattr import memory
from faceattr.batch import photo
from faceattr.batch.identity import Identity
from faceattr.batch.outcome import Outcome
from faceattr.batch.photo import Photo, Work
from faceattr.batch.worker import Failed, resident
from faceattr.errors import CannotWrite, FaceAttrError
from faceattr.logs import mute_native_libraries

_AHEAD = 2  # photos in memory: the next one comes from the disk or the network while the processor has this one


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of the cluster: what Ray calls it, and what people do."""

    name: str
    host: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """The analyzer is loaded, and the photos are there."""

    node: Node
    identity: Identity


@dataclass(frozen=True, slots=True)
class Unfit:
    """Nothing will ever succeed on this node; the sentence says why."""

    node: Node
    sentence: str


@dataclass(frozen=True, slots=True)
class Analysed:
    """Outcomes in the order of the paths; `grown` asks for another worker, for this one takes too much memory."""

    outcomes: tuple[Outcome, ...]
    grown: bool


Answer = Loaded | Unfit | Failed | Analysed


class RayWorker:
    """An actor. Ray makes it on a node of its choice, and calls its methods one after the other."""

    def __init__(self, work: Work, node_name: Callable[[], str]) -> None:
        mute_native_libraries()
        memory.bound_allocator()
        self._work = work
        self._node = Node(node_name(), socket.gethostname())
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._size = 0

    def load(self, witnesses: Sequence[bytes]) -> Answer:
        """Loads the analyzer. `witnesses` are names that the driver sees beside the photos."""
        if sentence := self._missing(witnesses):
            return Unfit(self._node, sentence)
        try:
            self._analyzer = self._work.load(self._work.settings)
        except FaceAttrError as cause:
            return Unfit(self._node, str(cause))
        except Exception as cause:  # noqa: BLE001 - a missing library, say; the driver tells the user
            return Unfit(self._node, f"Cannot load the analyzer: {type(cause).__name__}: {cause}")
        return Loaded(self._node, self._analyzer.identity)

    def analyse(self, paths: Sequence[bytes]) -> Answer:
        """One outcome for each path. The process ends when a photo takes longer than it may."""
        outcomes = []
        with Path(os.devnull).open("wb") as nothing:
            try:
                for coming in self._read_ahead(paths):
                    # A thread in C, which needs no lock of Python's: code that hangs with that lock is ended, too.
                    faulthandler.dump_traceback_later(self._work.timeout, exit=True, file=nothing)
                    item = coming.result()
                    done = item if isinstance(item, Outcome) else photo.analyse(item, self._work, self._analyzer)
                    outcomes.append(done)
            except CannotWrite as cause:
                return Failed(cause.code, str(cause))
            finally:
                faulthandler.cancel_dump_traceback_later()
        self._size = self._size or resident()
        return Analysed(tuple(outcomes), self._has_grown())

    def _read_ahead(self, paths: Sequence[bytes]) -> Iterator[Future[Photo | Outcome]]:
        rest = iter(paths)
        coming = deque(self._reader.submit(photo.read, path, self._work) for path in itertools.islice(rest, _AHEAD))
        while coming:
            yield coming.popleft()
            coming.extend(self._reader.submit(photo.read, path, self._work) for path in itertools.islice(rest, 1))

    def _has_grown(self) -> bool:
        allowed = self._size + self._work.growth
        if resident() <= allowed:
            return False
        memory.give_back()
        return resident() > allowed

    def _missing(self, witnesses: Sequence[bytes]) -> str:
        """What a shared file system should show here and does not, in words; empty when all is there."""
        work = self._work
        seen = any(os.path.lexists(work.root / os.fsdecode(name)) for name in witnesses)
        if not (seen or (work.root.is_dir() and not witnesses)):
            return f"It does not have the photos: '{work.root}' is not what it is where the command runs."
        if work.pictures and not (work.pictures.directory.is_dir() and work.pictures.parts.is_dir()):
            return f"It does not have the directory for annotated pictures, '{work.pictures.directory}'."
        return ""
