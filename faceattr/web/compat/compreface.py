"""CompreFace's face detection service: https://github.com/exadel-inc/CompreFace, docs/Rest-API-description.md."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Request, g, jsonify, request
from flask.typing import ResponseReturnValue

from faceattr.options import Options
from faceattr.settings import Settings
from faceattr.types import Analysis, Face
from faceattr.web.compat.errors import answer_errors
from faceattr.web.current import Current
from faceattr.web.patience import patience_of_client
from faceattr.web.photos import decode_base64, decode_json
from faceattr.web.problems import Problem

NO_FACE = "No face is found in the given image"
NO_FACE_CODE = 28
"""Clients look for it, since a photo without a face is an error there."""
_CODES = {"bad_request": 26, "unsupported_image": 21, "internal": 41}
"""CompreFace's numbers for our codes: a value is not allowed, the format is not, the service failed; else 0."""
PLUGINS = ("age", "gender")
_PARAMETERS = ("limit", "det_prob_threshold", "face_plugins", "status")
_TRUTH = {"true": True, "false": False, "": False}


def compreface_blueprint(current: Current, settings: Settings) -> Blueprint:
    """The route `/compreface/api/v1/detection/detect` of the default pack."""
    routes = Blueprint("compreface", __name__, url_prefix="/compreface")
    answer_errors(routes, _error)

    @routes.post("/api/v1/detection/detect")
    def detect() -> ResponseReturnValue:
        patience = patience_of_client(settings.wait_seconds)
        options = _options(request)
        plugins = tuple(name for name in PLUGINS if name in request.args.get("face_plugins", "").split(","))
        with_status = _status(request)
        analyzer = current.analyzer
        analysis = analyzer.analyze(_photo(request), options, patience=patience)
        g.analyses = (analysis,)
        if not analysis.faces:
            raise Problem("bad_request", NO_FACE)
        document: dict[str, Any] = {"result": [_face(face, plugins) for face in analysis.faces]}
        if with_status:
            for face in document["result"]:
                face["execution_time"] = _times(analysis, plugins)
            made_by = f"{analysis.pack} {analysis.version}"
            document["plugins_versions"] = dict.fromkeys((*plugins, "detector"), made_by)
        return jsonify(document)

    return routes


def _options(asked: Request) -> Options:
    for name in asked.args:
        if name not in (*_PARAMETERS, "prediction_count"):
            raise Problem("bad_request", f"Unknown parameter {name[:40]!a}. Known ones: {', '.join(_PARAMETERS)}.")
    limit, threshold = asked.args.get("limit", ""), asked.args.get("det_prob_threshold", "")
    try:
        most, least = int(limit or 0), float(threshold) if threshold else None
    except ValueError:
        raise Problem("bad_request", "limit and det_prob_threshold must be numbers.") from None
    if most < 0:
        raise Problem("bad_request", "limit must be 0, for all faces, or more.")
    if least is not None and not 0 <= least <= 1:
        raise Problem("bad_request", "det_prob_threshold must be a number from 0 to 1.")
    return Options.from_json({"min_confidence": least, "max_faces": min(most, 100) or None})


def _status(asked: Request) -> bool:
    given = asked.args.get("status", "").lower()
    if given not in _TRUTH:
        raise Problem("bad_request", "status must be true or false.")
    return _TRUTH[given]


def _photo(asked: Request) -> bytes:
    if asked.mimetype == "application/json":
        values = decode_json(asked.get_data(cache=False))
        image = values.get("file") if isinstance(values, dict) else None
        if not isinstance(image, str):
            raise Problem("bad_request", "Required part 'file' is not present.")
        return decode_base64(image, "file")
    files = asked.files.getlist("file")
    if len(files) != 1:
        raise Problem("bad_request", "Required part 'file' is not present.")
    uploaded: bytes = files[0].read()
    return uploaded


def _face(face: Face, plugins: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "age" in plugins:
        found["age"] = {"probability": face.age.probability, "high": face.age.high, "low": face.age.low}
    if "gender" in plugins:
        found["gender"] = {"probability": face.gender.probability, "value": face.gender.value.lower()}
    x_min, y_min, x_max, y_max = face.detection.box.rounded()
    box = {"probability": face.detection.confidence, "x_max": x_max, "y_max": y_max, "x_min": x_min, "y_min": y_min}
    return {**found, "box": box}


def _times(analysis: Analysis, plugins: tuple[str, ...]) -> dict[str, float]:
    """Milliseconds for the whole photo: gender and age come out of one run."""
    times = dict.fromkeys(plugins, round(analysis.timing_ms["attributes"], 1))
    return {**times, "detector": round(analysis.timing_ms["detect"], 1)}


def _error(problem: Problem) -> dict[str, Any]:
    code = NO_FACE_CODE if problem.detail == NO_FACE else _CODES.get(problem.code, 0)
    return {"message": problem.detail, "code": code}
