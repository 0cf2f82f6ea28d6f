"""The cookie of a browser that has shown a token: signed, limited in time, and void once the token is."""

from __future__ import annotations

import hashlib

from flask import Request, Response
from itsdangerous import BadSignature, TimestampSigner

from faceattr.web.tokens import Tokens

COOKIE = "faceattr_session"


class Sessions:
    """Makes and checks cookies. Each is signed with a key that follows from its token, so that no list is kept.

    A cookie outlives a restart of the service, and ends with its token: once that is taken out of the file, no
    signature of its fits any more. The token itself cannot be had from a cookie.
    """

    def __init__(self, tokens: Tokens, hours: int) -> None:
        self._tokens = tokens
        self._seconds = hours * 3600

    def name_of(self, request: Request) -> str | None:
        """The name of the token that a request's cookie was given for; None without a cookie that still holds."""
        cookie = request.cookies.get(COOKIE, "")
        if not cookie or len(cookie) > 300:
            return None
        for name, digest in self._tokens.digests().items():
            try:
                signed = _signer(digest).unsign(cookie, max_age=self._seconds)
            except BadSignature:
                continue
            if signed == name.encode():
                return name
        return None

    def begin(self, response: Response, name: str, *, secure: bool) -> None:
        """Gives the browser a cookie for a token, for the connection's kind: `secure` keeps it from plain HTTP."""
        value = _signer(self._tokens.digests()[name]).sign(name).decode()
        response.set_cookie(
            COOKIE, value, max_age=self._seconds, httponly=True, samesite="Strict", secure=secure, path="/"
        )


def _signer(digest: bytes) -> TimestampSigner:
    return TimestampSigner(digest, salt="faceattr session", key_derivation="hmac", digest_method=hashlib.sha256)
