"""The door of the web application: host names, origins, tokens, sessions, rates and headers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from faceattr.analyzer import FaceAnalyzer
from faceattr.errors import SettingsError
from faceattr.settings import Settings
from faceattr.web.access import check_exposure
from faceattr.web.app import TOKENS, create_app
from faceattr.web.headers import SECURITY_HEADERS
from faceattr.web.problems import PROBLEMS
from faceattr.web.sessions import COOKIE
from tests.conftest import BUILT_IN

KIOSK, DESK = "Zq7-kiosk-4f9d1c77e2", "Wn5-desk-a81b0c93d4"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

MakeApp = Callable[..., Flask]


@pytest.fixture
def make_app(analyzer: FaceAnalyzer, tmp_path: Path) -> MakeApp:
    """An app with settings; `tokens` is what its token file holds."""

    def make(tokens: str = "", **settings: Any) -> Flask:
        if tokens:
            path = tmp_path / "tokens"
            path.write_text(tokens)
            path.chmod(0o600)
            settings["token_file"] = str(path)
        return create_app(Settings(models=str(BUILT_IN), slots=2, **settings), analyzer=analyzer)

    return make


@pytest.fixture
def guarded(make_app: MakeApp) -> FlaskClient:
    """Asks for one of two tokens."""
    return make_app(f"kiosk:{KIOSK}\ndesk:{DESK}\n").test_client()


def code_of(response: TestResponse) -> str | None:
    if response.content_type != "application/problem+json":
        return None
    body = json.loads(response.data)
    assert (body["status"], body["code"]) == (response.status_code, body["code"])
    assert PROBLEMS[body["code"]][0] == response.status_code
    assert body["request_id"] == response.headers["X-Request-ID"]
    return str(body["code"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


# Host names


@pytest.mark.parametrize("path", ["/", "/health", "/metrics", "/nothing"])
def test_a_rebound_name_gets_nothing(client: FlaskClient, path: str) -> None:
    response = client.get(path, headers={"Host": "evil.example:5000"})
    assert code_of(response) == "bad_host"
    assert b"evil" not in response.data


def test_a_rebound_name_cannot_post_though_its_page_has_the_same_origin(client: FlaskClient, astronaut: bytes) -> None:
    headers = {"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}
    response = client.post("/analyze", data=astronaut, content_type="image/jpeg", headers=headers)
    assert code_of(response) == "bad_host"


def test_a_listed_name_is_answered(make_app: MakeApp) -> None:
    client = make_app(allowed_hosts="faces.example.org").test_client()
    assert client.get("/health", headers={"Host": "faces.example.org"}).status_code == 200
    assert client.get("/health", headers={"Host": "127.0.0.1:5000"}).status_code == 200
    assert code_of(client.get("/health", headers={"Host": "example.org"})) == "bad_host"


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probes_need_neither_name_nor_token(guarded: FlaskClient, path: str) -> None:
    assert guarded.get(path, headers={"Host": "10.0.0.7.pod.cluster.local"}).status_code == 200


# Origins


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8080"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_page_cannot_post(client: FlaskClient, astronaut: bytes, headers: dict[str, str]) -> None:
    response = client.post("/analyze", data=astronaut, content_type="image/jpeg", headers=headers)
    assert code_of(response) == "bad_origin"
    assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://localhost"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_programs_and_the_services_own_page_can_post(
    client: FlaskClient, astronaut: bytes, headers: dict[str, str]
) -> None:
    response = client.post("/analyze?annotate=none", data=astronaut, content_type="image/jpeg", headers=headers)
    assert response.status_code == 200


PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,authorization"}


def test_sharing_with_other_sites_is_off_unless_listed(client: FlaskClient) -> None:
    response = client.options("/analyze", headers={"Origin": "https://listed.example", **PREFLIGHT})
    assert code_of(response) == "bad_origin"
    response = client.get("/health", headers={"Origin": "https://listed.example"})
    assert not [name for name, _ in response.headers if name.startswith("Access-Control")]
    assert "Origin" not in response.headers.get("Vary", "")


def test_a_listed_site_may_ask_post_and_read(make_app: MakeApp, astronaut: bytes) -> None:
    app = make_app(f"kiosk:{KIOSK}\n", allowed_origins="https://listed.example")
    client, origin = app.test_client(), {"Origin": "https://listed.example", "Sec-Fetch-Site": "cross-site"}

    asked = client.options("/analyze", headers={**origin, **PREFLIGHT})
    assert (asked.status_code, asked.data) == (204, b"")
    assert asked.headers["Access-Control-Allow-Origin"] == "https://listed.example"
    assert "POST" in asked.headers["Access-Control-Allow-Methods"]
    assert {"authorization", "content-type"} <= set(asked.headers["Access-Control-Allow-Headers"].lower().split(", "))
    assert "Access-Control-Allow-Credentials" not in asked.headers

    posted = client.post(
        "/analyze?annotate=none", data=astronaut, content_type="image/jpeg", headers={**origin, **bearer(KIOSK)}
    )
    assert posted.status_code == 200
    assert posted.headers["Access-Control-Allow-Origin"] == "https://listed.example"
    assert "X-Request-ID" in posted.headers["Access-Control-Expose-Headers"]
    assert "Origin" in posted.headers["Vary"]

    refused = client.get("/health", headers=origin)
    assert code_of(refused) == "unauthorized"
    assert refused.headers["Access-Control-Allow-Origin"] == "https://listed.example"

    other = client.options("/analyze", headers={"Origin": "https://other.example", **PREFLIGHT})
    assert code_of(other) == "bad_origin"
    assert "Access-Control-Allow-Origin" not in other.headers


# Tokens


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/health"),
        ("GET", "/metrics"),
        ("GET", "/nothing"),
        ("POST", "/analyze"),
        ("OPTIONS", "/analyze"),
        ("DELETE", "/session"),
        ("PUT", "/health"),
    ],
)
def test_without_a_token_there_is_nothing(guarded: FlaskClient, method: str, path: str) -> None:
    response = guarded.open(path, method=method)
    assert code_of(response) == "unauthorized"
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="faceattr"'


@pytest.mark.parametrize("headers", [bearer(KIOSK), {"Authorization": f"bearer  {DESK}"}, {"X-API-Key": KIOSK}])
def test_a_token_opens_every_route(guarded: FlaskClient, astronaut: bytes, headers: dict[str, str]) -> None:
    assert guarded.get("/health", headers=headers).status_code == 200
    assert guarded.get("/", headers={**headers, **HTML}).status_code == 200
    assert code_of(guarded.get("/nothing", headers=headers)) == "not_found"
    response = guarded.post("/analyze?annotate=none", data=astronaut, content_type="image/jpeg", headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        bearer("wrong"),
        bearer(""),
        bearer(KIOSK + "x"),
        {"Authorization": f"Basic {KIOSK}"},
        {"Authorization": KIOSK},
        {"X-API-Key": "kiosk"},
        {"X-API-Key": ""},
        {"Cookie": f"{COOKIE}={KIOSK}"},
        {**bearer("wrong"), "X-API-Key": KIOSK},
    ],
)
def test_a_wrong_token_is_refused_and_not_repeated(guarded: FlaskClient, headers: dict[str, str]) -> None:
    response = guarded.get("/health", headers=headers)
    assert code_of(response) == "unauthorized"
    assert KIOSK not in response.text
    assert "wrong" not in response.text


def test_new_tokens_open_a_running_application(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(f"kiosk:{KIOSK}\n")
    (tmp_path / "tokens").write_text(f"desk:{DESK}\n")
    app.extensions[TOKENS].reload()
    client = app.test_client()
    assert code_of(client.get("/health", headers=bearer(KIOSK))) == "unauthorized"
    assert client.get("/health", headers=bearer(DESK)).status_code == 200


# Sessions


def test_a_browser_is_asked_once(guarded: FlaskClient, astronaut: bytes) -> None:
    asked = guarded.get("/", headers={**HTML, "Accept-Language": "en"})
    assert (asked.status_code, asked.content_type) == (401, "text/html; charset=utf-8")
    assert 'action="session"' in asked.text
    assert "Who is there?" in asked.text

    entered = guarded.post("/session", data={"token": f" {KIOSK}\n"}, headers={**HTML, "Origin": "http://localhost"})
    assert (entered.status_code, entered.headers["Location"]) == (303, "./")
    cookie = entered.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))
    assert KIOSK not in cookie

    assert 'id="choose"' in guarded.get("/", headers=HTML).text
    response = guarded.post("/analyze?annotate=none", data=astronaut, content_type="image/jpeg")
    assert response.status_code == 200
    assert guarded.get("/session").headers["Location"] == "./"


def test_a_wrong_token_is_asked_for_again(guarded: FlaskClient) -> None:
    again = guarded.post("/session", data={"token": "wrong-but-secret"}, headers={**HTML, "Accept-Language": "zh"})
    assert again.status_code == 401
    assert "无法识别这个令牌" in again.text
    assert 'role="alert"' in again.text
    assert "wrong-but-secret" not in again.text
    assert "Set-Cookie" not in again.headers
    assert code_of(guarded.post("/session", data={"token": "x"})) == "unauthorized"
    assert code_of(guarded.post("/session", data={"token": ""})) == "unauthorized"


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"data": {"token": KIOSK}, "headers": {"Origin": "https://evil.example"}}, "bad_origin"),
        ({"data": {"token": KIOSK}, "headers": {"Host": "evil.example"}}, "bad_host"),
        ({"data": {"token": "x" * 5000}}, "body_too_large"),
        ({"json": {"token": KIOSK}}, "unsupported_media_type"),
        ({"data": b""}, "unsupported_media_type"),
    ],
)
def test_a_session_is_begun_by_the_form_alone(guarded: FlaskClient, request_: dict[str, Any], code: str) -> None:
    response = guarded.post("/session", **request_)
    assert code_of(response) == code
    assert "Set-Cookie" not in response.headers


def test_behind_tls_the_cookie_is_for_tls_only(guarded: FlaskClient) -> None:
    response = guarded.post("/session", data={"token": KIOSK}, headers={"Origin": "https://localhost"})
    assert "Secure" in response.headers["Set-Cookie"].split("; ")


def test_the_page_that_asks_runs_nothing_and_sends_only_here(guarded: FlaskClient) -> None:
    response = guarded.get("/", headers=HTML)
    policy = response.headers["Content-Security-Policy"]
    nonce = re.search(r"style-src 'nonce-([\w-]+)'", policy)
    assert nonce
    assert f'<style nonce="{nonce[1]}">' in response.text
    assert "script" not in policy + response.text
    assert {"default-src 'none'", "form-action 'self'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert not re.search(r'\son\w+="|style="', response.text)
    assert {"Accept", "Accept-Language"} <= set(response.headers["Vary"].split(", "))


def test_the_form_finds_its_way_from_any_depth(guarded: FlaskClient) -> None:
    assert 'action="../../session"' in guarded.get("/a/b/c", headers=HTML).text


def test_without_tokens_there_is_no_session(client: FlaskClient) -> None:
    assert code_of(client.post("/session", data={"token": "x"})) == "not_found"


# Rates


def test_a_client_that_asks_too_often_is_told_when_to_come_back(make_app: MakeApp) -> None:
    pytest.importorskip("flask_limiter")
    client = make_app(rate_limit="2/hour").test_client()
    assert [client.get("/health").status_code for _ in range(3)] == [200, 200, 429]
    response = client.get("/")
    assert code_of(response) == "rate_limited"
    assert 0 < int(response.headers["Retry-After"]) <= 3601
    assert "At most 2/hour" in response.get_json(force=True)["detail"]
    assert client.get("/readyz").status_code == 200
    assert client.get("/health", environ_base={"REMOTE_ADDR": "10.0.0.9"}).status_code == 200


def test_each_token_is_a_client_and_guesses_count(make_app: MakeApp) -> None:
    pytest.importorskip("flask_limiter")
    client = make_app(f"kiosk:{KIOSK}\ndesk:{DESK}\n", rate_limit="2/hour").test_client()
    assert [code_of(client.get("/health", headers=bearer("x"))) for _ in range(3)] == [
        "unauthorized",
        "unauthorized",
        "rate_limited",
    ]
    assert [client.get("/health", headers=bearer(KIOSK)).status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("/health", headers=bearer(DESK)).status_code == 200


def test_each_application_counts_for_itself(make_app: MakeApp) -> None:
    pytest.importorskip("flask_limiter")
    for _ in range(2):
        assert make_app(rate_limit="1/hour").test_client().get("/health").status_code == 200


@pytest.mark.parametrize(
    ("limit", "cause"), [("often", "must be like 60/minute"), ("0/minute", "at least one request")]
)
def test_a_rate_that_makes_no_sense_is_refused(make_app: MakeApp, limit: str, cause: str) -> None:
    pytest.importorskip("flask_limiter")
    with pytest.raises(SettingsError, match=cause):
        make_app(rate_limit=limit)


def test_a_rate_needs_its_library_and_says_so(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "flask_limiter", None)
    with pytest.raises(SettingsError, match="--rate-limit needs Flask-Limiter: pip install Flask-Limiter"):
        make_app(rate_limit="60/minute")


# Headers


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", HTML),
        ("GET", "/", {**HTML, **bearer(KIOSK)}),
        ("GET", "/health", bearer(KIOSK)),
        ("GET", "/healthz", {}),
        ("GET", "/nothing", bearer(KIOSK)),
        ("POST", "/analyze", bearer(KIOSK)),
        ("GET", "/health", {"Host": "evil.example"}),
        ("GET", "/metrics", bearer(KIOSK)),
    ],
)
def test_every_answer_has_the_strict_headers(
    guarded: FlaskClient, method: str, path: str, headers: dict[str, str]
) -> None:
    response = guarded.open(path, method=method, headers=headers)
    for name, value in SECURITY_HEADERS.items():
        if name != "Referrer-Policy":
            assert response.headers[name] == value
    login = response.status_code == 401 and path == "/"
    assert response.headers["Referrer-Policy"] == ("same-origin" if login else "no-referrer")
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    assert len(response.headers.get_all("Content-Security-Policy")) == 1


# Start


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "kiosk", ""])
def test_other_machines_are_let_in_only_when_somebody_said_so(host: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SettingsError) as raised:
        check_exposure(Settings(host=host))
    assert "--token-file FILE" in str(raised.value)
    assert "--open" in str(raised.value)
    check_exposure(Settings(host=host, token_file="tokens"))
    assert not caplog.records
    check_exposure(Settings(host=host, open=True))
    assert "OPEN TO EVERYBODY" in caplog.text


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_this_machine_alone_needs_no_permission(host: str, caplog: pytest.LogCaptureFixture) -> None:
    check_exposure(Settings(host=host))
    check_exposure(Settings(host=host, open=True))
    assert not caplog.records


def test_a_service_that_would_be_open_does_not_start() -> None:
    command = [sys.executable, "-m", "faceattr", "serve", "--port", "0", "--host", "0.0.0.0"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stdout) == (64, "")
    assert "--token-file FILE" in ran.stderr
    assert "--open" in ran.stderr
    assert "Traceback" not in ran.stderr
