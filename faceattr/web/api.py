"""The JSON doors: analysis and health."""

from __future__ import annotations

import base64
import json

from flask import Blueprint, Response, g, jsonify, request
from flask.typing import ResponseReturnValue

from faceattr.analyzer import FaceAnalyzer
from faceattr.answers import answer
from faceattr.version import __version__
from faceattr.web.photos import read_photo_request


def api_blueprint(analyzer: FaceAnalyzer) -> Blueprint:
    """The routes of one analyzer."""
    api = Blueprint("api", __name__)
    pack = analyzer.models.pack

    @api.post("/analyze")
    def analyze() -> ResponseReturnValue:
        asked = read_photo_request(request)
        analysis = analyzer.analyze(asked.photo, asked.options, picture=asked.picture)
        g.analysis = analysis
        body = json.dumps({**answer(analysis), "request_id": g.request_id}, separators=(",", ":")).encode()
        if analysis.picture is not None:
            # Base64 needs no escaping: joined in as bytes, megabytes of it are not searched for characters to escape.
            body = b"".join((b'{"result":"', base64.b64encode(analysis.picture), b'",', body[1:]))
        return Response(body, content_type="application/json")

    @api.get("/health")
    def health() -> ResponseReturnValue:
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
