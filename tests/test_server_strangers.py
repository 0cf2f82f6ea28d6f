"""Requests that the door does not let in: answered by their headers, their bodies thrown away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from faceattr.analyzer import FaceAnalyzer
from faceattr.web.arrivals import MAX_LOGIN_BYTES
from tests.running import Gate, Running, get, running, until

TOKEN = "Zq7-kiosk-4f9d1c77e2"
CLAIMED = 10_000_000


@pytest.fixture
def gate(analyzer: FaceAnalyzer) -> Gate:
    gate = Gate(analyzer)
    gate.opened.set()
    return gate


@pytest.fixture
def service(gate: Gate, tmp_path: Path) -> Iterator[Running]:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"kiosk:{TOKEN}\n")
    tokens.chmod(0o600)
    with running(gate, token_file=str(tokens)) as service:
        yield service


def post(*headers: str, path: str = "/analyze", length: int = CLAIMED, host: str = "localhost") -> bytes:
    lines = (
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        "Content-Type: image/jpeg",
        f"Content-Length: {length}",
        *headers,
    )
    return "\r\n".join((*lines, "", "")).encode()


STRANGERS = {
    "no token": (post(), 401, "unauthorized"),
    "wrong token": (post("Authorization: Bearer Zq7-kiosk-4f9d1c77e3"), 401, "unauthorized"),
    "wrong key": (post("X-API-Key: x"), 401, "unauthorized"),
    "wrong cookie": (post("Cookie: faceattr_session=kiosk.x.y"), 401, "unauthorized"),
    "several photos": (post(path="/analyze/batch", length=50_000_000), 401, "unauthorized"),
    "no such address": (post(path="/nothing"), 401, "unauthorized"),
    "a probe": (post(path="/healthz"), 405, "method_not_allowed"),
    "another name": (post(f"X-API-Key: {TOKEN}", host="evil.example"), 403, "bad_host"),
    "another site": (post(f"X-API-Key: {TOKEN}", "Origin: https://evil.example"), 403, "bad_origin"),
    "chunks": (post().replace(b"Content-Length: 10000000", b"Transfer-Encoding: chunked"), 401, "unauthorized"),
    "waits to be asked": (post("Expect: 100-continue"), 401, "unauthorized"),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_a_stranger_is_answered_before_its_body_has_come(service: Running, gate: Gate, name: str) -> None:
    request, expected, code = STRANGERS[name]
    status, headers, body = service.send(request).answer()
    assert (status, body["code"], headers["connection"]) == (expected, code, "close")
    assert gate.photos == []
    assert service.send(get("/healthz")).code() == "ok"


def test_a_stranger_that_goes_on_sending_gets_its_answer_whole_and_its_bytes_are_not_kept(service: Running) -> None:
    client = service.send(post())
    # None of this is taken for further requests.
    for _ in range(CLAIMED // 100_000):
        client.send(get("/readyz").ljust(100_000, b"\n"))
    assert service.server.arriving_bytes == 0
    status, _, body = client.answer()
    assert (status, body["code"]) == (401, "unauthorized")
    assert client.is_closed()


def test_what_follows_a_strangers_head_is_never_a_request_of_its_own(service: Running, gate: Gate) -> None:
    inner = post(f"X-API-Key: {TOKEN}", length=5) + b"photo"
    client = service.send(post(length=len(inner)) + inner)
    assert client.code() == "unauthorized"
    assert client.is_closed()
    assert gate.photos == []


def test_after_a_request_that_is_let_in_a_stranger_is_answered_in_its_turn(service: Running, gate: Gate) -> None:
    client = service.send(post(f"X-API-Key: {TOKEN}", length=5) + b"photo" + post())
    assert [client.code(), client.code()] == ["ok", "unauthorized"]
    assert gate.photos == [b"photo"]


def test_with_a_token_a_body_is_read_as_ever(service: Running, gate: Gate) -> None:
    client = service.send(post(f"Authorization: Bearer {TOKEN}", length=10) + b"photo")
    until(lambda: service.server.arriving_bytes > 0)
    client.send(b"-rest")
    assert client.code() == "ok"
    assert gate.photos == [b"photo-rest"]


def test_a_probe_with_a_body_is_answered_and_its_body_not_kept(service: Running) -> None:
    client = service.send(post(path="/readyz").replace(b"POST", b"GET"))
    status, headers, body = client.answer()
    assert (status, headers["connection"], body) == (200, "close", {"status": "ready"})


@pytest.mark.parametrize("path", ["/session", "//session"])
def test_the_form_that_anybody_may_send_is_small(service: Running, path: str) -> None:
    status, headers, body = service.send(post(path=path, length=MAX_LOGIN_BYTES)).answer()
    assert (status, body["code"], headers["connection"]) == (413, "body_too_large", "close")


@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_what_two_lengths_would_hide_is_never_a_request_of_its_own(service: Running, gate: Gate, version: str) -> None:
    # A proxy that goes by the one and a server that goes by the other read different requests (RFC 9112, 6.3).
    hidden = get("/healthz")
    smuggling = post(f"X-API-Key: {TOKEN}", "Transfer-Encoding: chunked", "Connection: keep-alive", length=60)
    client = service.send(smuggling.replace(b"HTTP/1.1", f"HTTP/{version}".encode()) + b"0\r\n\r\n" + hidden)
    status, _, body = client.answer()
    assert (status, body["code"]) == (400, "bad_request")
    assert client.is_closed()
    assert gate.photos == []
