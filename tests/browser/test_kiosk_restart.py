"""A kiosk through restarts, silences and hangs: it comes back by itself.

After every test the fixtures assert: no script error, no breach of the policy, no request to another host.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="install Playwright: pip install -r requirements-dev.txt")

from flask import Flask
from playwright.sync_api import Page, expect

from faceattr.analyzer import FaceAnalyzer
from faceattr.settings import Settings
from faceattr.web.app import create_app
from tests.conftest import BUILT_IN

from .harness import served
from .kiosks import Kiosk, count_a_visitor, screen, until, visitors

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def answering(analyzer: FaceAnalyzer) -> list[Flask]:
    """The service that answers now, and the one that comes after it."""
    settings = Settings(models=str(BUILT_IN), slots=2, kiosk=True)
    return [create_app(settings, analyzer=analyzer) for _ in range(2)]


@pytest.fixture(scope="module")
def address(answering: list[Flask]) -> Iterator[str]:
    class Front(Flask):
        def wsgi_app(self, environ: Any, start_response: Any) -> Any:
            return answering[0].wsgi_app(environ, start_response)

    with served(Front("front")) as address:
        yield address


@pytest.fixture
def restart(answering: list[Flask]) -> Callable[[], None]:
    return answering.reverse


@pytest.fixture
def kiosk(open_page: OpenPage, address: str) -> Kiosk:
    return Kiosk(open_page(), address)


class Service:
    """Answers `kiosk/state` in the place of the server: an instance, or silence."""

    def __init__(self, page: Page) -> None:
        self.instance, self.is_away = "first", False
        page.route("**/kiosk/state", self._answer)

    def _answer(self, route: Any) -> None:
        if self.is_away:
            route.abort("connectionrefused")
            return
        state = {"instance": self.instance, "version": "1", "packs": {"pack": "digest"}, "pin": False}
        route.fulfill(json=state)


def test_a_kiosk_that_waits_loads_itself_anew_within_seconds_of_a_restart(kiosk: Kiosk) -> None:
    service = Service(kiosk.page)
    page = kiosk.open()
    until(page, "faceattr.restart.state() !== null")
    page.evaluate("window.old = true")
    count_a_visitor(page)
    service.instance = "second"
    until(page, "window.old === undefined", 5.0)
    screen(page, "attract")
    assert visitors(page) == 1
    page.evaluate("window.old = true")
    page.wait_for_timeout(3500)
    assert page.evaluate("window.old") is True


def test_a_visitor_is_not_disturbed_by_a_restart(kiosk: Kiosk) -> None:
    service = Service(kiosk.page)
    page = kiosk.begin_visit()
    until(page, "faceattr.restart.state() !== null")
    page.evaluate("window.old = true")
    service.instance = "second"
    with page.expect_response("**/kiosk/state"):
        pass
    page.wait_for_timeout(500)
    screen(page, "visit")
    page.get_by_role("button", name="Finish").click()
    until(page, "window.old === undefined", 5.0)
    screen(page, "attract")


def test_the_page_is_not_left_while_the_server_does_not_answer(kiosk: Kiosk) -> None:
    service = Service(kiosk.page)
    page = kiosk.open()
    until(page, "faceattr.restart.state() !== null")
    page.evaluate("window.old = true")
    page.route(re.compile(re.escape(kiosk.address) + "$"), lambda route: route.abort("connectionrefused"))
    service.instance = "second"
    with page.expect_request_finished(lambda request: request.url.endswith("/kiosk/state")):
        pass
    page.wait_for_timeout(500)
    service.is_away = True
    expect(page.locator("#attract-away")).to_have_text("One moment please, the service is starting.", timeout=20_000)
    assert page.evaluate("window.old") is True
    page.unroute(re.compile(re.escape(kiosk.address) + "$"))
    service.is_away = False
    until(page, "window.old === undefined")
    expect(page.locator("#attract-away")).to_be_empty()


def test_a_real_restart_is_noticed(kiosk: Kiosk, restart: Callable[[], None]) -> None:
    page = kiosk.open()
    until(page, "faceattr.restart.state() !== null")
    page.evaluate("window.old = true")
    restart()
    until(page, "window.old === undefined", 5.0)
    screen(page, "attract")


@pytest.mark.parametrize("stuck", ["window.requestAnimationFrame = () => 0", "window.frozen = true"])
def test_a_page_that_stands_still_loads_itself_anew(kiosk: Kiosk, stuck: str) -> None:
    page = kiosk.open()
    page.clock.install()
    page.goto(kiosk.address)
    kiosk.agree()
    until(page, "faceattr.camera.state() === 'running'")
    page.evaluate("""() => {
      window.old = true;
      faceattr.camera.state = () => 'running';
      faceattr.settings.set('idleSeconds', 3600);
    }""")
    page.evaluate(stuck)
    page.evaluate("Object.defineProperty(faceattr.camera.video, 'currentTime', { value: 1 })")
    page.clock.run_for(20_000)
    assert page.evaluate("window.old") is True
    page.clock.run_for(25_000)
    until(page, "window.old === undefined")
    screen(page, "attract")
