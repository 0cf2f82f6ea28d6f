"""Errors as `application/problem+json` (RFC 9457): every code with its status and title, and their handlers."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from faceattr.errors import Abandoned, FaceAttrError

log = logging.getLogger(__name__)

PROBLEMS: Mapping[str, tuple[int, str]] = {
    "bad_json": (400, "The body is not valid JSON"),
    "bad_request": (400, "The request is not as expected"),
    "bad_base64": (400, "The image is not valid base64"),
    "empty_image": (400, "The image is empty"),
    "unauthorized": (401, "A token is needed"),
    "bad_origin": (403, "Requests from this page are not allowed"),
    "bad_host": (403, "This host name is not allowed"),
    "wrong_pin": (403, "This is not the PIN"),
    "not_found": (404, "There is nothing at this address"),
    "method_not_allowed": (405, "This method is not allowed here"),
    "request_timeout": (408, "The request did not arrive in time"),
    "body_too_large": (413, "The request is too large"),
    "image_too_large": (413, "The image is too large"),
    "unsupported_media_type": (415, "This content type is not supported"),
    "unsupported_image": (415, "This image format is not supported"),
    "truncated_image": (422, "The image is incomplete"),
    "invalid_image": (422, "The image cannot be read"),
    "too_many_pixels": (422, "The image has too many pixels"),
    "bad_dimensions": (422, "The image has a side that is too short or too long"),
    "rate_limited": (429, "Too many requests"),
    "overloaded": (503, "The service is busy"),
    "out_of_memory": (503, "The service is out of memory"),
    "draining": (503, "The service is shutting down"),
    "not_ready": (503, "The service is not ready"),
    "internal": (500, "Something went wrong inside the service"),
}

ARTICLES_SENTENCE = "Invalid image format"
"""What the services of the published articles answer; their clients look for it in `error`."""
_BAD_IMAGE = {"bad_base64", "empty_image", "unsupported_image", "truncated_image", "invalid_image"}
_BY_STATUS = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 408: "request_timeout"}
_BY_STATUS |= {413: "body_too_large", 415: "unsupported_media_type", 429: "rate_limited", 503: "overloaded"}
_CLIENT_LEFT = 499
"""For the log only, as nginx has it: nobody reads the answer."""
RETRY_AFTER_S = 2
"""As long as a request may wait here: sooner, those that waited now would still be before it."""


class Problem(Exception):
    """An answer other than success: a code of PROBLEMS and a sentence that says what is wrong with this request."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def problem_document(code: str, detail: str, request_id: str) -> dict[str, str | int]:
    """The document for a code of PROBLEMS, as JSON-ready values."""
    status, title = PROBLEMS[code]
    return {
        "type": f"urn:faceattr:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "error": f"{ARTICLES_SENTENCE}: {detail}" if code in _BAD_IMAGE else detail,
        "code": code,
        "request_id": request_id,
    }


def problem_body(code: str, detail: str, request_id: str) -> bytes:
    """The JSON document for a code of PROBLEMS."""
    return json.dumps(problem_document(code, detail, request_id), ensure_ascii=False).encode()


def problem_response(code: str, detail: str) -> Response:
    """The answer to the current request."""
    status = PROBLEMS[code][0]
    response = Response(problem_body(code, detail, g.request_id), status, content_type="application/problem+json")
    if status in (429, 503):
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    g.problem = code
    return response


def code_for_status(status: int) -> str:
    """The code of an error that only has an HTTP status."""
    # 501 is what a client gets for a transfer encoding that nobody asked it to use.
    return _BY_STATUS.get(status, "bad_request" if 400 <= status < 500 or status == 501 else "internal")


def problem_of(error: Exception) -> Problem:
    """The problem that answers an error of the current request; `internal`, and a line in the log, for one of ours."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, FaceAttrError) and error.code in PROBLEMS and error.code != "internal":
        return Problem(error.code, str(error))
    if isinstance(error, MemoryError):
        return Problem("out_of_memory", "The request needs more memory than is free; send a smaller one.")
    if isinstance(error, HTTPException):
        code = code_for_status(error.code or 500)
        limit = request.max_content_length or 0
        too_large = f"A request may have at most {limit:,} bytes, and a multipart one at most 1,000 parts."
        return Problem(code, too_large if code == "body_too_large" else error.description or error.name)
    # The traceback names code, not photos; the answer names neither.
    log.error("request %s failed", g.request_id, exc_info=error)
    return Problem("internal", "Something went wrong inside the service. The log has the cause.")


def register_handlers(app: Flask) -> None:
    """Answers every exception of the app with a problem; one without a code of ours becomes `internal`."""

    @app.errorhandler(Exception)
    def answer(error: Exception) -> Response:
        problem = problem_of(error)
        response = problem_response(problem.code, problem.detail)
        allow = error.get_response().headers.get("Allow") if isinstance(error, HTTPException) else None
        if allow:
            response.headers["Allow"] = allow
        return response

    @app.errorhandler(Abandoned)
    def abandoned(error: Abandoned) -> Response:
        return no_answer(error)


def no_answer(error: Abandoned) -> Response:
    """For a client that has left."""
    g.problem = error.code
    return Response(status=_CLIENT_LEFT)
