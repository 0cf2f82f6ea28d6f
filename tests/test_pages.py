"""The page as the server sends it: headers, nonces, self-containedness, wording. What it does is in browser/."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from faceattr.errors import PhotoError
from faceattr.web.pages import TEMPLATES, PageInfo, create_pages, preferred_language, read_wording
from faceattr.web.problems import PROBLEMS

IN_THE_BROWSER_ONLY = {"network", "timeout", "unreadable", "not_a_file", "unknown"}


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture
def client() -> FlaskClient:
    app = Flask(__name__)
    info = PageInfo(pack="</script><b>pack", version="1.0", max_image_bytes=2_500_000, formats=("JPEG", "PNG"))
    app.register_blueprint(create_pages(lambda: info))
    return app.test_client()


def wording(language: str) -> dict[str, Any]:
    return dict(read_wording(language))


def keys_and_gaps(words: Any, path: str = "") -> Iterator[tuple[str, frozenset[str]]]:
    """Every dotted key of a wording with the `{gaps}` that its sentence leaves open."""
    if isinstance(words, str):
        yield path, frozenset(re.findall(r"\{\w+\}", words))
    else:
        for key, value in words.items() if isinstance(words, dict) else enumerate(words):
            yield from keys_and_gaps(value, f"{path}.{key}")


def nonce_of(policy: str) -> str:
    found = re.search(r"script-src 'nonce-([A-Za-z0-9_-]+)'", policy)
    assert found
    return found[1]


def test_page_is_html_that_nobody_keeps_frames_or_sniffs(client: FlaskClient) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert response.content_type == "text/html; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=(self)" in response.headers["Permissions-Policy"]


def test_content_security_policy_allows_only_this_answer(client: FlaskClient) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    nonce = nonce_of(policy)
    directives = dict(directive.split(" ", 1) for directive in policy.split("; "))
    assert directives == {
        "default-src": "'none'",
        "script-src": f"'nonce-{nonce}'",
        "style-src": f"'nonce-{nonce}'",
        "img-src": "blob: data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


def test_nonce_is_fresh_and_on_every_script_and_style(client: FlaskClient) -> None:
    nonces = set()
    for _ in range(3):
        response = client.get("/")
        nonce = nonce_of(response.headers["Content-Security-Policy"])
        assert len(nonce) >= 20
        nonces.add(nonce)
        guarded = [attributes for tag, attributes in Tags(response.text).found if tag in ("script", "style")]
        assert len(guarded) >= 3
        assert all(attributes.get("nonce") == nonce for attributes in guarded)
    assert len(nonces) == 3


def test_page_fetches_nothing_and_needs_no_inline_handlers(client: FlaskClient) -> None:
    html = client.get("/").text
    assert set(re.findall(r"https?://[^\s'\"<>]+", html)) <= {"http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|url\(|innerHTML|\beval\(|new Function|document\.write", html)
    for tag, attributes in Tags(html).found:
        assert not [name for name in attributes if name == "style" or name.startswith("on")], (tag, attributes)
        address = attributes.get("href") or attributes.get("src")
        assert address is None or address.startswith(("#", "data:image/svg+xml,")), (tag, address)


def test_names_from_the_server_are_text(client: FlaskClient) -> None:
    html = client.get("/").text
    assert "<b>pack" not in html
    assert "&lt;/script&gt;&lt;b&gt;pack" in html


def test_page_knows_the_limits_of_the_server(client: FlaskClient) -> None:
    html = client.get("/").text
    block = re.search(r'<script type="application/json" id="facts"[^>]*>(.*?)</script>', html, re.DOTALL)
    assert block
    facts = json.loads(block[1])
    assert facts["max_image_bytes"] == 2_500_000
    assert facts["formats"] == ["JPEG", "PNG"]
    assert "JPEG, PNG, up to 2.5 MB" in html
    assert 'accept="image/jpeg,image/png"' in html


@pytest.mark.parametrize(
    ("accept_language", "lang"),
    [
        ("", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("en;q=0.5,zh;q=0.6", "zh-Hans"),
        ("de-DE,de;q=0.9,zh-SG;q=0.8,en;q=0.7", "zh-Hans"),
        ("de-DE,fr;q=0.5", "en"),
        ("*", "en"),
        ("\x7f;;q=,,zh;q=x", "en"),
    ],
)
def test_language_is_the_first_that_browser_and_page_share(
    client: FlaskClient, accept_language: str, lang: str
) -> None:
    response = client.get("/", headers={"Accept-Language": accept_language})
    assert f'<html lang="{lang}" ' in response.text
    assert "Accept-Language" in response.headers["Vary"]
    words = wording("zh" if lang == "zh-Hans" else "en")
    assert words["headline"] in response.text


def test_preferred_language_of_nothing_is_english() -> None:
    assert preferred_language([]) == "en"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_error_code_has_a_sentence_and_advice(language: str) -> None:
    problems = wording(language)["problems"]
    assert set(problems) == set(PROBLEMS) | IN_THE_BROWSER_ONLY
    assert {kind.code for kind in PhotoError.__subclasses__()} <= set(problems)
    full_stop = "。" if language == "zh" else "."
    for title, advice in problems.values():
        assert title.endswith(full_stop)
        assert advice.endswith(full_stop)


def test_both_languages_say_the_same_things() -> None:
    assert dict(keys_and_gaps(wording("en"))) == dict(keys_and_gaps(wording("zh")))


def test_scripts_say_only_what_is_in_the_wording() -> None:
    known = {path.removeprefix(".") for path, _ in keys_and_gaps(wording("en"))}
    known |= {path.rpartition(".")[0] for path in known}
    for script in (TEMPLATES / "js").glob("*.js"):
        for key in re.findall(r"\bsay\('([\w.]+)'", script.read_text(encoding="utf-8")):
            assert key in known, (script.name, key)


def test_files_of_the_page_stay_small_and_are_all_sent(client: FlaskClient) -> None:
    html = client.get("/").text
    for path in [*(TEMPLATES / "js").iterdir(), *(TEMPLATES / "css").iterdir()]:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) < 200, path.name
        assert text in html, path.name
