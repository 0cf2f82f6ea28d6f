"""What a kiosk asks the server for: its state, its PIN, and the page that is a kiosk by address or by setting."""

from __future__ import annotations

import hmac
import json
import logging
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from faceattr.__main__ import main
from faceattr.analyzer import FaceAnalyzer
from faceattr.errors import SettingsError
from faceattr.settings import Settings
from faceattr.web.app import PIN, create_app
from faceattr.web.pin import WINDOW_S, WRONG_TRIES, Pin
from tests.conftest import BUILT_IN, PACK, ROOT
from tests.openapi_answers import hold
from tests.services import start, stop

RIGHT, WRONG = "271828", "314159"
TOKEN = "Zq7-kiosk-4f9d1c77e2"

MakeApp = Callable[..., Flask]
WritePin = Callable[..., Path]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def write(tmp_path: Path) -> WritePin:
    def write(content: str | bytes, mode: int = 0o600) -> Path:
        path = tmp_path / "pin"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    return write


@pytest.fixture
def make_app(analyzer: FaceAnalyzer) -> MakeApp:
    def make(**settings: Any) -> Flask:
        return create_app(Settings(models=str(BUILT_IN), slots=2, **settings), analyzer=analyzer)

    return make


@pytest.fixture
def guarded(make_app: MakeApp, write: WritePin) -> FlaskClient:
    """The service with a PIN."""
    return make_app(kiosk_pin_file=str(write(RIGHT))).test_client()


def enter(client: FlaskClient, pin: str) -> TestResponse:
    return client.post("/kiosk/pin", json={"pin": pin})


def test_the_right_pin_opens_and_a_wrong_one_does_not(guarded: FlaskClient) -> None:
    response = enter(guarded, RIGHT)
    assert (response.status_code, response.data) == (204, b"")
    for wrong in (WRONG, "", RIGHT + "0", f" {RIGHT}"):
        response = enter(guarded, wrong)
        assert (response.status_code, response.json and response.json["code"]) == (403, "wrong_pin")


def test_after_five_wrong_tries_even_the_right_pin_has_to_wait(guarded: FlaskClient) -> None:
    for _ in range(WRONG_TRIES):
        assert enter(guarded, WRONG).status_code == 403
    response = enter(guarded, RIGHT)
    assert (response.status_code, response.json and response.json["code"]) == (429, "rate_limited")
    assert 0 < int(response.headers["Retry-After"]) <= WINDOW_S


def test_the_wait_ends_one_try_after_the_other(write: WritePin) -> None:
    clock = Clock()
    pin = Pin(write(RIGHT), clock)
    for second in range(WRONG_TRIES):
        clock.now = 1000.0 + second
        assert pin.check(WRONG) == (False, 0)
    assert pin.check(RIGHT) == (False, 56)
    clock.now = 1000.0 + WINDOW_S - 0.01
    assert pin.check(RIGHT) == (False, 1)
    clock.now = 1000.0 + WINDOW_S
    assert pin.check(WRONG) == (False, 0)
    assert pin.check(RIGHT) == (False, 1)
    clock.now += 1.0
    assert pin.check(RIGHT) == (True, 0)


def test_right_tries_are_not_counted(write: WritePin) -> None:
    pin = Pin(write(RIGHT), Clock())
    assert [pin.check(RIGHT) for _ in range(3 * WRONG_TRIES)] == [(True, 0)] * 3 * WRONG_TRIES


def test_tries_at_the_same_time_are_counted_each(write: WritePin) -> None:
    pin = Pin(write(RIGHT), Clock())
    compared: list[tuple[bool, int]] = []
    ready = threading.Barrier(8)

    def guess() -> None:
        ready.wait()
        compared.extend(pin.check(WRONG) for _ in range(50))

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert compared.count((False, 0)) == WRONG_TRIES


def test_digests_of_one_length_are_compared_in_constant_time(write: WritePin, monkeypatch: pytest.MonkeyPatch) -> None:
    pin, lengths, real = Pin(write(RIGHT), Clock()), [], hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        lengths.append((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert [pin.check(tried)[0] for tried in (RIGHT, "1", "9" * 900, "ä\udcff")] == [True, False, False, False]
    assert lengths == [(32, 32)] * 4


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"", "application/json", 400, "bad_json"),
        (b"{", "application/json", 400, "bad_json"),
        (b"[]", "application/json", 400, "bad_request"),
        (b"{}", "application/json", 400, "bad_request"),
        (b'{"pin": 271828}', "application/json", 400, "bad_request"),
        (b'{"pin": null}', "application/json", 400, "bad_request"),
        (b'{"pin": "271828", "more": 1}', "application/json", 400, "bad_request"),
        (b"pin=271828", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b'{"pin": "%s"}' % (b"1" * 2000), "application/json", 413, "body_too_large"),
    ],
)
def test_what_holds_no_pin_is_refused_and_counts_as_no_try(
    guarded: FlaskClient, body: bytes, kind: str, status: int, code: str
) -> None:
    for _ in range(WRONG_TRIES):
        response = guarded.post("/kiosk/pin", data=body, content_type=kind)
        assert (response.status_code, json.loads(response.data)["code"]) == (status, code)
    assert enter(guarded, RIGHT).status_code == 204


def test_pages_of_other_sites_cannot_guess(guarded: FlaskClient) -> None:
    response = guarded.post("/kiosk/pin", json={"pin": RIGHT}, headers={"Origin": "http://evil.example"})
    assert response.get_json()["code"] == "bad_origin"


def test_without_a_pin_file_there_is_nothing_to_open(client: FlaskClient) -> None:
    response = enter(client, RIGHT)
    assert (response.status_code, response.json and response.json["code"]) == (404, "not_found")
    assert client.get("/kiosk/state").get_json()["pin"] is False


def test_answers_are_as_described(guarded: FlaskClient) -> None:
    document = guarded.get("/openapi.json").get_json()
    hold(document, "GET", "/kiosk/state", guarded.get("/kiosk/state"))
    for pin in (RIGHT, *[WRONG] * WRONG_TRIES, RIGHT):
        hold(document, "POST", "/kiosk/pin", enter(guarded, pin))


def test_the_state_is_that_of_this_start(make_app: MakeApp, guarded: FlaskClient, analyzer: FaceAnalyzer) -> None:
    state = guarded.get("/kiosk/state").get_json()
    assert state == guarded.get("/kiosk/state").get_json()
    assert state["packs"] == {PACK: analyzer.models.digest}
    assert state["pin"] is True
    other = make_app().test_client().get("/kiosk/state").get_json()
    assert other["instance"] != state["instance"]
    assert other["version"] == state["version"]


def test_both_are_behind_the_door_of_the_page(make_app: MakeApp, tmp_path: Path, write: WritePin) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"kiosk:{TOKEN}\n")
    tokens.chmod(0o600)
    client = make_app(token_file=str(tokens), kiosk_pin_file=str(write(RIGHT))).test_client()
    assert client.get("/kiosk/state").status_code == 401
    assert enter(client, RIGHT).status_code == 401
    known = {"X-API-Key": TOKEN}
    assert client.get("/kiosk/state", headers=known).status_code == 200
    assert client.post("/kiosk/pin", json={"pin": RIGHT}, headers=known).status_code == 204


@pytest.mark.parametrize("content", [RIGHT, f"{RIGHT}\n", f"# of the hall\r\n\r\n  {RIGHT}  \r\n", "0000", "9" * 12])
def test_the_pin_is_the_line_of_its_file(write: WritePin, content: str) -> None:
    digits = max(re.findall(r"\d+", content), key=len)
    assert Pin(write(content)).check(digits) == (True, 0)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("", "must hold one line of 4 to 12 digits; it holds 0 lines"),
        ("# 271828\n", "it holds 0 lines"),
        (f"{RIGHT}\n{WRONG}\n", "it holds 2 lines"),
        ("271", "must hold 4 to 12 digits from 0 to 9"),
        ("2718281828459", "must hold 4 to 12 digits"),
        ("27 1828", "must hold 4 to 12 digits"),
        ("２７１８２８", "must hold 4 to 12 digits"),
        (b"\xff\xfe", "is not text in UTF-8"),
        ("#" * 70_000, "more than 65,536 bytes"),
    ],
)
def test_a_wrong_file_is_refused_by_name_and_without_the_pin(write: WritePin, content: str | bytes, cause: str) -> None:
    path = write(content)
    with pytest.raises(SettingsError) as raised:
        Pin(path)
    assert cause in str(raised.value)
    assert f"The PIN file {path}" in str(raised.value)
    assert not any(digits in str(raised.value) for digits in ("271", "1828", WRONG))


def test_a_file_that_cannot_be_read_or_that_anybody_may_write_keeps_the_service_from_starting(
    make_app: MakeApp, write: WritePin, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=r"Cannot read the PIN file .*missing: No such file"):
        make_app(kiosk_pin_file=str(tmp_path / "missing"))
    with pytest.raises(SettingsError, match="Anybody on this machine may write the PIN file .*: chmod 600"):
        make_app(kiosk_pin_file=str(write(RIGHT, 0o606)))


def test_reload_takes_the_new_pin_and_keeps_the_old_one_when_the_file_is_wrong(
    make_app: MakeApp, write: WritePin, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(kiosk_pin_file=str(write(RIGHT)))
    pin, client = app.extensions[PIN], app.test_client()
    write(WRONG)
    with caplog.at_level(logging.INFO):
        pin.reload()
    assert [enter(client, tried).status_code for tried in (RIGHT, WRONG)] == [403, 204]
    write("none")
    with pytest.raises(SettingsError, match="4 to 12 digits"):
        pin.reload()
    assert enter(client, WRONG).status_code == 204
    assert "PIN read again" in caplog.text


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_pin_is_read_again_at_sighup_and_never_written(write: WritePin, form: str) -> None:
    path = write(RIGHT)
    service = start("--kiosk-pin-file", str(path), "--log-format", form)

    def post(pin: str) -> int:
        body = json.dumps({"pin": pin}).encode()
        return service.request("POST", "/kiosk/pin", body, Content_Type="application/json")[0]

    def hang_up(expected: str) -> None:
        service.process.send_signal(signal.SIGHUP)
        pause = threading.Event()
        while not any(expected in line for line in list(service.log)):
            assert service.process.poll() is None
            pause.wait(0.02)

    try:
        assert [post(RIGHT), post(WRONG)] == [204, 403]
        service.request("POST", "/kiosk/pin", f'{{"pin": "{RIGHT}'.encode(), Content_Type="application/json")
        service.request("POST", f"/kiosk/pin?pin={RIGHT}", b"", Content_Type="application/json")
        write(WRONG)
        hang_up("PIN read again")
        assert [post(WRONG), post(RIGHT)] == [204, 403]
        write(f"{RIGHT} {WRONG}")
        hang_up("the PIN stays as it was")
    finally:
        stop(service)
    written = "".join(service.log)
    assert "wrong_pin" in written
    assert RIGHT not in written
    assert WRONG not in written


@pytest.mark.parametrize(
    ("setting", "address", "kiosk"),
    [
        (False, "/", False),
        (False, "/?kiosk=1", True),
        (False, "/?kiosk=yes", False),
        (True, "/", True),
        (True, "/?lang=zh", True),
        (True, "/?kiosk=0", False),
    ],
)
def test_the_page_is_a_kiosk_by_its_address_or_else_by_the_setting(
    make_app: MakeApp, setting: bool, address: str, kiosk: bool
) -> None:
    html = make_app(kiosk=setting).test_client().get(address).text
    facts = re.search(r'<script type="application/json" id="facts"[^>]*>(.*?)</script>', html, re.DOTALL)
    assert facts
    assert json.loads(facts[1])["kiosk"] is kiosk
    assert ('id="kiosk"' in html) is kiosk


def test_settings_of_the_kiosk_come_from_the_environment_too(write: WritePin) -> None:
    path = str(write(RIGHT))
    settings = Settings.load({"FACEATTR_KIOSK": "yes", "FACEATTR_KIOSK_PIN_FILE": path})
    assert (settings.kiosk, settings.kiosk_pin_file) == (True, path)


def test_what_the_kiosks_guide_names_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    folder = ROOT / "docs" / "kiosk"
    guide = (ROOT / "docs" / "kiosk.md").read_text()
    for name in re.findall(r"docs/kiosk/([\w.-]+\w)", guide) + re.findall(r"\]\(kiosk/([\w.-]+)\)", guide):
        assert (folder / name).is_file(), name
    unit = (folder / "faceattr.service").read_text()
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    described = capsys.readouterr().out
    commands = re.findall(r"faceattr serve((?: [^\n\\]*\\\n)*[^\n]*)", unit + guide)
    assert len(commands) == 2
    for flag in re.findall(r"--[a-z-]+", " ".join(commands)):
        assert flag in described, flag


def test_the_policy_lets_the_page_of_the_service_have_the_camera_and_no_other() -> None:
    policy = json.loads((ROOT / "docs" / "kiosk" / "policy.json").read_text())
    page = f"http://{Settings().host}:{Settings().port}"
    assert policy["VideoCaptureAllowedUrls"] == policy["URLAllowlist"] == [page]
    assert policy["URLBlocklist"] == ["*"]
    assert f"{page}/\n" in (ROOT / "docs" / "kiosk" / "faceattr-kiosk.service").read_text()
