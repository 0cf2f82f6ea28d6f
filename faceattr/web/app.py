"""The application factory."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any

from flask import Flask, Request, Response, g, request

from faceattr.analyzer import FaceAnalyzer
from faceattr.settings import Settings
from faceattr.web.access import install_access
from faceattr.web.api import api_blueprint
from faceattr.web.batch import batch_blueprint
from faceattr.web.compat import compat_blueprints
from faceattr.web.current import Current, load_analyzers
from faceattr.web.headers import DATA_POLICY, SECURITY_HEADERS
from faceattr.web.kiosk import kiosk_blueprint
from faceattr.web.openapi import install_openapi
from faceattr.web.pages import PageInfo, create_pages
from faceattr.web.pin import Pin
from faceattr.web.problems import register_handlers
from faceattr.web.records import choose_request_id, diagnose_start, install_metrics, record_current, record_reload
from faceattr.web.reload import Reloader

TOKENS = "faceattr.tokens"
"""Key of `app.extensions`: the Tokens that open the app, or None where none are asked for."""
PIN = "faceattr.pin"
"""Key of `app.extensions`: the Pin of the kiosk's staff corner, or None where there is none."""
RELOADER = "faceattr.reloader"
"""Key of `app.extensions`: the Reloader that swaps packs that have changed while the app is answering."""


class InMemoryRequest(Request):
    """A request whose uploads stay in memory: photos never touch the disk."""

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        return io.BytesIO()


def create_app(
    config: Settings | Mapping[str, Any] | None = None,
    *,
    analyzer: FaceAnalyzer | None = None,
    analyzers: Mapping[str, FaceAnalyzer] | None = None,
) -> Flask:
    """The web application, ready to serve: `config` is a Settings or its values by name, else the environment's.

    Loads and verifies the models unless an analyzer is given, or several by name, the default first. Raises
    SettingsError, PackError or EngineError.
    """
    settings = config if isinstance(config, Settings) else Settings.load(**(config or {}))
    current = Current(analyzers or ({"": analyzer} if analyzer else load_analyzers(settings)))
    app = Flask(__name__, static_folder=None)
    app.request_class = InMemoryRequest
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.compact = True  # type: ignore[attr-defined]
    app.config.update(MAX_CONTENT_LENGTH=settings.max_body_bytes, MAX_FORM_MEMORY_SIZE=settings.max_body_bytes)
    app.before_request(_begin)
    app.after_request(_finish)
    register_handlers(app)
    app.extensions[TOKENS] = install_access(app, settings)
    install_metrics(app, current, settings.inference_slots)
    app.extensions[RELOADER] = Reloader(current, partial(record_reload, app, current))
    for each in current.by_name.values():
        diagnose_start(each)
    app.register_blueprint(api_blueprint(current, settings))
    app.register_blueprint(batch_blueprint(current, settings))
    for blueprint in compat_blueprints(current, settings):
        app.register_blueprint(blueprint)
    app.extensions[PIN] = pin = Pin(Path(settings.kiosk_pin_file)) if settings.kiosk_pin_file else None
    app.register_blueprint(kiosk_blueprint(current, pin))
    app.register_blueprint(create_pages(partial(_page_info, current, settings), kiosk=settings.kiosk))
    install_openapi(app, settings)
    return app


def _page_info(current: Current, settings: Settings) -> PageInfo:
    pack = current.analyzer.models.pack
    return PageInfo(pack.name, pack.version, settings.max_image_bytes, models=tuple(current.by_name))


def _begin() -> None:
    g.begin = time.perf_counter()
    g.request_id = choose_request_id(request.headers.get("X-Request-ID", ""))


def _finish(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.request_id
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", DATA_POLICY)
    record_current(response)
    return response
