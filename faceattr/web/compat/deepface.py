"""DeepFace's `/analyze`: https://github.com/serengil/deepface, `deepface/api`."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Request, g, jsonify, request
from flask.typing import ResponseReturnValue

from faceattr.settings import Settings
from faceattr.types import Face
from faceattr.web.compat.errors import answer_errors
from faceattr.web.current import Current
from faceattr.web.patience import patience_of_client
from faceattr.web.photos import decode_base64, decode_json
from faceattr.web.problems import Problem

ACTIONS = ("age", "gender")
NO_FACE = (
    "Face could not be detected. Please confirm that the picture is a face photo or consider to set enforce_detection "
    "param to False."
)
_IMAGES = ("img", "img_path")
_WORDS = {"Female": "Woman", "Male": "Man"}


def deepface_blueprint(current: Current, settings: Settings) -> Blueprint:
    """The route `/deepface/analyze` of the default pack."""
    routes = Blueprint("deepface", __name__, url_prefix="/deepface")
    answer_errors(routes, lambda problem: {"error": f"Exception while analyzing: {problem.detail}"})

    @routes.post("/analyze")
    def analyze() -> ResponseReturnValue:
        patience = patience_of_client(settings.wait_seconds)
        values = _values(request)
        photo, actions = _photo(request, values), _actions(values.get("actions"))
        analysis = current.analyzer.analyze(photo, patience=patience)
        g.analyses = (analysis,)
        if not analysis.faces and str(values.get("enforce_detection", True)).lower() != "false":
            raise Problem("bad_request", NO_FACE)
        return jsonify({"results": [_face(face, actions) for face in analysis.faces]})

    return routes


def _values(asked: Request) -> dict[str, Any]:
    if asked.mimetype == "multipart/form-data":
        return dict(asked.form)
    if not asked.is_json:
        raise Problem("unsupported_media_type", "Send application/json with 'img', or multipart/form-data.")
    values = decode_json(asked.get_data(cache=False))
    if not isinstance(values, dict):
        raise Problem("bad_json", "The JSON must be an object with 'img'.")
    return values


def _photo(asked: Request, values: dict[str, Any]) -> bytes:
    if asked.mimetype == "multipart/form-data" and "img" in asked.files:
        uploaded: bytes = asked.files["img"].read()
        return uploaded
    field = next((name for name in _IMAGES if values.get(name)), "img")
    image = values.pop(field, None)
    if not isinstance(image, str):
        raise Problem("bad_request", "'img' not found in request in either json or form data.")
    try:
        return decode_base64(image, field)
    except Problem as problem:
        # Whatever else a client may have put there, nothing is ever looked up by it.
        detail = f"'{field}' must be the image in base64: paths and addresses are not followed. {problem.detail}"
        raise Problem(problem.code, detail) from None


def _actions(given: Any) -> tuple[str, ...]:
    """The actions as DeepFace reads them: a list, or in forms a text like "['age', 'gender']"."""
    if given is None:
        return ACTIONS
    names = given.translate(dict.fromkeys(map(ord, "[]()\"' "))).split(",") if isinstance(given, str) else given
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise Problem("bad_request", f"'actions' must be a list of {' and '.join(ACTIONS)}.")
    unknown = next((name for name in names if name not in ACTIONS), None)
    if unknown is not None:
        raise Problem("bad_request", f"Invalid action passed ({unknown[:40]!a}); there are only age and gender.")
    return tuple(names)


def _face(face: Face, actions: tuple[str, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "age" in actions:
        found["age"] = round(face.age.years)
    x_min, y_min, x_max, y_max = face.detection.box.rounded()
    region = {"x": x_min, "y": y_min, "w": x_max - x_min, "h": y_max - y_min, "left_eye": None, "right_eye": None}
    found |= {"region": region, "face_confidence": round(face.detection.confidence, 2)}
    if "gender" in actions:
        found["gender"] = {_WORDS[label]: 100.0 * share for label, share in face.gender.probabilities.items()}
        found["dominant_gender"] = _WORDS[face.gender.value]
    return found
