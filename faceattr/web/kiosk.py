"""What a kiosk's page asks for: who answers, so that it sees a restart, and whether a PIN is right."""

from __future__ import annotations

import secrets

from flask import Blueprint, Response, jsonify, request

from faceattr.version import __version__
from faceattr.web.current import Current
from faceattr.web.photos import decode_json
from faceattr.web.pin import WINDOW_S, WRONG_TRIES, Pin
from faceattr.web.problems import Problem, problem_response

MAX_BODY_BYTES = 1024


def kiosk_blueprint(current: Current, pin: Pin | None) -> Blueprint:
    """The blueprint `kiosk`. `pin`: that of the staff corner, None where there is none."""
    kiosk = Blueprint("kiosk", __name__)
    instance = secrets.token_hex(8)

    @kiosk.get("/kiosk/state")
    def state() -> Response:
        digests = {name: analyzer.models.digest for name, analyzer in current.by_name.items()}
        return jsonify({"instance": instance, "version": __version__, "packs": digests, "pin": pin is not None})

    @kiosk.post("/kiosk/pin")
    def enter() -> Response:
        if pin is None:
            raise Problem("not_found", "This service has no PIN; its operator can set one with --kiosk-pin-file.")
        right, wait = pin.check(_presented())
        if wait:
            response = problem_response(
                "rate_limited",
                f"{WRONG_TRIES} wrong PINs in {WINDOW_S:.0f} s are all that is allowed; try again in {wait} s.",
            )
            response.headers["Retry-After"] = str(wait)
            return response
        if not right:
            raise Problem("wrong_pin", "This is not the PIN.")
        return Response(status=204)

    return kiosk


def _presented() -> str:
    request.max_content_length = MAX_BODY_BYTES
    if request.mimetype != "application/json":
        raise Problem("unsupported_media_type", 'Send Content-Type: application/json with {"pin": "…"}.')
    values = decode_json(request.get_data(cache=False))
    if not isinstance(values, dict) or set(values) != {"pin"} or not isinstance(values["pin"], str):
        raise Problem("bad_request", 'The JSON must be an object like {"pin": "…"}, and hold nothing else.')
    return values["pin"]
