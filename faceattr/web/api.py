"""The JSON doors: analysis, the packs, and health."""

from __future__ import annotations

import base64
import json
from typing import Any

from flask import Blueprint, Response, g, jsonify, request
from flask.typing import ResponseReturnValue

from faceattr.analyzer import FaceAnalyzer
from faceattr.answers import answer
from faceattr.settings import Settings
from faceattr.types import Analysis
from faceattr.version import __version__
from faceattr.web.current import Current
from faceattr.web.patience import patience_of_client
from faceattr.web.photos import read_photo_request


def api_blueprint(current: Current, settings: Settings) -> Blueprint:
    """The routes of the current analyzers."""
    api = Blueprint("api", __name__)

    @api.post("/analyze")
    def analyze() -> ResponseReturnValue:
        patience = patience_of_client(settings.wait_seconds)
        asked = read_photo_request(request)
        analyzer = current.named(asked.model)
        analysis = analyzer.analyze(asked.photo, asked.options, picture=asked.picture, patience=patience)
        g.analyses = (analysis,)
        body = answer_body(analysis, {"request_id": g.request_id})
        return Response(body, content_type="application/json")

    @api.get("/models")
    def models() -> ResponseReturnValue:
        by_name = current.by_name
        default = next(iter(by_name))
        return jsonify({"models": [_model(name, name == default, found) for name, found in by_name.items()]})

    @api.get("/health")
    def health() -> ResponseReturnValue:
        analyzer = current.analyzer
        pack = analyzer.models.pack
        model = {"pack": pack.name, "version": pack.version, "engine": analyzer.engine.name}
        return jsonify({"status": "ok", "version": __version__, "model": {**model, "digest": analyzer.models.digest}})

    @api.get("/healthz")
    def alive() -> ResponseReturnValue:
        return jsonify({"status": "alive"})

    @api.get("/readyz")
    def ready() -> ResponseReturnValue:
        # Nothing listens before the pack is verified and warm: to answer at all is to be ready.
        return jsonify({"status": "ready"})

    return api


def answer_body(analysis: Analysis, more: dict[str, Any]) -> bytes:
    """An analysis as JSON, its picture first when it has one, and more members after its own."""
    body = json.dumps({**answer(analysis), **more}, separators=(",", ":")).encode()
    if analysis.picture is None:
        return body
    # Base64 needs no escaping: joined in as bytes, megabytes of it are not searched for characters to escape.
    return b"".join((b'{"result":"', base64.b64encode(analysis.picture), b'",', body[1:]))


def _model(name: str, is_default: bool, analyzer: FaceAnalyzer) -> dict[str, Any]:
    models, pack = analyzer.models, analyzer.models.pack
    return {
        "name": name,
        "default": is_default,
        "pack": pack.name,
        "version": pack.version,
        "licence": pack.licence,
        "digest": models.digest,
        "sha256": dict(models.sha256),
        "engine": analyzer.engine.name,
        "accuracy": dict(pack.accuracy),
    }
