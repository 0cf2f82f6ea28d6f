from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from faceattr.analyzer import FaceAnalyzer
from faceattr.settings import Settings
from faceattr.web.app import create_app

from .harness import CHROMIUM_ARGS, Watch, chromium_path, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Playwright

OpenPage = Callable[..., "Page"]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    api = pytest.importorskip(
        "playwright.sync_api", reason="install Playwright for Python: pip install -r requirements-dev.txt"
    )
    if chromium_path() is None:
        pytest.skip("install Chromium (Debian: apt-get install chromium) or set CHROMIUM to its path")
    with api.sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGS)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def address(settings: Settings, analyzer: FaceAnalyzer) -> Iterator[str]:
    """The real application with the built-in pack."""
    with served(create_app(settings, analyzer=analyzer)) as address:
        yield address


@pytest.fixture
def open_page(browser: Browser, address: str) -> Iterator[OpenPage]:
    """Opens the page with options of a browser context, such as `locale`.

    Afterwards no page may have logged an error, broken its policy, or asked another host for anything.
    """
    contexts = []
    watch = Watch(address)

    def open_page(**options: Any) -> Page:
        context = browser.new_context(**{"locale": "en-US", "viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(10_000)
        page = context.new_page()
        watch.begin(page)
        # Asked for early: Playwright's interception otherwise arrives after a key press that opens the chooser.
        page.on("filechooser", lambda chooser: None)
        contexts.append(context)
        page.goto(address)
        return page

    yield open_page
    watch.end()
    for context in contexts:
        context.close()
    # Chromium logs every answer that is not a success; those are the subject of the tests.
    assert not [error for error in watch.errors if not error.startswith("Failed to load resource")]
    assert not watch.violations
    assert not watch.strangers


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """The page in English on a laptop."""
    return open_page()
