"""What is kept of a request once it is answered: a line in the log, counts for /metrics, diagnostics if asked for."""

from __future__ import annotations

import logging
import re
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response, current_app, g, request

from faceattr.analyzer import FaceAnalyzer
from faceattr.logs import log_event
from faceattr.slots import Slots
from faceattr.types import Analysis
from faceattr.version import __version__
from faceattr.web.current import Current
from faceattr.web.problems import Problem

if TYPE_CHECKING:
    from faceattr.web.metrics import Metrics

access_log = logging.getLogger("faceattr.access")
diagnostics = logging.getLogger("faceattr.diagnostics")
METRICS = "faceattr.metrics"
"""Key of `app.extensions`: the Metrics, absent without prometheus-client."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Answered:
    """One answered request. The route, not the address: what strangers ask for stays out of every log.

    `user` is the name of a token; `seconds` from headers read to answer made, None when the application never saw it.
    """

    id: str
    client: str
    status: int
    code: str | None
    method: str | None = None
    route: str | None = None
    user: str | None = None
    received: int | None = None
    seconds: float | None = None
    analyses: tuple[Analysis, ...] = ()


def choose_request_id(given: str) -> str:
    """The id that the client gave its request when that is harmless, else a new one."""
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


def record(app: Flask, answered: Answered) -> None:
    """Logs and counts a request."""
    analyses = answered.analyses
    confidences = [face.detection.confidence for analysis in analyses for face in analysis.faces]
    stages: dict[str, float] = {}
    for analysis in analyses:
        for name, time_ms in analysis.timing_ms.items():
            stages[f"{name}_ms"] = stages.get(f"{name}_ms", 0.0) + time_ms
    log_event(
        access_log,
        "request",
        {
            "id": answered.id,
            "client": answered.client,
            "method": answered.method,
            "route": answered.route,
            "status": answered.status,
            "code": answered.code,
            "user": answered.user,
            "ms": None if answered.seconds is None else answered.seconds * 1000.0,
            "faces": len(confidences) if analyses else None,
            "confidence": sum(confidences) / len(confidences) if confidences else None,
            **stages,
        },
    )
    metrics: Metrics | None = app.extensions.get(METRICS)
    if metrics is not None:
        route, code = answered.route or "-", answered.code or "ok"
        metrics.count(route, answered.status, code, answered.seconds, analyses)
    if diagnostics.isEnabledFor(logging.DEBUG):
        _diagnose(answered)


def record_current(response: Response) -> None:
    """Logs and counts the current request, whose answer this is."""
    known = request.url_rule is not None
    record(
        current_app,
        Answered(
            id=g.request_id,
            client=request.remote_addr or "-",
            status=response.status_code,
            code=g.get("problem"),
            method=request.method if known else None,
            route=str(request.url_rule) if known else None,
            user=g.get("user"),
            received=request.content_length,
            seconds=time.perf_counter() - g.begin,
            analyses=g.get("analyses", ()),
        ),
    )


def _diagnose(answered: Answered) -> None:
    name = answered.id
    if answered.received:
        diagnostics.debug("%s input: body of %d bytes", name, answered.received)
    for analysis in answered.analyses:
        diagnostics.debug(
            "%s input: photo of %d×%d pixels, rotation %d", name, analysis.width, analysis.height, analysis.rotation
        )
        for stage, milliseconds in analysis.timing_ms.items():
            diagnostics.debug("%s cost: %s %.3f ms", name, stage, milliseconds)
        picture = f"a picture of {len(analysis.picture)} bytes" if analysis.picture else "no picture"
        diagnostics.debug("%s output: faces %d, %s", name, len(analysis.faces), picture)
    seconds = answered.seconds or 0.0
    diagnostics.debug("%s output: status %d, %s", name, answered.status, answered.code or "ok")
    diagnostics.debug("%s cost: request %.3f ms", name, seconds * 1000.0)


def diagnose_start(analyzer: FaceAnalyzer) -> None:
    """Writes to the diagnostics what answers: engine, model files, input sizes."""
    pack = analyzer.models.pack
    diagnostics.debug("start: faceattr %s, engine %s", __version__, analyzer.engine.name)
    for part, net in (("detector", pack.detector), ("gender", pack.gender), ("age", pack.age)):
        width, height = net.input
        diagnostics.debug(
            "start: %s from %s and %s, input %d×%d pixels, mean %s, scale %g",
            part,
            pack.directory / net.files.prototxt,
            pack.directory / net.files.weights,
            width,
            height,
            "/".join(f"{value:g}" for value in net.mean),
            net.scale,
        )


def record_reload(app: Flask, current: Current, name: str, outcome: str) -> None:
    """Counts what became of a pack that was looked at again."""
    metrics: Metrics | None = app.extensions.get(METRICS)
    if metrics is not None:
        metrics.count_reload(name, outcome)
        metrics.describe(_build(current.analyzer))


def _build(analyzer: FaceAnalyzer) -> dict[str, str]:
    pack = analyzer.models.pack
    return {
        "version": __version__,
        "pack": pack.name,
        "pack_version": pack.version,
        "engine": analyzer.engine.name,
    }


def _waiting(app: Flask, slots: Slots) -> int:
    """Photos that wait: in the server's lanes, or before the slots alone when something else serves the app."""
    lanes = app.extensions.get("faceattr.lanes")
    return slots.waiting if lanes is None else max(0, lanes.inside - slots.busy)


def install_metrics(app: Flask, current: Current, slots: int) -> None:
    """Counts from now on, and adds GET /metrics; without prometheus-client that says what is missing."""
    try:
        from faceattr.web.metrics import Metrics
    except ImportError:
        metrics = None
    else:
        # Not of one analyzer for good: it would be kept in memory when another has taken its place.
        metrics = Metrics(slots, lambda: current.analyzer.slots.busy, lambda: _waiting(app, current.analyzer.slots))
        metrics.describe(_build(current.analyzer))
        app.extensions[METRICS] = metrics
    routes = Blueprint("metrics", __name__)

    @routes.get("/metrics")
    def show() -> Response:
        if metrics is None:
            raise Problem("not_found", "There are no metrics without prometheus-client: pip install prometheus-client.")
        return Response(metrics.exposition(), content_type=metrics.content_type)

    app.register_blueprint(routes)
