"""How a request is answered: by the application, or, when it is refused before, in the shape of all our errors."""

from __future__ import annotations

from typing import Any

from waitress.task import ErrorTask, WSGITask
from waitress.utilities import build_http_date

from faceattr.web.access import SHARING
from faceattr.web.arrivals import Refusal
from faceattr.web.headers import DATA_POLICY, SECURITY_HEADERS
from faceattr.web.patience import QUEUED, TIME_LEFT
from faceattr.web.problems import PROBLEMS, RETRY_AFTER_S, code_for_status, problem_body
from faceattr.web.records import Answered, choose_request_id, record

_FIXED = {"Content-Type": "application/problem+json", **SECURITY_HEADERS, "Content-Security-Policy": DATA_POLICY}
_HEADERS = [f"{name}: {value}" for name, value in _FIXED.items()]
"""Of every problem."""


class AnswerTask(WSGITask):  # type: ignore[misc]
    """Answers with the application; the last answer of a connection when the service is shutting down."""

    def get_environment(self) -> dict[str, Any]:
        """The WSGI environment, with the times since and until which the client waits."""
        environ: dict[str, Any] = super().get_environment()
        environ[QUEUED] = self.request.queued
        environ[TIME_LEFT] = self.channel.server.drain.time_left
        return environ

    def build_response_header(self) -> bytes:
        """Status line and headers; the place of the analysis is free before its client can ask for the next one."""
        self.channel.server.lanes.leave(self.request)
        if self.channel.server.drain.begun or self.request.is_cut:
            self.set_close_on_finish()
        self.channel.refused = self.request.is_cut
        header: bytes = super().build_response_header()
        return header


class ProblemTask(ErrorTask):  # type: ignore[misc]
    """Answers a request that is not passed on, as its `error` says: a Refusal, or one of waitress's errors."""

    def execute(self) -> None:
        """Writes the answer and its line in the log."""
        refusal = _refusal(self.request.error, self.request.adj.max_request_body_size)
        request_id = choose_request_id(self.request.headers.get("X_REQUEST_ID", ""))
        body = problem_body(refusal.code, refusal.detail, request_id)
        status, title = PROBLEMS[refusal.code]
        self.status = f"{status} {title}"
        connection = self.request.headers.get("CONNECTION", "").lower()
        kept = connection == "keep-alive" if self.version == "1.0" else connection != "close"
        self.close_on_finish = refusal.close or self.channel.server.drain.begun or not kept
        self.channel.refused = refusal.close
        self.content_length = len(body)
        # Not by waitress: under overload this is most of what is done, and nearly always the same.
        lines = [f"HTTP/{self.version} {self.status}", *_HEADERS, f"Content-Length: {len(body)}"]
        lines += [f"X-Request-ID: {request_id}", f"Date: {build_http_date(self.start_time)}"]
        if status == 503:
            lines.append(f"Retry-After: {RETRY_AFTER_S}")
        # Pages of other sites are to see why, and when to try again, too.
        share = self.channel.server.app.extensions[SHARING]
        lines += [f"{name}: {value}" for name, value in share(self.request.headers.get("ORIGIN")).items()]
        if self.close_on_finish or self.version == "1.0":
            lines.append(f"Connection: {'close' if self.close_on_finish else 'Keep-Alive'}")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        self.wrote_header = True
        # Together: under overload this is most of what is sent.
        self.channel.write_soon(head if getattr(self.request, "command", "") == "HEAD" else head + body)
        record(self.channel.server.app, Answered(request_id, self.channel.addr[0], status, refusal.code))


def _refusal(error: Any, max_body_bytes: int) -> Refusal:
    if isinstance(error, Refusal):
        return error
    status = int(error.code)
    if status == 413:
        detail = f"A request may have at most {max_body_bytes:,} bytes."
    elif status >= 500 and status != 501:
        detail = "The service could not finish the answer."
    else:
        detail = f"The request is not valid HTTP: {error.body}."
    return Refusal(code_for_status(status), detail)
