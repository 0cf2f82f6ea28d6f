"""A worker process: loads one analyzer, then turns paths into outcomes until the parent hangs up."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from multiprocessing.connection import Connection

from faceattr.batch.outcome import Outcome
from faceattr.batch.photo import Analyzer, Work, process
from faceattr.errors import CannotWrite, EngineError, FaceAttrError
from faceattr.logs import mute_native_libraries
from faceattr.settings import Settings


@dataclass(frozen=True, slots=True)
class Ready:
    """The analyzer is loaded; `log` has the lines that loading it logged: which pack, from where, its digests."""

    log: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """No photo will ever succeed: the `code` of the error class and its sentence."""

    code: str
    sentence: str


Message = Ready | Failed | Outcome


def load_analyzer(settings: Settings) -> Analyzer:
    """The real analyzer. Imported here, in the worker, so that the parent stays small and starts at once."""
    from faceattr.analyzer import FaceAnalyzer

    return FaceAnalyzer.from_settings(settings)


def worker_main(connection: Connection[Message, bytes], work: Work) -> None:
    """Sends Ready, then an Outcome for each path received, in their order; or Failed, and ends.

    Ends by itself when the parent hangs up or dies: its end of the connection is then closed.
    """
    mute_native_libraries()
    try:
        _serve(connection, work)
    except (EOFError, ConnectionError):
        return


def _serve(connection: Connection[Message, bytes], work: Work) -> None:
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    package = logging.getLogger("faceattr")
    package.setLevel(logging.INFO)
    package.addHandler(handler)
    try:
        analyzer = work.load(work.settings)
    except FaceAttrError as cause:
        connection.send(Failed(cause.code, str(cause)))
        return
    except Exception as cause:  # noqa: BLE001 - a missing library, say; the parent tells the user
        connection.send(Failed(EngineError.code, f"Cannot load the analyzer: {type(cause).__name__}: {cause}"))
        return
    package.removeHandler(handler)
    connection.send(Ready(tuple(logged.getvalue().splitlines())))
    while True:
        try:
            answer: Message = process(connection.recv(), work, analyzer)
        except CannotWrite as cause:
            answer = Failed(cause.code, str(cause))
        connection.send(answer)
