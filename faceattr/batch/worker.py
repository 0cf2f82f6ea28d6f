"""A worker process: loads one analyzer, then turns paths into outcomes until the parent hangs up."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import logging
import os
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue

from faceattr import memory
from faceattr.batch import photo
from faceattr.batch.identity import Identity
from faceattr.batch.outcome import Outcome
from faceattr.batch.photo import Analyzer, Photo, Work
from faceattr.errors import CannotWrite, EngineError, FaceAttrError
from faceattr.logs import mute_native_libraries
from faceattr.options import Options
from faceattr.settings import Settings
from faceattr.types import Analysis, PictureFormat

_SETTLED = 20  # photos after which a worker has the size that it keeps


@dataclass(frozen=True, slots=True)
class Ready:
    """The analyzer is loaded; `log` has the lines that loading it logged: which pack, from where, its digests."""

    identity: Identity
    log: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """No photo will ever succeed: the `code` of the error class and its sentence."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Retired:
    """The worker has grown too large and ends; what it has not answered is for another one."""


Message = Ready | Failed | Retired | Outcome


class PackAnalyzer:
    """The real analyzer. Imported here, in the worker, so that the parent stays small and starts at once."""

    def __init__(self, settings: Settings) -> None:
        """Raises PackError or EngineError saying what is wrong."""
        from faceattr.analyzer import FaceAnalyzer

        self._analyzer = FaceAnalyzer.from_settings(settings)
        models = self._analyzer.models
        pack = dataclasses.replace(models.pack, directory=Path())
        manifest = hashlib.sha256(repr(pack).encode()).hexdigest()
        engine = self._analyzer.engine
        name = engine.name.split()[0]
        self.identity = Identity(pack.name, pack.version, models.digest, manifest, name, engine.precision)

    def analyze(self, photo: bytes, options: Options, *, picture: PictureFormat | None = None) -> Analysis:
        return self._analyzer.analyze(photo, options, picture=picture)


def worker_main(connection: Connection[Message, bytes], work: Work) -> None:
    """Sends Ready, then an Outcome for each path received, in their order; or Failed or Retired, and ends.

    Ends by itself when the parent hangs up or dies: its end of the connection is then closed.
    """
    mute_native_libraries()
    memory.bound_allocator()
    try:
        analyzer = _load(connection, work)
        if analyzer is not None:
            _serve(connection, work, analyzer)
    except (EOFError, ConnectionError):
        return


def _load(connection: Connection[Message, bytes], work: Work) -> Analyzer | None:
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    package = logging.getLogger("faceattr")
    package.setLevel(logging.INFO)
    package.addHandler(handler)
    try:
        analyzer = work.load(work.settings)
    except FaceAttrError as cause:
        connection.send(Failed(cause.code, str(cause)))
        return None
    except Exception as cause:  # noqa: BLE001 - a missing library, say; the parent tells the user
        connection.send(Failed(EngineError.code, f"Cannot load the analyzer: {type(cause).__name__}: {cause}"))
        return None
    package.removeHandler(handler)
    connection.send(Ready(analyzer.identity, tuple(logged.getvalue().splitlines())))
    return analyzer


def _serve(connection: Connection[Message, bytes], work: Work, analyzer: Analyzer) -> None:
    photos: SimpleQueue[Photo | Outcome | None] = SimpleQueue()
    # A thread of its own: the next photo comes from the disk or the network while the processor has this one.
    threading.Thread(target=_read_ahead, args=(connection, work, photos), daemon=True).start()
    size, answered = 0, 0
    while (item := photos.get()) is not None:
        try:
            answer: Message = item if isinstance(item, Outcome) else photo.analyse(item, work, analyzer)
        except CannotWrite as cause:
            answer = Failed(cause.code, str(cause))
        connection.send(answer)
        answered += 1
        if answered == _SETTLED:
            size = resident()
        if answered > _SETTLED and resident() > size + work.growth:
            memory.give_back()
            if resident() > size + work.growth:
                connection.send(Retired())
                return


def _read_ahead(
    connection: Connection[Message, bytes], work: Work, photos: SimpleQueue[Photo | Outcome | None]
) -> None:
    """Reads each path that comes; the parent sends only as many as may be in memory at once."""
    try:
        while True:
            photos.put(photo.read(connection.recv(), work))
    except (EOFError, OSError):
        photos.put(None)


def resident() -> int:
    """Bytes of memory that this process has; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - once a photo, so at its cheapest
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
