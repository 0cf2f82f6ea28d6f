"""How a request is answered: by the application, or, when it is refused before, in the shape of all our errors."""

from __future__ import annotations

from typing import Any

from waitress.task import ErrorTask, WSGITask

from faceattr.web.arrivals import Refusal
from faceattr.web.headers import DATA_POLICY, SECURITY_HEADERS
from faceattr.web.patience import QUEUED, TIME_LEFT
from faceattr.web.problems import PROBLEMS, RETRY_AFTER_S, code_for_status, problem_body
from faceattr.web.records import Answered, choose_request_id, record


class AnswerTask(WSGITask):  # type: ignore[misc]
    """Answers with the application; the last answer of a connection when the service is shutting down."""

    def get_environment(self) -> dict[str, Any]:
        """The WSGI environment, with the times since and until which the client waits."""
        environ: dict[str, Any] = super().get_environment()
        environ[QUEUED] = self.request.queued
        environ[TIME_LEFT] = self.channel.server.drain.time_left
        return environ

    def build_response_header(self) -> bytes:
        """Status line and headers."""
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
        headers = {**SECURITY_HEADERS, "Content-Security-Policy": DATA_POLICY, "X-Request-ID": request_id}
        if status == 503:
            headers["Retry-After"] = str(RETRY_AFTER_S)
        self.response_headers.extend([("Content-Type", "application/problem+json"), *headers.items()])
        if refusal.close or self.channel.server.drain.begun:
            self.set_close_on_finish()
        self.channel.refused = refusal.close
        self.content_length = len(body)
        head: bytes = self.build_response_header()
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
