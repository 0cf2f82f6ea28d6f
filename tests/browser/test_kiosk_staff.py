"""The staff corner of a kiosk: how it is opened, the PIN, and what can be chosen there.

After every test the fixtures assert: no script error, no breach of the policy, no request to another host.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="install Playwright: pip install -r requirements-dev.txt")

from playwright.sync_api import Page, expect

from faceattr.analyzer import FaceAnalyzer
from faceattr.settings import Settings
from faceattr.web.app import create_app
from tests.conftest import BUILT_IN

from .harness import served
from .kiosks import Kiosk, press, screen, until

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
PIN, WRONG = "271828", "314159"
without_pin = pytest.mark.parametrize("address", [False], indirect=True)


@pytest.fixture
def address(analyzer: FaceAnalyzer, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A kiosk with a PIN, a new one for each test as wrong tries are counted; with the parameter False, without."""
    file = tmp_path / "pin"
    file.write_text(PIN)
    file.chmod(0o600)
    pin = str(file) if getattr(request, "param", True) else ""
    settings = Settings(models=str(BUILT_IN), slots=2, kiosk=True, kiosk_pin_file=pin)
    with served(create_app(settings, analyzer=analyzer)) as address:
        yield address


@pytest.fixture
def kiosk(open_page: OpenPage, address: str) -> Kiosk:
    return Kiosk(open_page(), address)


def open_known(kiosk: Kiosk) -> Page:
    """The page once it knows whether there is a PIN."""
    page = kiosk.open()
    until(page, "faceattr.restart.state() !== null")
    return page


def type_pin(page: Page, digits: str) -> None:
    for digit in digits:
        page.get_by_role("button", name=digit, exact=True).click()
    page.get_by_role("button", name="Enter", exact=True).click()


def test_a_long_press_in_the_corner_asks_for_the_pin_and_a_short_one_does_not(kiosk: Kiosk) -> None:
    page = open_known(kiosk)
    press(page, 300)
    screen(page, "notice")  # it was a touch like any other
    press(page, 1700, inset=200)
    expect(page.locator("#pin")).to_be_hidden()
    press(page, 1700)
    expect(page.get_by_role("dialog", name="For staff")).to_be_visible()
    type_pin(page, WRONG)
    expect(page.locator("#pin-error")).to_have_text("This is not the PIN.")
    expect(page.locator("#staff")).to_be_hidden()
    type_pin(page, PIN)
    expect(page.get_by_role("dialog", name="This kiosk")).to_be_visible()
    expect(page.locator("#staff-no-pin")).to_be_hidden()
    screen(page, "notice")
    assert PIN not in page.content()


def test_five_wrong_pins_are_enough_for_a_minute(kiosk: Kiosk) -> None:
    page = open_known(kiosk)
    press(page, 1700)
    for _ in range(5):
        page.locator("#pin-entry").fill(WRONG)
        with page.expect_response("**/kiosk/pin"):
            page.keyboard.press("Enter")
    page.locator("#pin-entry").fill(PIN)
    page.keyboard.press("Enter")
    expect(page.locator("#pin-error")).to_have_text(re.compile(r"Too many wrong tries\. Wait \d+ seconds?\."))
    expect(page.locator("#staff")).to_be_hidden()


def test_a_server_that_is_away_is_no_wrong_pin(kiosk: Kiosk) -> None:
    page = open_known(kiosk)
    page.route("**/kiosk/pin", lambda route: route.abort("connectionrefused"))
    press(page, 1700)
    type_pin(page, PIN)
    expect(page.locator("#pin-error")).to_have_text("The server does not answer. Try again in a moment.")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#pin")).to_be_hidden()


@without_pin
def test_without_a_pin_the_corner_opens_and_says_so(kiosk: Kiosk) -> None:
    page = open_known(kiosk)
    press(page, 1700)
    expect(page.get_by_role("dialog", name="This kiosk")).to_contain_text("No PIN is set")
    screen(page, "attract")


@without_pin
def test_what_staff_choose_counts_at_once_and_stays(kiosk: Kiosk) -> None:
    page = open_known(kiosk)
    page.locator("#corner").focus()
    page.keyboard.press("Enter")
    page.locator("#staff-camera").select_option("Desk camera")
    page.locator("#staff").get_by_label("Back to the start after").select_option("2 minutes")
    for name in ("Cover faces", "Count only", "Photos from this device", "Mirror the picture"):
        page.locator("#staff").get_by_label(name).click()
    stored = json.loads(page.evaluate("localStorage.getItem('faceattr')"))
    expected = {"camera": "desk", "idleSeconds": 120, "blur": True, "aggregate": True, "photos": True, "mirror": False}
    assert stored == {**stored, **expected}
    page.get_by_role("button", name="Done").click()
    page.locator("#attract-begin").click()
    expect(page.get_by_role("button", name="Use a photo instead")).to_be_visible()
    page.reload()
    assert page.evaluate("['camera', 'idleSeconds', 'mirror'].map((name) => faceattr.settings.get(name))") == [
        "desk",
        120,
        False,
    ]
    page.locator("#corner").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#staff").get_by_label("Cover faces")).to_be_checked()
    expect(page.locator("#staff").get_by_label("Mirror the picture")).not_to_be_checked()
    page.locator("#staff").get_by_label("Language").select_option("中文")
    page.get_by_role("button", name="Done").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")


def test_staff_see_statistics_and_reload(kiosk: Kiosk) -> None:
    page = kiosk.open()
    page.evaluate("faceattr.staff.open()")
    page.get_by_role("button", name="Statistics").click()
    expect(page.locator("#stats")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#stats")).to_be_hidden()
    page.evaluate("window.old = true")
    page.get_by_role("button", name="Reload the page").click()
    until(page, "window.old === undefined")
    screen(page, "attract")


def test_open_sheets_are_closed_when_everybody_has_gone(kiosk: Kiosk) -> None:
    page = kiosk.open(idleSeconds=10)
    page.clock.install()
    page.goto(kiosk.address)
    page.evaluate("faceattr.pinpad.open(() => {})")
    page.clock.run_for(11_000)
    expect(page.locator("#pin")).to_be_hidden()
