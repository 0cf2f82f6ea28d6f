"""Operations in the shapes of other services, which are there when `--compat` names them."""

from __future__ import annotations

from collections.abc import Mapping

from faceattr.web.openapi.builders import Schema, listing, number, record, share, text, whole, without_need
from faceattr.web.openapi.operation import BYTES, JSON, PHOTO_PROBLEMS, Operation

_MULTIPART = "multipart/form-data"


def drop_in_operations() -> Mapping[tuple[str, str], Operation]:
    """By method and route."""
    return {
        ("POST", "/compreface/api/v1/detection/detect"): Operation(
            "compreface",
            "Find faces, as CompreFace does",
            "For clients of CompreFace's detection service; with the default pack. A photo without a face is an error.",
            {JSON: _compreface_answer()},
            {_MULTIPART: record("", file=BYTES), JSON: record("", file=text("Base64.", contentEncoding="base64"))},
            PHOTO_PROBLEMS,
            (
                _query("face_plugins", "`age`, `gender` or both, with a comma.", {"type": "string"}),
                _query("limit", "The largest that many; 0: all.", {"type": "integer", "minimum": 0}),
                _query("det_prob_threshold", "Lowest confidence.", {"type": "number", "minimum": 0, "maximum": 1}),
                _query("status", "Adds times and versions.", {"type": "boolean"}),
                _query("prediction_count", "Without effect here.", {"type": "string"}),
            ),
            error=record("", message=text("What is wrong."), code=whole("28: there is no face in the photo.")),
        ),
        ("POST", "/deepface/analyze"): Operation(
            "deepface",
            "Analyse a photo, as DeepFace does",
            "For clients of DeepFace's API; with the default pack. Paths and addresses are not followed.",
            {JSON: _deepface_answer()},
            {JSON: _deepface_request(), _MULTIPART: record("", img=BYTES)},
            PHOTO_PROBLEMS,
            error=record("", error=text("What is wrong.")),
        ),
    }


def _query(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _compreface_answer() -> Schema:
    sides = {name: whole("Pixels.") for name in ("x_min", "y_min", "x_max", "y_max")}
    face = record(
        "",
        box=record("Where it is.", probability=share("The detector's confidence."), **sides),
        age=record("", low=whole("Years."), high=whole("Years."), probability=share("That of the range.")),
        gender=record("", value=text("`male` or `female`."), probability=share("That of the value.")),
        execution_time={"type": "object", "additionalProperties": number("Milliseconds.", minimum=0)},
    )
    versions = {"type": "object", "additionalProperties": text("Pack and version.")}
    result = listing(without_need(face, "age", "gender", "execution_time"), "Largest first.", minItems=1)
    return without_need(record("", result=result, plugins_versions=versions), "plugins_versions")


def _deepface_request() -> Schema:
    request = record(
        "",
        img=text("Base64, with or without a `data:` prefix.", contentEncoding="base64"),
        img_path=text("The same, under its older name."),
        actions=listing({"enum": ["age", "gender"]}, "By default both."),
        enforce_detection={"type": "boolean", "description": "false: no face is no error.", "default": True},
    )
    return without_need(request, "img", "img_path", "actions", "enforce_detection")


def _deepface_answer() -> Schema:
    eye = {"type": "null", "description": "Not known here."}
    region = record(
        "Where it is.", **{side: whole("Pixels.") for side in ("x", "y", "w", "h")}, left_eye=eye, right_eye=eye
    )
    percent = {"type": "object", "additionalProperties": number("Per cent.", minimum=0, maximum=101)}
    face = record(
        "",
        age=whole("Years."),
        region=region,
        face_confidence=share("The detector's confidence."),
        gender=percent | {"description": "`Woman` and `Man`."},
        dominant_gender=text("`Woman` or `Man`."),
    )
    return record("", results=listing(without_need(face, "age", "gender", "dominant_gender"), "Largest first."))
