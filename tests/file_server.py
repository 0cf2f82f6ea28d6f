"""A local HTTP server that answers as it is told, well or badly, and remembers what it was asked."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Gives each request for a path the next of its answers; the last one stays."""

    server: FileServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = self.path.lstrip("/")
        self.server.asked.append((name, self.headers.get("Range"), self.headers.get("If-Range")))
        answers = self.server.answers.get(name, [status(404)])
        self.close_connection = True
        with contextlib.suppress(ConnectionError):
            (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def head(self, code: int, **headers: object) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class FileServer(ThreadingHTTPServer):
    """`answers` by file name, and the requests so far as (name, Range, If-Range)."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[tuple[str, str | None, str | None]] = []

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextlib.contextmanager
def serving() -> Iterator[FileServer]:
    with FileServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def whole(content: bytes, *, etag: str = '"1"', cut: int | None = None) -> Answer:
    """The whole file, whatever was asked for; with `cut`, the connection ends after that many bytes."""

    def answer(handler: Handler) -> None:
        handler.head(200, Content_Length=len(content), ETag=etag)
        handler.wfile.write(content[:cut])

    return answer


def ranged(content: bytes, *, etag: str = '"1"', total: int | None = None, cut: int | None = None) -> Answer:
    """The part asked for, as RFC 9110 has it; the whole when If-Range names another version."""

    def answer(handler: Handler) -> None:
        asked, condition = handler.headers.get("Range"), handler.headers.get("If-Range", etag)
        if not asked or condition != etag:
            return whole(content, etag=etag, cut=cut)(handler)
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        size = total or len(content)
        if start >= size:
            return handler.head(416, Content_Range=f"bytes */{size}", Content_Length=0)
        rest = content[start:]
        handler.head(206, Content_Range=f"bytes {start}-{size - 1}/{size}", Content_Length=len(rest), ETag=etag)
        handler.wfile.write(rest[:cut])
        return None

    return answer


def unannounced(content: bytes) -> Answer:
    """The whole file without its length: it ends where the connection does."""

    def answer(handler: Handler) -> None:
        handler.head(200)
        handler.wfile.write(content)

    return answer


def endless(handler: Handler) -> None:
    handler.head(200)
    while True:
        handler.wfile.write(b"\x55" * 2**16)


def status(code: int, **headers: object) -> Answer:
    return lambda handler: handler.head(code, Content_Length=0, **headers)


def redirect(target: str, code: int = 302) -> Answer:
    return status(code, Location=target)


def raw(content: bytes) -> Answer:
    """Bytes that need not be HTTP."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(content)

    return answer
