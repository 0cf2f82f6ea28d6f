"""What the service can be asked, for programs and for people: /openapi.json and /docs."""

from __future__ import annotations

import functools
import json
import secrets
from typing import Any

from flask import Blueprint, Flask, Response, make_response, render_template

from faceattr.settings import Settings
from faceattr.web.headers import SECURITY_HEADERS
from faceattr.web.openapi.document import openapi_document
from faceattr.web.openapi.rendering import code_marked, listed_operations, shape, type_name
from faceattr.web.pages import TEMPLATES, read_verbatim

__all__ = ["install_openapi", "openapi_document"]

STYLES = ("css/base.css", "docs.css")


def docs_policy(nonce: str) -> str:
    """The content security policy of a page that has no script and no form, and loads nothing."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src 'nonce-{nonce}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def install_openapi(app: Flask, settings: Settings) -> None:
    """Adds /openapi.json and /docs, which describe every route that the application has once it is complete."""
    described = Blueprint("openapi", __name__, template_folder=str(TEMPLATES))
    styles = [read_verbatim(name) for name in STYLES]

    @functools.cache
    def document() -> dict[str, Any]:
        # At the first request: the application has all its routes then.
        return openapi_document(app, settings)

    @described.get("/openapi.json")
    def openapi() -> Response:
        body = json.dumps(document(), ensure_ascii=False, indent=1)
        return Response(body, content_type="application/json")

    @described.get("/docs")
    def docs() -> Response:
        nonce = secrets.token_urlsafe(16)
        html = render_template(
            "docs.html",
            api=document(),
            operations=listed_operations(document()),
            styles=styles,
            nonce=nonce,
            marked=code_marked,
            shape=functools.partial(shape, document()),
            type_name=type_name,
        )
        response = make_response(html)
        response.headers.update(SECURITY_HEADERS)
        response.headers["Content-Security-Policy"] = docs_policy(nonce)
        return response

    app.register_blueprint(described)
