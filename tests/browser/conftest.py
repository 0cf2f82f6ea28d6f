from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from faceattr.analyzer import FaceAnalyzer
from faceattr.settings import Settings
from faceattr.web.app import create_app

from .harness import CHROMIUM_ARGS, chromium_path, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request

WATCH_POLICY = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => {
  window.violations.push(event.violatedDirective + ' ' + event.blockedURI);
});
"""

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
    pages: list[Page] = []
    errors: list[str] = []
    strangers: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        # Chromium logs every answer that is not a success; those are the subject of the tests.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            errors.append(message.text)

    def note(request: Request) -> None:
        if not request.url.startswith((address, "blob:", "data:")):
            strangers.append(request.url)

    def open_page(**options: Any) -> Page:
        context = browser.new_context(**{"locale": "en-US", "viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(10_000)
        context.add_init_script(WATCH_POLICY)
        page = context.new_page()
        page.on("console", hear)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", note)
        # Asked for early: Playwright's interception otherwise arrives after a key press that opens the chooser.
        page.on("filechooser", lambda chooser: None)
        contexts.append(context)
        pages.append(page)
        page.goto(address)
        return page

    yield open_page
    violations = [violation for page in pages for violation in page.evaluate("window.violations")]
    for context in contexts:
        context.close()
    assert not errors
    assert not violations
    assert not strangers


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """The page in English on a laptop."""
    return open_page()
