"""The page that asks for a token, and POST /session, which gives the browser a cookie in its place."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from flask import Blueprint, Request, Response, g, make_response, render_template, request

from faceattr.web.arrivals import MAX_LOGIN_BYTES
from faceattr.web.headers import SECURITY_HEADERS
from faceattr.web.pages import LANGUAGES, TEMPLATES, preferred_language, read_verbatim, read_wording
from faceattr.web.problems import Problem
from faceattr.web.sessions import Sessions
from faceattr.web.tokens import Tokens

STYLES = ("base.css", "stage.css", "panel.css")


def login_policy(nonce: str) -> str:
    """The content security policy of a page without scripts, with a form that is sent to this server only."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src 'nonce-{nonce}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


class LoginPage:
    """The page in each language. Reads wording and css once, so that a missing file is found at start."""

    def __init__(self) -> None:
        self._wordings = {language: read_wording(language) for language in LANGUAGES}
        self._styles = [read_verbatim(f"css/{name}") for name in STYLES]

    def answer(self, *, wrong: bool) -> Response:
        """The page as a 401 to the current request; `wrong`: after a token that is not known."""
        language = preferred_language(request.accept_languages.values())
        nonce = secrets.token_urlsafe(16)
        html = render_template(
            "login.html",
            lang=LANGUAGES[language],
            text=self._wordings[language],
            styles=self._styles,
            nonce=nonce,
            # Relative, as a proxy may put the service under a path of its own.
            action="../" * (request.path.count("/") - 1) + "session",
            wrong=wrong,
        )
        g.problem = "unauthorized"
        response = make_response(html, 401)
        response.headers.update(SECURITY_HEADERS)
        # With "no-referrer" browsers send the form with "Origin: null", and it would be refused as a stranger's.
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Vary"] = "Accept, Accept-Language"
        response.headers["Content-Security-Policy"] = login_policy(nonce)
        return response


def login_blueprint(tokens: Tokens, sessions: Sessions, page: LoginPage) -> Blueprint:
    """The blueprint `login` with /session."""
    login = Blueprint("login", __name__, template_folder=str(TEMPLATES))

    @login.get("/session")
    def back() -> Response:
        # Where a browser is after a wrong token, and asks again for.
        return _to_page()

    @login.post("/session")
    def enter() -> Response:
        request.max_content_length = MAX_LOGIN_BYTES
        if request.mimetype != "application/x-www-form-urlencoded":
            raise Problem("unsupported_media_type", "Send the token as a form with the field 'token'.")
        name = tokens.name_of(request.form.get("token", "").strip())
        if name is None:
            if wants_page(request):
                return page.answer(wrong=True)
            raise Problem("unauthorized", "This token is not known.")
        g.user = name
        response = _to_page()
        sessions.begin(response, name, secure=_is_encrypted(request))
        return response

    return login


def wants_page(request: Request) -> bool:
    """Whether a person's browser asks, which names HTML; programs ask for JSON or for anything."""
    return any(kind == "text/html" for kind in request.accept_mimetypes.values())


def _to_page() -> Response:
    return Response(status=303, headers={"Location": "./"})


def _is_encrypted(request: Request) -> bool:
    """Whether the browser speaks TLS: to us, or to a proxy in front of us, as the page's own address tells."""
    return request.is_secure or urlsplit(request.headers.get("Origin", "")).scheme == "https"
