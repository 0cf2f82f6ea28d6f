"""The Python client: as a file of its own, against the real application and against services that misbehave."""

from __future__ import annotations

import ast
import base64
import dataclasses
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask

from faceattr.analyzer import FaceAnalyzer
from faceattr.client import Analysis, Client, Options, ServiceError, Unreachable
from faceattr.options import Options as ServiceOptions
from faceattr.settings import Settings
from faceattr.web.app import create_app
from tests.browser.harness import served
from tests.conftest import BUILT_IN, DATA, ROOT

SOURCE = ROOT / "faceattr" / "client.py"
TOKEN = "Zq7-kiosk-4f9d1c77e2"
PROBLEM = b'{"code": "overloaded", "detail": "Busy.", "request_id": "r1"}'

Answering = Callable[..., str]


@pytest.fixture
def service(app: Flask) -> Iterator[Client]:
    with served(app) as address:
        yield Client(address)


@pytest.fixture
def answering() -> Iterator[Answering]:
    """A server that reads a request's head and sends the next of these answers, then closes; its address."""
    sockets: list[socket.socket] = []

    def start(*answers: bytes, heads: list[bytes] | None = None) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        sockets.append(listener)
        thread = threading.Thread(target=_answer, args=(listener, answers, heads), daemon=True)
        thread.start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for each in sockets:
        each.close()


def _answer(listener: socket.socket, answers: Sequence[bytes], heads: list[bytes] | None) -> None:
    for answer in answers:
        connection, _ = listener.accept()
        with connection:
            received = b""
            while b"\r\n\r\n" not in received:
                received += connection.recv(65536)
            if heads is not None:
                heads.append(received)
            connection.sendall(answer)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass


def http_answer(status: str, body: bytes, *headers: str) -> bytes:
    lines = "".join(f"{header}\r\n" for header in headers)
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode() + body


def test_it_is_one_file_of_the_standard_library(tmp_path: Path) -> None:
    for node in ast.walk(ast.parse(SOURCE.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert all(name.split(".")[0] in sys.stdlib_module_names for name in names), names
    shutil.copy(SOURCE, tmp_path / "client.py")
    program = "import sys; sys.path.insert(0, '.'); import client; client.Client('http://localhost:1')"
    subprocess.run([sys.executable, "-I", "-S", "-c", program], cwd=tmp_path, check=True)


def test_it_knows_every_option() -> None:
    assert set(Options.__annotations__) == {*ServiceOptions.names(), "annotate", "model"}


def test_an_analysis_has_all_that_the_answer_has(service: Client, app: Flask, astronaut: bytes) -> None:
    analysis = service.analyze(astronaut, annotate="png", distribution=True, min_face=20)
    said = (
        app.test_client()
        .post("/analyze?distribution=true&min_face=20", data=astronaut, content_type="image/jpeg")
        .get_json()
    )
    (face,) = analysis.faces
    assert json.loads(json.dumps(dataclasses.asdict(face))) == said["faces"][0]
    assert analysis.picture == base64.b64decode(said["result"])
    assert {"width": analysis.width, "height": analysis.height, "rotation": analysis.rotation} == said["image"]
    assert {"pack": analysis.pack, "version": analysis.version, "engine": analysis.engine} == said["model"]
    assert set(analysis.timing_ms) == set(said["timing_ms"])


def test_a_path_is_read_and_no_picture_is_sent_unless_asked_for(service: Client) -> None:
    analysis = service.analyze(DATA / "astronaut.jpg")
    assert (len(analysis.faces), analysis.picture) == (1, None)


def test_a_batch_keeps_order_and_errors(service: Client, astronaut: bytes) -> None:
    first, second = service.analyze_batch([b"no photo", astronaut], tta=True)
    assert isinstance(first, ServiceError)
    assert (first.status, first.code) == (415, "unsupported_image")
    assert isinstance(second, Analysis)
    assert second.faces[0].gender.value == "Female"
    assert first.request_id == second.request_id


def test_models_and_health_are_as_the_service_describes_them(service: Client) -> None:
    (model,) = service.models()
    assert model["default"] is True
    assert service.health()["model"]["digest"] == model["digest"]
    assert service.analyze(DATA / "astronaut.jpg", model=model["name"]).pack == model["pack"]


def test_options_that_are_none_are_as_if_not_given(service: Client) -> None:
    nothing: dict[str, None] = dict.fromkeys(Options.__annotations__)
    for analysis in (
        service.analyze(DATA / "astronaut.jpg", **nothing),
        *service.analyze_batch([DATA / "astronaut.jpg"], **nothing),
    ):
        assert isinstance(analysis, Analysis)
        assert (len(analysis.faces), analysis.picture) == (1, None)


def test_a_refusal_has_code_status_and_the_id_of_the_request(service: Client) -> None:
    with pytest.raises(ServiceError, match="unsupported_image") as refused:
        service.analyze(b"no photo")
    error = refused.value
    assert (error.status, error.code, error.retry_after) == (415, "unsupported_image", None)
    assert len(error.request_id or "") == 32


def test_a_token_opens_the_service(analyzer: FaceAnalyzer, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"kiosk:{TOKEN}\n")
    tokens.chmod(0o600)
    app = create_app(Settings(models=str(BUILT_IN), slots=2, token_file=str(tokens)), analyzer=analyzer)
    with served(app) as address:
        assert Client(address, TOKEN).health()["status"] == "ok"
        with pytest.raises(ServiceError) as refused:
            Client(address).health()
    assert refused.value.code == "unauthorized"


@pytest.mark.parametrize(("header", "wait"), [("Retry-After: 7", 7.0), ("X-None: 0", 1.0), ("Retry-After: soon", 1.0)])
@pytest.mark.parametrize("status", ["503 Busy", "429 Too many"])
def test_a_busy_service_is_asked_again_when_it_says(
    answering: Answering, monkeypatch: pytest.MonkeyPatch, header: str, wait: float, status: str
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    address = answering(http_answer(status, PROBLEM, header), http_answer("200 OK", b'{"status": "ok"}'))
    assert Client(address).health() == {"status": "ok"}
    assert waits == [wait]


def test_patience_ends(answering: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("waited for what would be too late"))
    address = answering(http_answer("503 Busy", PROBLEM, "Retry-After: 31"))
    with pytest.raises(ServiceError) as refused:
        Client(address, patience=30).health()
    assert (refused.value.code, refused.value.request_id, refused.value.retry_after) == ("overloaded", "r1", 31.0)


def test_other_refusals_are_final(answering: Answering) -> None:
    address = answering(http_answer("500 Broken", b'{"code": "internal", "detail": "x"}', "Retry-After: 1"))
    with pytest.raises(ServiceError, match="internal"):
        Client(address).health()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff", b'{"faces": 7}', b'{"image": {}, "model": []}'])
def test_what_is_no_answer_of_the_service_is_said(answering: Answering, body: bytes) -> None:
    with pytest.raises(ServiceError) as refused:
        Client(answering(http_answer("200 OK", body))).analyze(b"photo")
    assert refused.value.code == "not_understood"


def test_a_list_of_models_that_is_none_is_said(answering: Answering) -> None:
    with pytest.raises(ServiceError) as refused:
        Client(answering(http_answer("200 OK", b'{"data": []}'))).models()
    assert refused.value.code == "not_understood"


def test_a_redirect_is_not_followed_with_the_token(answering: Answering) -> None:
    heads: list[bytes] = []
    address = answering(http_answer("302 Found", b"", "Location: http://127.0.0.1:9/"), heads=heads)
    with pytest.raises(ServiceError, match="302"):
        Client(address, TOKEN).health()
    assert len(heads) == 1


def test_a_path_before_the_service_is_kept(answering: Answering) -> None:
    heads: list[bytes] = []
    address = answering(http_answer("200 OK", b"{}"), heads=heads)
    Client(f"{address}/faces/").health()
    assert heads[0].startswith(b"GET /faces/health HTTP/1.1\r\n")


def test_a_refusal_before_the_photo_is_sent_is_read(answering: Answering) -> None:
    body = b'{"code": "body_too_large", "detail": "Too much."}'
    with pytest.raises(ServiceError, match="body_too_large"):
        Client(answering(http_answer("413 Too large", body))).analyze(bytes(20_000_000))


def test_a_service_that_is_not_there_is_unreachable() -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable, match="127.0.0.1"):
            Client(f"http://127.0.0.1:{unused.getsockname()[1]}").health()


def test_half_an_answer_is_none(answering: Answering) -> None:
    with pytest.raises(Unreachable):
        Client(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")).health()


@pytest.mark.parametrize(
    "address", ["", "localhost:5000", "ftp://localhost", "http://", "http://h:99999", "http://[::1"]
)
def test_what_is_no_address_is_refused_at_once(address: str) -> None:
    with pytest.raises(ValueError, match="expected an address"):
        Client(address)


@pytest.mark.parametrize("token", [f"{TOKEN}\n", "", "a token", "令牌"])
def test_a_token_that_cannot_be_sent_is_refused_at_once_and_not_told(token: str) -> None:
    with pytest.raises(ValueError, match="the token has") as refused:
        Client("http://127.0.0.1:5000", token)
    assert TOKEN not in str(refused.value)
