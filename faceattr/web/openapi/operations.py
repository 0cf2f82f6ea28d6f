"""What can be asked of each address: a table of operations, each with its request, its answer and its problems."""

from __future__ import annotations

from collections.abc import Mapping

from faceattr.web.openapi.builders import Schema, reference
from faceattr.web.openapi.components import option_schemas
from faceattr.web.openapi.drop_ins import drop_in_operations
from faceattr.web.openapi.operation import BYTES, HTML, JSON, PHOTO_PROBLEMS, Operation


def operations() -> Mapping[tuple[str, str], Operation]:
    """By method and route, as the application's own rules have it; those of blueprints that may be absent, too."""
    return {
        ("POST", "/analyze"): Operation(
            "analyze",
            "Find the faces in a photo",
            "The photo comes as base64 in JSON, as a file of a form, or as the body itself. Options belong in the JSON "
            "object, or else, with the other two, in the address. No face is no error: then `faces` is empty.",
            {JSON: reference("Analysis")},
            {JSON: reference("PhotoRequest"), "multipart/form-data": _form(), "image/*": BYTES},
            PHOTO_PROBLEMS,
            _option_parameters(),
        ),
        ("POST", "/analyze/batch"): Operation(
            "analyze_batch",
            "Find the faces in several photos",
            "Each is answered as if it had been sent alone, with a status of its own, in their order. Options beside "
            "`images` are for all of them; a photo's own go before. Pictures are made only when asked for.",
            {JSON: reference("BatchAnalysis")},
            {JSON: reference("BatchRequest")},
            ("bad_json", "unsupported_media_type", "bad_origin"),
        ),
        ("GET", "/models"): Operation(
            "models", "Which packs can be asked for", "With digests and accuracy.", {JSON: reference("Models")}
        ),
        ("GET", "/health"): Operation(
            "health", "Which pack and engine answer", "For people and for clients.", {JSON: reference("Health")}
        ),
        ("GET", "/healthz"): Operation(
            "alive",
            "Whether the service is alive",
            "For probes: answered however busy it is, and needs no token.",
            {JSON: reference("State")},
            is_probe=True,
        ),
        ("GET", "/readyz"): Operation(
            "ready",
            "Whether the service is ready",
            "For probes: models verified and warm, and not shutting down. Needs no token.",
            {JSON: reference("State")},
            is_probe=True,
        ),
        ("GET", "/metrics"): Operation(
            "metrics",
            "Counts for Prometheus",
            "Requests by route and code, times by stage, faces, queue, memory; nothing of any photo.",
            {"text/plain": {"type": "string"}},
            problems=("not_found",),
        ),
        ("GET", "/"): _page("page", "The page", "Choose, drop or paste a photo, or look into the camera."),
        ("GET", "/kiosk/state"): Operation(
            "kiosk_state",
            "Who answers a kiosk",
            "What a kiosk's page looks at every few seconds: when anything in it changes, the page loads itself anew.",
            {JSON: reference("KioskState")},
        ),
        ("POST", "/kiosk/pin"): Operation(
            "kiosk_pin",
            "Whether this is the PIN of the staff corner",
            "Five wrong ones a minute, of everybody together, and then none is looked at until a minute has passed.",
            request={JSON: reference("KioskPin")},
            problems=("bad_json", "unsupported_media_type", "bad_origin", "wrong_pin", "not_found"),
            success=204,
        ),
        ("GET", "/docs"): _page("docs", "This description for people", "One HTML answer that loads nothing else."),
        ("GET", "/openapi.json"): Operation(
            "openapi", "This description for programs", "In OpenAPI 3.1.", {JSON: {"type": "object"}}
        ),
        ("GET", "/session"): Operation(
            "session", "Back to the page", "Where a browser asks again after a wrong token.", success=303, headers=_AWAY
        ),
        ("POST", "/session"): Operation(
            "enter",
            "Exchange a token for a cookie",
            "What the page's form sends. The cookie is HttpOnly and of this site only.",
            request={"application/x-www-form-urlencoded": _ENTRY},
            problems=("bad_origin", "unsupported_media_type"),
            success=303,
            headers=(*_AWAY, "Set-Cookie"),
        ),
        **drop_in_operations(),
    }


_AWAY = ("Location",)
_ENTRY: Schema = {
    "type": "object",
    "required": ["token"],
    "properties": {"token": {"type": "string", "description": "The token."}},
}


def _form() -> Schema:
    return {
        "type": "object",
        "required": ["image"],
        "properties": {
            "image": {"type": "string", "format": "binary", "description": "The photo as a file, or as base64 text."},
            "filename": {"type": "string", "description": "Taken for the sake of existing clients, and never kept."},
        },
        "additionalProperties": False,
    }


def _option_parameters() -> tuple[Schema, ...]:
    return tuple(
        {
            "name": name,
            "in": "query",
            "description": schema["description"],
            "schema": {key: value for key, value in schema.items() if key != "description"},
        }
        for name, schema in option_schemas().items()
    )


def _page(name: str, summary: str, description: str) -> Operation:
    return Operation(name, summary, description, {HTML: {"type": "string"}})
