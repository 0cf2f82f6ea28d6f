"""Every screen, in both languages, light and dark, wide and narrow, under axe-core: no breach of WCAG 2.2 A or AA."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="install Playwright: pip install -r requirements-dev.txt")
from playwright.sync_api import Page, expect

from faceattr.analyzer import FaceAnalyzer
from faceattr.settings import Settings
from faceattr.web.app import create_app
from tests.conftest import BUILT_IN

from . import samples
from .kiosks import NOBODY, SOMEBODY, Kiosk, screen, until

axe = pytest.importorskip("axe_playwright_python.base", reason="install axe-core: pip install -r requirements-dev.txt")
pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
LOCALES = {"en": "en-US", "zh": "zh-CN"}
LOOKS = (("light", 1280, 800), ("dark", 1280, 800), ("light", 320, 640))
"""Colour scheme, width and height of the window."""
LOOKS_IN = {"en": LOOKS, "zh": LOOKS[2:]}
"""Colours are the same in both languages; what another wording breaks, it breaks where room is scarce."""
OPTIONS = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "rules": {"target-size": {"enabled": True}},  # of WCAG 2.2; axe-core leaves it out unless asked
    "resultTypes": ["violations"],
}
DENY = """() => {
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError'); };
}"""
VISITORS = """() => {
  const now = performance.now();
  for (let number = 0; number < 60; number += 1) {
    const since = now - 1000 * (9 + 900 * (number % 9));
    const value = number % 2 ? 'Female' : 'Male';
    faceattr.stats.add({ value, years: 1.5 * number, frames: 9, since, seen: since + 9000 });
  }
}"""


def photo(kiosk: Kiosk, response: dict[str, Any], state: str, photos: int = 1) -> None:
    """Photos that get an answer."""
    kiosk.answer = response
    page = kiosk.open()
    page.set_input_files("#file", [samples.ASTRONAUT] * photos)
    page.wait_for_selector(f"#page[data-state={state}]")


def empty(kiosk: Kiosk) -> None:
    kiosk.open()


def busy(kiosk: Kiosk) -> None:
    page = kiosk.open()
    page.route("**/analyze?*", lambda route: None)
    page.set_input_files("#file", samples.ASTRONAUT)
    expect(page.locator("#cancel")).to_be_visible()
    expect(page.locator("#photo")).to_be_visible()


def result(kiosk: Kiosk) -> None:
    photo(kiosk, samples.answer(samples.crowd(1)), "result")


def crowd(kiosk: Kiosk) -> None:
    photo(kiosk, samples.answer(samples.crowd(14)), "result")


def lit(kiosk: Kiosk) -> None:
    photo(kiosk, samples.answer(samples.crowd(3)), "result")
    kiosk.page.locator(".cut").first.focus()


def none(kiosk: Kiosk) -> None:
    photo(kiosk, samples.answer([]), "none")


def error(kiosk: Kiosk) -> None:
    photo(kiosk, samples.problem("overloaded", 503, **{"Retry-After": "30"}), "error")


def several(kiosk: Kiosk) -> None:
    photo(kiosk, samples.answer(samples.crowd(2)), "result", photos=4)
    expect(kiosk.page.locator(".frame-of-film[data-state=done]")).to_have_count(4)


def several_failed(kiosk: Kiosk) -> None:
    photo(kiosk, samples.problem("internal", 500), "error", photos=3)
    expect(kiosk.page.locator(".frame-of-film[data-state=failed]")).to_have_count(3)


def shot(kiosk: Kiosk) -> None:
    page = kiosk.open()
    page.locator("#shoot").click()
    expect(page.locator("#shot-take")).to_be_enabled()


def shot_failed(kiosk: Kiosk) -> None:
    page = kiosk.open()
    page.evaluate(DENY)
    page.locator("#shoot").click()
    expect(page.locator("#shot-failure")).to_be_visible()


def live(kiosk: Kiosk) -> None:
    kiosk.answer = SOMEBODY
    page = kiosk.open()
    page.locator("#go-live").click()
    until(page, "faceattr.live.faces() === 1")


def live_counting(kiosk: Kiosk) -> None:
    live(kiosk)
    kiosk.page.evaluate("faceattr.settings.set('aggregate', true); faceattr.settings.set('blur', true)")


def live_nobody(kiosk: Kiosk) -> None:
    kiosk.answer = NOBODY
    page = kiosk.open()
    page.locator("#go-live").click()
    until(page, "Number.isFinite(faceattr.live.silence())")


def live_failed(kiosk: Kiosk) -> None:
    page = kiosk.open()
    page.evaluate(DENY)
    page.locator("#go-live").click()
    expect(page.locator("#live-retry")).to_be_visible()


def live_without_server(kiosk: Kiosk) -> None:
    live(kiosk)
    kiosk.answer = samples.problem("unauthorized", 401)
    expect(kiosk.page.locator("#live-reload")).to_be_visible()


def attract(kiosk: Kiosk) -> None:
    screen(kiosk.open("?kiosk=1"), "attract")


def notice(kiosk: Kiosk) -> None:
    attract(kiosk)
    kiosk.page.locator("#attract-begin").click()
    screen(kiosk.page, "notice")


def visit(kiosk: Kiosk) -> None:
    kiosk.answer = SOMEBODY
    kiosk.open("?kiosk=1")
    page = kiosk.agree()
    until(page, "faceattr.live.faces() === 1")


def visit_with_photo(kiosk: Kiosk) -> None:
    kiosk.answer = samples.answer(samples.crowd(2))
    kiosk.open("?kiosk=1", photos=True)
    page = kiosk.page
    page.locator("#attract-begin").click()
    page.locator("#consent-photo").click()
    page.set_input_files("#file", samples.ASTRONAUT)
    page.wait_for_selector("#page[data-state=result]")


def pin(kiosk: Kiosk) -> None:
    attract(kiosk)
    kiosk.page.evaluate("faceattr.pinpad.open(() => {})")
    kiosk.page.route("**/kiosk/pin", lambda route: route.fulfill(status=403))
    kiosk.page.locator("[data-digit='1']").click()
    kiosk.page.locator("#pin-enter").click()
    expect(kiosk.page.locator("#pin-error")).not_to_be_empty()


def staff(kiosk: Kiosk) -> None:
    attract(kiosk)
    until(kiosk.page, "faceattr.restart.state() !== null")
    kiosk.page.evaluate("faceattr.kiosk.staff()")
    expect(kiosk.page.locator("#staff")).to_be_visible()


def stats(kiosk: Kiosk) -> None:
    page = kiosk.open()
    page.evaluate(VISITORS)
    page.evaluate("faceattr.stats.open()")
    page.locator("#stats-smallest").select_option("5")
    page.locator("#stats summary").click()


def stats_empty(kiosk: Kiosk) -> None:
    kiosk.open().evaluate("faceattr.stats.open()")


def stats_sure(kiosk: Kiosk) -> None:
    stats(kiosk)
    kiosk.page.locator("#stats-clear").click()
    expect(kiosk.page.locator("#stats-sure")).to_be_visible()


SCREENS: tuple[Callable[[Kiosk], None], ...] = (
    empty,
    busy,
    result,
    crowd,
    lit,
    none,
    error,
    several,
    several_failed,
    shot,
    shot_failed,
    live,
    live_counting,
    live_nobody,
    live_failed,
    live_without_server,
    attract,
    notice,
    visit,
    visit_with_photo,
    pin,
    staff,
    stats,
    stats_empty,
    stats_sure,
)


def breaches(page: Page) -> list[str]:
    """What axe-core finds, each as rule, element and reason."""
    found = page.evaluate("(options) => axe.run(document, options)", OPTIONS)
    return [
        f"{rule['id']}: {node['html'][:160]}: {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def assert_accessible(page: Page, looks: tuple[tuple[str, int, int], ...]) -> None:
    page.evaluate(axe.AXE_SCRIPT)
    for scheme, width, height in looks:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": height})
        assert breaches(page) == [], (scheme, width)


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("show", SCREENS, ids=lambda show: show.__name__)
def test_screen_has_no_breach(open_page: OpenPage, address: str, show: Callable[[Kiosk], None], language: str) -> None:
    page = open_page(locale=LOCALES[language])
    show(Kiosk(page, address))
    assert page.evaluate("document.documentElement.lang").startswith(language)
    assert_accessible(page, LOOKS_IN[language])


def test_docs_have_no_breach_and_are_in_english_everywhere(open_page: OpenPage, address: str) -> None:
    page = open_page(locale=LOCALES["zh"])
    page.goto(f"{address}docs")
    assert page.evaluate("document.documentElement.lang") == "en"
    assert_accessible(page, LOOKS_IN["en"])


@pytest.mark.parametrize("language", LOCALES)
@pytest.mark.parametrize("wrong", [False, True])
def test_question_for_a_token_has_no_breach(
    open_page: OpenPage, address: str, analyzer: FaceAnalyzer, tmp_path: Path, language: str, wrong: bool
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("kiosk:Zq7-kiosk-4f9d1c77e2\n")
    tokens.chmod(0o600)
    settings = Settings(models=str(BUILT_IN), slots=2, token_file=str(tokens))
    door = create_app(settings, analyzer=analyzer).test_client()
    headers = {"Accept": "text/html", "Accept-Language": LOCALES[language]}
    html = (
        door.post("/session", data={"token": "no"}, headers=headers) if wrong else door.get("/", headers=headers)
    ).text
    page = open_page(locale=LOCALES[language])
    page.route(f"{address}door", lambda route: route.fulfill(content_type="text/html", body=html))
    page.goto(f"{address}door")
    expect(page.locator("#token")).to_be_visible()
    expect(page.locator("#wrong")).to_have_count(int(wrong))
    assert_accessible(page, LOOKS_IN[language])


def test_breach_would_be_found(page: Page) -> None:
    page.evaluate(axe.AXE_SCRIPT)
    page.evaluate("document.getElementById('choose').style.color = '#0e6a4b'")
    page.evaluate("document.getElementById('lead').append(document.createElement('button'))")
    assert {breach.partition(":")[0] for breach in breaches(page)} == {"color-contrast", "button-name"}
