"""One HTTP request for a file or the rest of one: what the network may do wrong, as two errors, to retry or not."""

from __future__ import annotations

import http.client
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from http import HTTPStatus
from typing import IO

from faceattr.errors import Unreachable
from faceattr.version import __version__

_CHUNK = 2**16
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}


class Lost(Exception):
    """An attempt failed, and the next may not. `kept`: what was received so far may be gone on with."""

    def __init__(self, cause: str, *, kept: bool = True) -> None:
        super().__init__(cause)
        self.kept = kept


class Answer:
    """A server's answer, open for reading: the whole file from its start, or the rest from an offset."""

    def __init__(self, response: http.client.HTTPResponse, timeout: float) -> None:
        self._response = response
        self._timeout = timeout
        self.is_whole = response.status == HTTPStatus.OK
        self.length = response.length
        """Bytes announced, or None."""
        etag = response.headers.get("ETag", "")
        self.etag = etag if etag.startswith('"') else ""
        """A strong validator, or nothing: a weak one does not promise equal bytes."""

    def read(self) -> bytes:
        """What comes next, nothing at the end. Raises Lost."""
        try:
            return self._response.read1(_CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise _failed(error, self._timeout) from None

    def close(self) -> None:
        self._response.close()


def ask(address: str, offset: int, size: int, etag: str, timeout: float) -> Answer:
    """The answer to a request for a file of `size` bytes from `offset` on. Raises Unreachable or Lost.

    `etag`: that of the answer which gave the bytes before; with another version, the server sends the whole.
    """
    headers = {"User-Agent": f"faceattr/{__version__}", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if etag:
            headers["If-Range"] = etag
    try:
        request = urllib.request.Request(address, headers=headers)  # noqa: S310 - the opener knows only http and https
        response: http.client.HTTPResponse = _opener().open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        with error:
            raise _refused(error.code, address, offset) from None
    except (OSError, http.client.HTTPException) as error:
        raise _failed(error, timeout) from None
    except ValueError as error:
        raise Unreachable(f"{address} leads to an address that cannot be read: {error}.") from None
    if response.status not in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        response.close()
        raise Unreachable(f"{address} answers {_status(response.status)}.")
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != offset or found[2] not in ("*", str(size)):
            response.close()
            raise Lost("the server has another file now, or sends another part of it than asked for", kept=False)
    return Answer(response, timeout)


def _refused(code: int, address: str, offset: int) -> Exception:
    if code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and offset:
        return Lost("the server has less than what is here already", kept=False)
    if code in _TRANSIENT:
        return Lost(f"the server answers {_status(code)}")
    if code // 100 == 3:
        return Unreachable(f"{address} redirects in a circle, too often, or to nowhere.")
    return Unreachable(f"{address} answers {_status(code)}.")


def _failed(error: Exception, timeout: float) -> Exception:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Unreachable(f"The server's certificate cannot be trusted: {cause.verify_message}.")
    if isinstance(cause, TimeoutError):
        return Lost(f"nothing came for {timeout:g} s")
    if isinstance(cause, http.client.RemoteDisconnected | http.client.IncompleteRead | ConnectionResetError):
        return Lost("the connection was lost")
    return Lost(getattr(cause, "strerror", None) or str(cause) or type(cause).__name__)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects over http and https, five at most."""

    max_redirections = 5
    max_repeats = 2

    def http_error_302(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage
    ) -> http.client.HTTPResponse | None:
        target = urllib.parse.urljoin(req.full_url, headers.get("Location", ""))
        scheme = urllib.parse.urlsplit(target).scheme
        if scheme not in ("http", "https"):
            fp.close()
            raise Unreachable(f"{req.full_url} redirects to something that is not on the web ({scheme!r}).")
        followed: http.client.HTTPResponse | None = super().http_error_302(req, fp, code, msg, headers)
        return followed

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _opener() -> urllib.request.OpenerDirector:
    """HTTP and HTTPS, through the system's proxies, and nothing else: no files, no FTP."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        _Redirects(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _status(code: int) -> str:
    """A status by number and standard name; a server's own words do not reach the terminal."""
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return str(code)
