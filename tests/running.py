"""A service inside the test's process, its analyses held at a gate until the test opens it."""

from __future__ import annotations

import http.client
import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from flask import Flask

from faceattr.analyzer import FaceAnalyzer
from faceattr.options import Options
from faceattr.settings import Settings
from faceattr.slots import ENDLESS, Patience
from faceattr.types import Analysis, PictureFormat
from faceattr.web.app import create_app
from faceattr.web.server import Server

PATIENCE_S = 30.0
"""How long a test waits for what must happen."""


class Gate:
    """An analyzer that answers every photo alike, and only once its gate is open."""

    def __init__(self, real: FaceAnalyzer, picture: bytes | None = None) -> None:
        self.models, self.engine, self.slots = real.models, real.engine, real.slots
        self.opened = threading.Event()
        self.photos: list[bytes] = []
        self._picture = picture

    def analyze(
        self,
        photo: bytes,
        options: Options | None = None,
        *,
        picture: PictureFormat | None = None,
        patience: Patience = ENDLESS,
    ) -> Analysis:
        self.photos.append(photo)
        assert self.opened.wait(PATIENCE_S)
        return Analysis((), 64, 64, 0, "pack", "1", "engine", {"total": 0.0}, self._picture)


class Running:
    """A running Server and its port."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.port = int(server.addresses.rpartition(":")[2])
        self.ended: bool | None = None
        self.clients: list[Client] = []

    def connect(self) -> Client:
        self.clients.append(Client.to(self.port))
        return self.clients[-1]

    def send(self, data: bytes) -> Client:
        client = self.connect()
        client.send(data)
        return client


class _Kept(io.BufferedReader):
    """Reads a connection: of two answers that come together, the second is still there after the first."""

    def makefile(self, mode: str) -> _Kept:
        return self

    def close(self) -> None:
        """An answer that has been read ends nothing."""


class Client:
    """One connection, read and written by hand."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._reader = _Kept(socket.SocketIO(connection, "r"))

    @classmethod
    def to(cls, port: int) -> Client:
        return cls(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S))

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def answer(self, method: str = "POST") -> tuple[int, dict[str, str], Any]:
        """Status, headers and JSON of the next answer; b"" for no body."""
        response = http.client.HTTPResponse(self._reader, method=method)  # type: ignore[arg-type] # it only makes a file of it
        response.begin()
        body = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers, json.loads(body) if body else body

    def code(self) -> str:
        """The code of the next answer, "ok" for a success."""
        status, _, body = self.answer()
        return "ok" if status == 200 else str(body["code"])

    def is_closed(self) -> bool:
        """Whether the service ends the connection, without another word."""
        try:
            return self._reader.read(1) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self._socket.close()


def photo_request(body: bytes = b"photo", *, path: str = "/analyze", length: int | None = None) -> bytes:
    """A POST of a photo; with `length`, one whose body is longer than what is sent of it."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: "
    return f"{head}{len(body) if length is None else length}\r\n\r\n".encode() + body


def get(path: str, method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def until(condition: Callable[[], bool]) -> None:
    """Waits for what must become true."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.005)


@contextmanager
def running(
    analyzer: Gate | FaceAnalyzer, change: Callable[[Flask], None] | None = None, **settings: Any
) -> Iterator[Running]:
    """A service on a free port of this machine; stopped at the end. `change` may add routes."""
    chosen = Settings(**{"port": 0, "slots": 1, "waiting": 1, "threads": 2, "drain_seconds": 20, **settings})
    app = create_app(chosen, analyzer=analyzer)  # type: ignore[arg-type]
    if change:
        change(app)
    made: list[Running] = []
    is_made = threading.Event()

    def run() -> None:
        # The I/O loop's thread is the one that makes the server.
        made.append(Running(Server(app, chosen)))
        is_made.set()
        made[0].ended = made[0].server.run()

    thread = threading.Thread(target=run)
    thread.start()
    assert is_made.wait(PATIENCE_S)
    try:
        yield made[0]
    finally:
        if isinstance(analyzer, Gate):
            analyzer.opened.set()
        for client in made[0].clients:
            client.close()
        if made[0].ended is None:
            # It may end at this moment.
            with suppress(OSError):
                made[0].server.stop()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
