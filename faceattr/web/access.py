"""The door: which names, pages, clients and tokens a request needs before anything looks at it."""

from __future__ import annotations

import logging
from pathlib import Path

from flask import Flask, Request, Response, g, request

from faceattr.errors import SettingsError
from faceattr.settings import Settings
from faceattr.web.arrivals import LOGIN, PROBES
from faceattr.web.hosts import allowed_origins, is_loopback, may_send, trusted_hosts
from faceattr.web.login import LoginPage, login_blueprint, wants_page
from faceattr.web.problems import Problem
from faceattr.web.ratelimit import limit_rate
from faceattr.web.sessions import Sessions
from faceattr.web.tokens import Tokens

log = logging.getLogger(__name__)

DOOR = "faceattr.door"
"""Key of `app.extensions`: a function that tells by its headers whether the body of a request gets past the door."""
SHARING = "faceattr.sharing"
"""Key of `app.extensions`: a function from an Origin to the headers that let its pages read an answer."""
_READING = ("GET", "HEAD", "OPTIONS")
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-API-Key, X-Request-ID",
    "Access-Control-Max-Age": "600",
}


def check_exposure(settings: Settings) -> None:
    """Refuses to listen for other machines unless it was said who may come in; warns when that is everybody.

    Raises SettingsError that names both ways.
    """
    if is_loopback(settings.host) or settings.token_file:
        return
    if not settings.open:
        raise SettingsError(
            f"On {settings.host or 'every address'} other machines could reach the service. Give --token-file FILE, "
            "with a line name:token for each client, to let in who has a token; or --open to let everybody in."
        )
    log.warning(
        "OPEN TO EVERYBODY: whoever reaches port %d of %s can use this service, without a token. Use --token-file to "
        "ask for one.",
        settings.port,
        settings.host or "any address",
    )


def install_access(app: Flask, settings: Settings) -> Tokens | None:
    """Puts the door before every route of the app, probes excepted; the tokens that open it, if it asks for any.

    Raises SettingsError for a wrong token file, host, origin or rate limit.
    """
    tokens = Tokens(Path(settings.token_file)) if settings.token_file else None
    door = _Door(settings, tokens)
    app.before_request(door.check_names)
    if settings.rate_limit:
        # After the token is known, as it names the client, and before it is asked for: guesses count too.
        limit_rate(app, settings.rate_limit, _client, _is_probe)
    app.before_request(door.ask_for_token)
    app.after_request(door.share)
    app.extensions[DOOR], app.extensions[SHARING] = door.lets_in, door.sharing
    if tokens is not None:
        app.register_blueprint(login_blueprint(tokens, door.sessions, door.page))
    return tokens


def try_access(settings: Settings) -> Tokens | None:
    """As `check_exposure` and `install_access`, for an app that serves nobody."""
    check_exposure(settings)
    return install_access(Flask(__name__), settings)


class _Door:
    """Looks at a request's headers only; its body is read by whoever answers it."""

    def __init__(self, settings: Settings, tokens: Tokens | None) -> None:
        self._hosts = trusted_hosts(settings.host, settings.allowed_hosts)
        self._origins = allowed_origins(settings.allowed_origins)
        self._tokens = tokens
        if tokens is not None:
            self.sessions, self.page = Sessions(tokens, settings.session_hours), LoginPage()

    def lets_in(self, asked: Request) -> bool:
        """Whether anybody will look at the body of a request of which only the headers are there yet."""
        if asked.path in PROBES:
            # Anybody may ask, and so must not be able to fill the memory.
            return False
        if self._wrong_name(asked) is not None:
            return False
        return self._tokens is None or asked.path == LOGIN or self._identify(asked) is not None

    def check_names(self) -> Response | None:
        """Refuses unknown host names and requests from other sites' pages, and sees whose token there is."""
        g.user = None
        if _is_probe():
            return None
        problem = self._wrong_name(request)
        if problem is not None:
            raise problem
        if _is_preflight(request):
            return Response(status=204, headers=_PREFLIGHT)
        g.user = self._identify(request)
        return None

    def ask_for_token(self) -> Response | None:
        """Answers who has shown no token with a page that asks for one, or with a problem."""
        if self._tokens is None or g.user is not None or _is_probe() or request.blueprint == "login":
            return None
        if request.method == "GET" and wants_page(request):
            return self.page.answer(wrong=False)
        if _shown_token(request) is not None:
            raise Problem("unauthorized", "This token is not known.")
        raise Problem("unauthorized", "Send a token, as 'Authorization: Bearer TOKEN' or as 'X-API-Key: TOKEN'.")

    def share(self, response: Response) -> Response:
        """Lets listed pages of other sites read the answer; names the scheme that a 401 asks for."""
        for name, value in self.sharing(request.headers.get("Origin")).items():
            if name == "Vary":
                response.vary.add(value)
            else:
                response.headers[name] = value
        if response.status_code == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="faceattr"'
        return response

    def sharing(self, origin: str | None) -> dict[str, str]:
        """The headers that let a page of this origin read an answer, if it is listed; none when no site is."""
        if origin is None or origin not in self._origins:
            return {"Vary": "Origin"} if self._origins else {}
        shown = "Retry-After, X-Request-ID"
        return {"Vary": "Origin", "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": shown}

    def _wrong_name(self, asked: Request) -> Problem | None:
        host, origin = asked.headers.get("Host"), asked.headers.get("Origin")
        if not self._hosts.trusts(host):
            return Problem(
                "bad_host",
                "The service does not go by the name that this request is addressed to; its operator can add the name "
                "with --allowed-hosts.",
            )
        if _is_preflight(asked):
            return None if origin in self._origins else _foreign()
        fetch_site = asked.headers.get("Sec-Fetch-Site")
        may = asked.method in _READING or may_send(origin, fetch_site, host, self._origins)
        return None if may else _foreign()

    def _identify(self, asked: Request) -> str | None:
        if self._tokens is None:
            return None
        shown = _shown_token(asked)
        return self.sessions.name_of(asked) if shown is None else self._tokens.name_of(shown)


def _shown_token(asked: Request) -> str | None:
    """The token of `Authorization: Bearer` or `X-API-Key`; None where there is neither."""
    scheme, _, token = asked.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else asked.headers.get("X-API-Key")


def _is_preflight(asked: Request) -> bool:
    return asked.method == "OPTIONS" and "Access-Control-Request-Method" in asked.headers


def _client() -> str:
    """Whom requests are counted for: the token that was shown, else the address."""
    return g.user or request.remote_addr or "-"


def _is_probe() -> bool:
    return request.path in PROBES


def _foreign() -> Problem:
    return Problem(
        "bad_origin",
        "The request comes from a page of another site; the service's operator can allow that with --allowed-origins.",
    )
