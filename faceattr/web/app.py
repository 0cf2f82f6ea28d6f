"""The application factory."""

from __future__ import annotations

import io
import logging
import re
import time
import uuid
from collections.abc import Mapping
from typing import IO, Any

from flask import Flask, Request, Response, g, request

from faceattr.analyzer import FaceAnalyzer
from faceattr.settings import Settings
from faceattr.web.api import api_blueprint
from faceattr.web.pages import PageInfo, create_pages
from faceattr.web.problems import register_handlers

access_log = logging.getLogger("faceattr.access")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class InMemoryRequest(Request):
    """A request whose uploads stay in memory: photos never touch the disk."""

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        return io.BytesIO()


def create_app(config: Settings | Mapping[str, Any] | None = None, *, analyzer: FaceAnalyzer | None = None) -> Flask:
    """The web application, ready to serve: `config` is a Settings or its values by name, else the environment's.

    Loads and verifies the models unless an analyzer is given. Raises SettingsError, PackError or EngineError.
    """
    settings = config if isinstance(config, Settings) else Settings.load(**(config or {}))
    analyzer = analyzer or FaceAnalyzer.from_settings(settings)
    app = Flask(__name__, static_folder=None)
    app.request_class = InMemoryRequest
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.compact = True  # type: ignore[attr-defined]
    app.config.update(MAX_CONTENT_LENGTH=settings.max_body_bytes, MAX_FORM_MEMORY_SIZE=settings.max_body_bytes)
    app.before_request(_begin)
    app.after_request(_finish)
    register_handlers(app)
    app.register_blueprint(api_blueprint(analyzer))
    pack = analyzer.models.pack
    app.register_blueprint(create_pages(PageInfo(pack.name, pack.version, settings.max_image_bytes)))
    return app


def _begin() -> None:
    g.begin = time.perf_counter()
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _finish(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Cache-Control", "no-store")
    analysis = g.get("analysis")
    confidence = analysis.mean_confidence if analysis else None
    # The route, not the address: what strangers ask for stays out of the log.
    access_log.info(
        "request id=%s client=%s method=%s route=%s status=%d code=%s ms=%.1f faces=%s confidence=%s",
        g.request_id,
        request.remote_addr,
        request.method if request.url_rule else "-",
        request.url_rule or "-",
        response.status_code,
        g.get("problem", "-"),
        (time.perf_counter() - g.begin) * 1000.0,
        len(analysis.faces) if analysis else "-",
        "-" if confidence is None else f"{confidence:.3f}",
    )
    return response
