"""The page that asks for a token, in headless Chromium: once a browser, without a script, in both languages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="install Playwright: pip install -r requirements-dev.txt")

from playwright.sync_api import Page, expect

from faceattr.analyzer import FaceAnalyzer
from faceattr.settings import Settings
from faceattr.web.app import create_app
from faceattr.web.sessions import COOKIE
from tests.conftest import BUILT_IN

from . import samples
from .harness import served

pytestmark = pytest.mark.browser

KIOSK = "Zq7-kiosk-4f9d1c77e2"
OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def address(analyzer: FaceAnalyzer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real application, which asks for a token."""
    tokens: Path = tmp_path_factory.mktemp("door") / "tokens"
    tokens.write_text(f"kiosk:{KIOSK}\n")
    tokens.chmod(0o600)
    settings = Settings(models=str(BUILT_IN), slots=2, token_file=str(tokens))
    with served(create_app(settings, analyzer=analyzer)) as address:
        yield address


def enter(page: Page, token: str) -> None:
    page.fill("#token", token)
    page.keyboard.press("Enter")


def test_a_token_is_asked_for_once_and_then_photos_are_analysed(open_page: OpenPage, address: str) -> None:
    page = open_page()
    expect(page.locator("#token")).to_be_focused()
    enter(page, "not-the-token")
    expect(page.get_by_role("alert")).to_have_text("This token is not known. Check it and try again.")
    expect(page.locator("#token")).to_have_value("")
    enter(page, KIOSK)
    page.wait_for_selector("#choose")
    assert page.url == address
    page.set_input_files("#file", samples.ASTRONAUT)
    page.wait_for_selector("#page[data-state=result]")

    page.reload()
    page.wait_for_selector("#choose")
    (cookie,) = page.context.cookies()
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == (COOKIE, True, "Strict")
    assert page.evaluate("document.cookie") == ""


def test_a_page_whose_session_is_over_says_what_to_do(open_page: OpenPage) -> None:
    page = open_page()
    enter(page, KIOSK)
    page.wait_for_selector("#choose")
    page.context.clear_cookies()
    page.set_input_files("#file", samples.ASTRONAUT)
    page.wait_for_selector("#page[data-state=error][data-problem=unauthorized]")
    expect(page.locator("#lead")).to_contain_text("Reload this page and sign in")
    page.reload()
    expect(page.locator("#token")).to_be_visible()


def test_the_question_fits_a_phone_in_chinese_and_without_scripts(open_page: OpenPage) -> None:
    page = open_page(locale="zh-CN", viewport={"width": 320, "height": 640})
    expect(page.get_by_role("heading", level=2)).to_have_text("请出示令牌")
    expect(page.get_by_label("令牌", exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.locator("script").count() == 0
