"""What waitress refuses before the application sees it (framing, sizes), answered in the shape of all our errors."""

from __future__ import annotations

import socket
import time
import uuid

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask

from faceattr.web.app import access_log
from faceattr.web.problems import PROBLEMS, code_for_status, problem_body

LINGER_S = 5.0
"""How long a refused client may go on sending. Closing at once would reset the connection, and the answer be lost."""


class ProblemTask(ErrorTask):  # type: ignore[misc]
    """Answers a request that cannot be passed on."""

    def execute(self) -> None:
        error = self.request.error
        code = code_for_status(int(error.code))
        request_id = uuid.uuid4().hex
        detail = _sentence(int(error.code), str(error.body), self.channel.adj.max_request_body_size)
        body = problem_body(code, detail, request_id)
        status, title = PROBLEMS[code]
        self.status = f"{status} {title}"
        self.response_headers.extend(
            [
                ("Content-Type", "application/problem+json"),
                ("X-Request-ID", request_id),
                ("Cache-Control", "no-store"),
                ("X-Content-Type-Options", "nosniff"),
            ]
        )
        self.set_close_on_finish()
        self.channel.refused = True
        self.content_length = len(body)
        self.write(body)
        client = self.channel.addr[0]
        access_log.info("request id=%s client=%s method=- route=- status=%d code=%s", request_id, client, status, code)


class ProblemChannel(HTTPChannel):  # type: ignore[misc]
    """A connection that, once refused, is read until the client has stopped sending, so that it gets its answer."""

    error_task_class = ProblemTask
    refused = False
    _linger_until: float | None = None

    def handle_close(self) -> None:
        if self.refused and self._linger_until is None and self.connected and not self.total_outbufs_len:
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                super().handle_close()
            else:
                self._linger_until = time.monotonic() + LINGER_S
                self.will_close = self.close_when_flushed = False
            return
        super().handle_close()

    def readable(self) -> bool:
        return self._linger_until is not None or bool(super().readable())

    def writable(self) -> bool:
        if self._linger_until is not None:
            return time.monotonic() > self._linger_until
        return bool(super().writable())

    def handle_read(self) -> None:
        if self._linger_until is None:
            try:
                super().handle_read()
            except MemoryError:
                # No room for what comes in: this client's connection ends, the service goes on.
                access_log.warning("request client=%s code=out_of_memory: connection closed", self.addr[0])
                super().handle_close()
            return
        try:
            # An end of input closes the channel from within recv.
            self.recv(2**16)
        except OSError:
            super().handle_close()

    def handle_write(self) -> None:
        if self._linger_until is None:
            super().handle_write()
        else:
            super().handle_close()


def _sentence(status: int, what: str, max_body_bytes: int) -> str:
    if status == 413:
        return f"A request may have at most {max_body_bytes:,} bytes."
    if status >= 500 and status != 501:
        return "The service could not finish the answer."
    return f"The request is not valid HTTP: {what}."
