"""What the service writes down, as text and as JSON; and that nothing of a photo, no name and no token is in it."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from faceattr.errors import SettingsError
from faceattr.logs import JsonFormatter, TextFormatter, configure_logging, log_event
from faceattr.settings import Settings
from tests.photo_bytes import encoded, flat
from tests.services import Service, environment, start, stop

KIOSK, GUESS = "Zq7-kiosk-4f9d1c77e2", "Guess-5b1e77c0aa92"
FILE_NAME = "mother-in-hospital-1987"


@pytest.fixture
def _logging_as_it_was() -> Iterator[None]:
    root, package = logging.getLogger(), logging.getLogger("faceattr")
    before = root.handlers[:], root.level, package.level
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    package.setLevel(before[2])


@pytest.mark.usefixtures("_logging_as_it_was")
def test_a_request_is_a_line_of_text(capsys: pytest.CaptureFixture[str], client: FlaskClient, astronaut: bytes) -> None:
    configure_logging(Settings())
    client.post("/analyze", data=astronaut, content_type="image/jpeg", headers={"X-Request-ID": "abc"})
    client.get("/private-path")
    analyzed, lost = capsys.readouterr().out.splitlines()
    number = r"\d+\.\d{3}"
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO request id=abc client=127\.0\.0\.1 method=POST route=/analyze "
        rf"status=200 code=- user=- ms={number} faces=1 confidence={number} decode_ms={number} detect_ms={number} "
        rf"attributes_ms={number} annotate_ms={number} total_ms={number}",
        analyzed,
    )
    assert " method=- route=- status=404 code=not_found user=- ms=" in lost


@pytest.mark.usefixtures("_logging_as_it_was")
def test_a_request_is_an_object_of_json(
    capsys: pytest.CaptureFixture[str], client: FlaskClient, astronaut: bytes
) -> None:
    configure_logging(Settings(log_format="json"))
    client.post("/analyze", data=astronaut, content_type="image/jpeg", headers={"X-Request-ID": "abc"})
    client.get("/healthz")
    analyzed, alive = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", analyzed["time"])
    expected = {"level": "INFO", "event": "request", "id": "abc", "client": "127.0.0.1", "method": "POST", "faces": 1}
    assert expected.items() <= analyzed.items()
    assert {"route": "/analyze", "status": 200, "code": None, "user": None}.items() <= analyzed.items()
    assert 0.5 < analyzed["confidence"] <= 1
    for stage in ("decode", "detect", "attributes", "annotate", "total"):
        assert 0 <= analyzed[f"{stage}_ms"] <= analyzed["ms"]
    assert (alive["route"], alive["faces"], alive["confidence"]) == ("/healthz", None, None)


def test_json_keeps_a_message_and_a_traceback_in_one_line() -> None:
    try:
        raise RuntimeError("first\nsecond")
    except RuntimeError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "it %s\n", ("failed",), sys.exc_info())
    line = JsonFormatter().format(record)
    assert "\n" not in line
    parsed = json.loads(line)
    assert (parsed["level"], parsed["message"]) == ("ERROR", "it failed\n")
    assert parsed["traceback"].endswith("RuntimeError: first\nsecond")
    assert "it failed" in TextFormatter().format(record)


def test_an_event_names_its_values(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("faceattr.test")
    with caplog.at_level(logging.INFO, "faceattr.test"):
        log_event(log, "thing", {"name": "a", "count": 2, "share": 0.5, "nothing": None})
    assert caplog.messages == ["thing name=a count=2 share=0.500 nothing=-"]


def body_of_multipart(photo: bytes) -> tuple[bytes, str]:
    head = f'--x\r\nContent-Disposition: form-data; name="image"; filename="{FILE_NAME}.jpg"\r\n\r\n'.encode()
    return head + photo + b"\r\n--x--\r\n", "multipart/form-data; boundary=x"


def use(service: Service, photo: bytes) -> None:
    """Good and bad requests that carry what must not be written down, in every place that a client has for it."""
    as_text = base64.b64encode(photo).decode()
    good = {"Authorization": f"Bearer {KIOSK}"}
    form, kind = body_of_multipart(photo)
    assert service.request("POST", "/analyze", form, Content_Type=kind, **good)[0] == 200
    as_json = json.dumps({"image": as_text, "filename": f"{FILE_NAME}.jpg"}).encode()
    assert service.request("POST", "/analyze", as_json, Content_Type="application/json", **good)[0] == 200
    cut = json.dumps({"image": as_text[:-50], "filename": f"{FILE_NAME}.jpg"}).encode()
    assert service.request("POST", "/analyze", cut, Content_Type="application/json", **good)[0] in (400, 422)
    wrong = json.dumps({"image": as_text + "!", FILE_NAME: as_text}).encode()
    assert service.request("POST", "/analyze", wrong, Content_Type="application/json", **good)[0] == 400
    assert service.request("POST", "/analyze", as_json[:-9], Content_Type="application/json", **good)[0] == 400
    assert service.request("POST", f"/analyze?{FILE_NAME}={KIOSK}", photo, Content_Type="image/jpeg", **good)[0] == 400
    assert service.request("POST", "/analyze", photo, Content_Type=f"image/{FILE_NAME}", **good)[0] in (200, 415)
    assert service.request("GET", f"/{FILE_NAME}.jpg?token={KIOSK}", b"", **good)[0] == 404
    assert service.request("GET", "/health", Authorization=f"Bearer {GUESS}")[0] == 401
    assert service.request("GET", "/health", X_API_Key=GUESS, Cookie=f"faceattr_session={GUESS}")[0] == 401
    assert service.request("GET", "/health", b"", Host=f"{FILE_NAME}.example", **good)[0] == 403
    assert service.request("POST", "/analyze", photo, Origin=f"https://{FILE_NAME}.example", **good)[0] == 403
    form_type = "application/x-www-form-urlencoded"
    for token, status in ((KIOSK, 303), (GUESS, 401)):
        assert service.request("POST", "/session", f"token={token}".encode(), Content_Type=form_type)[0] == status
    for line in (f"NONSENSE /{FILE_NAME}.jpg {KIOSK}", f"GET http://[{FILE_NAME}.jpg]/ HTTP/1.1"):
        assert b"400" in service.send_raw(f"{line}\r\n\r\n".encode())[:20]
    damaged = bytearray(encoded(flat(64, 64), ".png"))
    damaged[damaged.index(b"IDAT") + 10] ^= 0xFF
    assert service.request("POST", "/analyze", bytes(damaged), Content_Type="image/png", **good)[0] == 422


def diagnostics_in(directory: Path) -> str:
    """All that was written there: the hour may have changed meanwhile, and its file been packed, or half of it."""
    files = [path for path in sorted(directory.iterdir()) if path.suffix != ".part"]
    contents = [gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in files]
    return b"".join(contents).decode()


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_of_a_photo_no_name_and_no_token_is_ever_written(form: str, astronaut: bytes, tmp_path: Path) -> None:
    tokens, diagnostics = tmp_path / "tokens", tmp_path / "logs"
    tokens.write_text(f"kiosk:{KIOSK}\n")
    tokens.chmod(0o600)
    service = start("--token-file", str(tokens), "--log-format", form, "--debug", str(diagnostics))
    try:
        use(service, astronaut)
        tokens.write_text(f"kiosk {KIOSK}\n")
        service.process.send_signal(signal.SIGHUP)
        kept, until = threading.Event(), time.monotonic() + 30
        while not any("stay as they were" in line for line in list(service.log)):
            assert service.process.poll() is None
            assert time.monotonic() < until, service.log
            kept.wait(0.02)
        assert service.request("GET", "/health", Authorization=f"Bearer {KIOSK}")[0] == 200
    finally:
        stop(service)
    written = "".join(service.log) + diagnostics_in(diagnostics)
    assert written.count("status=200") + written.count('"status": 200') >= 4
    assert "user=kiosk" in written

    assert not re.search(FILE_NAME, written, re.IGNORECASE)
    assert KIOSK not in written
    assert GUESS not in written
    as_text = base64.b64encode(astronaut).decode()
    places = range(0, len(as_text) - 24, 24)
    assert not [place for place in places if as_text[place : place + 24] in written]
    assert not re.search(r"[A-Za-z0-9+/]{65,}", written)


def test_diagnostics_say_what_each_stage_cost_and_what_answered(astronaut: bytes, tmp_path: Path) -> None:
    service = start("--debug", str(tmp_path / "a" / "logs"))
    try:
        assert service.request("POST", "/analyze", astronaut, Content_Type="image/jpeg", X_Request_ID="q1")[0] == 200
        assert service.request("POST", "/analyze", b"x", Content_Type="image/jpeg", X_Request_ID="q2")[0] == 415
    finally:
        stop(service)
    written = diagnostics_in(tmp_path / "a" / "logs")
    assert re.search(r"DEBUG start: detector from \S+/\S+\.prototxt and \S+\.caffemodel, input \d+×\d+ pixels", written)
    assert re.search(r"DEBUG start: age from .* input \d+×\d+ pixels", written)
    assert f"DEBUG q1 input: body of {len(astronaut)} bytes" in written
    assert "DEBUG q1 input: photo of 512×512 pixels, rotation 0" in written
    for stage in ("decode", "detect", "attributes", "annotate", "total", "request"):
        assert re.search(rf"DEBUG q1 cost: {stage} \d+\.\d{{3}} ms", written), stage
    assert re.search(r"DEBUG q1 output: faces 1, a picture of \d+ bytes", written)
    assert "DEBUG q2 output: status 415, unsupported_image" in written
    assert "INFO request id=q1 " in written
    assert "DEBUG" not in "".join(service.log)


@pytest.mark.usefixtures("_logging_as_it_was")
def test_a_failure_outside_the_application_is_logged_without_its_address(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(Settings())
    try:
        raise RuntimeError("the cause")
    except RuntimeError:
        logging.getLogger("waitress").exception(f"Exception while serving /{FILE_NAME}.jpg")
    written = capsys.readouterr().out
    assert FILE_NAME not in written
    assert "ERROR a request failed outside the application" in written
    assert "the cause" in written


@pytest.mark.usefixtures("_logging_as_it_was")
def test_diagnostics_that_cannot_be_written_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"Cannot write diagnostics to .*file"):
        configure_logging(Settings(debug=str(tmp_path / "file")))


def test_a_service_whose_log_nobody_reads_any_longer_goes_on_in_silence(astronaut: bytes, tmp_path: Path) -> None:
    with (tmp_path / "errors").open("wb") as errors:
        command = [sys.executable, "-m", "faceattr", "serve", "--port", "0"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment())
    try:
        assert process.stdout is not None
        port = next(found[1] for line in process.stdout if (found := re.search(r"ready on http://[\d.]+:(\d+)", line)))
        process.stdout.close()
        service = Service(process, int(port), [], threading.Thread())
        assert service.request("POST", "/analyze", astronaut, Content_Type="image/jpeg")[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    assert (tmp_path / "errors").read_bytes() == b""
