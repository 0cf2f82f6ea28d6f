"""POST /analyze/batch: several photos in one request, each with its own status, in their order."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import Any

from flask import Blueprint, Request, Response, g, request
from flask.typing import ResponseReturnValue

from faceattr.errors import Abandoned
from faceattr.settings import Settings
from faceattr.slots import Patience
from faceattr.types import Analysis
from faceattr.web.api import answer_body
from faceattr.web.arrivals import DRAINING
from faceattr.web.current import Current
from faceattr.web.patience import patience_of_client, time_left
from faceattr.web.photos import decode_json, photo_of, wishes_of
from faceattr.web.problems import Problem, problem_document, problem_of

WRITING_S = 1.0
"""Left for the answer, when the service is shutting down."""


def batch_blueprint(current: Current, settings: Settings) -> Blueprint:
    """The route `/analyze/batch` of the current analyzers."""
    batch = Blueprint("batch", __name__)

    @batch.post("/analyze/batch")
    def analyze() -> ResponseReturnValue:
        request.max_content_length = settings.max_batch_bytes
        images, defaults = _read(request, settings.max_batch_images)
        current.named(wishes_of(dict(defaults))[2])
        g.analyses = ()
        results: list[bytes] = []
        room, slowest = settings.max_batch_bytes, 0.0
        while images:
            begin = time.monotonic()
            if time_left() < slowest + WRITING_S:
                # What is done is answered, rather than all lost when the service ends.
                results.append(_problem("draining", DRAINING.detail))
                del images[0]
                continue
            # The first has waited for its turn since the request came; each other one waits anew, behind everybody
            # who came in between, so that one client with many photos does not keep those with one waiting.
            patience = patience_of_client(settings.wait_seconds, anew=bool(results))
            # Taken out of the list: what has been answered is not kept in memory.
            results.append(_answer(current, images.pop(0), defaults, patience, room))
            room -= len(results[-1])
            slowest = max(slowest, time.monotonic() - begin)
        body = b"".join((b'{"results":[', b",".join(results), b'],"request_id":"', g.request_id.encode(), b'"}'))
        return Response(body, content_type="application/json")

    return batch


def _read(asked: Request, most: int) -> tuple[list[Any], dict[str, Any]]:
    """The images of a request, not looked at yet, and what holds for all of them. Raises Problem."""
    kind = asked.mimetype
    if kind != "application/json" and not kind.endswith("+json"):
        raise Problem("unsupported_media_type", "Send Content-Type: application/json with a list 'images'.")
    if asked.args:
        raise Problem("bad_request", "Options belong in the body, not in the address.")
    values = decode_json(asked.get_data(cache=False))
    images = values.pop("images", None) if isinstance(values, dict) else None
    if not isinstance(images, list) or not 1 <= len(images) <= most:
        shape = '{"images": [{"image": "<base64>"}, …]}'
        raise Problem("bad_request", f"The JSON must be an object like {shape} with 1 to {most} images.")
    return images, {name: value for name, value in values.items() if value is not None}


def _answer(current: Current, values: Any, defaults: dict[str, Any], patience: Patience, room: int) -> bytes:
    """The result for one image; `room`: bytes that it may have."""
    try:
        analysis = _analyze(current, values, defaults, patience)
        result = answer_body(analysis, {"status": 200})
        if analysis.picture is not None and len(result) > room:
            raise Problem(
                "body_too_large", "The pictures before this one have filled the answer; ask for this one by itself."
            )
    except Abandoned:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the other photos are answered
        problem = problem_of(error)
        return _problem(problem.code, problem.detail)
    g.analyses = (*g.analyses, dataclasses.replace(analysis, picture=None))
    return result


def _problem(code: str, detail: str) -> bytes:
    return json.dumps(problem_document(code, detail, g.request_id)).encode()


def _analyze(current: Current, values: Any, defaults: dict[str, Any], patience: Patience) -> Analysis:
    if not isinstance(values, dict):
        raise Problem("bad_request", 'Each of \'images\' must be an object like {"image": "<base64>"}.')
    values = {**defaults, **{name: value for name, value in values.items() if value is not None}}
    asked = photo_of(values, picture="none")
    analyzer = current.named(asked.model)
    return analyzer.analyze(asked.photo, asked.options, picture=asked.picture, patience=patience)
