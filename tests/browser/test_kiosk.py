"""The page as a kiosk, with a camera that is a canvas: what a visitor and the staff of a museum do with it.

After every test the fixtures assert: no script error, no breach of the policy, no request to another host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="install Playwright: pip install -r requirements-dev.txt")

from playwright.sync_api import Page, expect

from faceattr.analyzer import FaceAnalyzer
from faceattr.settings import Settings
from faceattr.web.app import create_app
from tests.conftest import BUILT_IN

from . import samples
from .harness import served
from .kiosks import SOMEBODY, Kiosk, count_a_visitor, screen, until, visitors

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def address(analyzer: FaceAnalyzer) -> Iterator[str]:
    """A kiosk without a PIN."""
    with served(create_app(Settings(models=str(BUILT_IN), slots=2, kiosk=True), analyzer=analyzer)) as address:
        yield address


@pytest.fixture
def kiosk(open_page: OpenPage, address: str) -> Kiosk:
    return Kiosk(open_page(), address)


# Visitors


def test_nothing_is_captured_before_a_visitor_has_agreed(kiosk: Kiosk) -> None:
    page = kiosk.open()
    expect(page.locator("#attract-begin")).to_contain_text("Touch to begin")
    expect(page.locator("#attract-begin")).to_contain_text("轻触开始")
    page.mouse.click(640, 700)  # anywhere
    screen(page, "notice")
    notice = page.locator("#notice")
    for words in ("how old it looks", "the apparent, not the actual", "held in memory", "nowhere else"):
        expect(notice).to_contain_text(words)
    expect(page.get_by_role("button", name="Live camera")).to_have_count(0)
    page.wait_for_timeout(300)
    assert (kiosk.asked, kiosk.analyses) == (0, 0)
    page.locator("#consent-agree").click()
    screen(page, "visit")
    until(page, "faceattr.camera.state() === 'running'")
    until(page, "faceattr.live.figures() !== null")
    assert kiosk.asked == 1


def test_a_visit_by_keyboard_does_not_lose_its_place(kiosk: Kiosk) -> None:
    page = kiosk.open()
    page.locator("#attract-begin").press("Enter")
    expect(page.locator("#consent-title")).to_be_focused()
    page.locator("#consent-agree").press("Enter")
    expect(page.locator("#live-title")).to_be_focused()
    page.locator("#visit-finish").press("Enter")
    expect(page.locator("#attract-begin")).to_be_focused()


def test_who_says_no_is_not_asked_twice_and_nothing_has_happened(kiosk: Kiosk) -> None:
    page = kiosk.open()
    page.locator("#attract-begin").click()
    page.get_by_role("button", name="No, thank you").click()
    screen(page, "attract")
    assert (kiosk.asked, kiosk.analyses) == (0, 0)


def test_who_has_finished_leaves_nothing_behind_and_no_camera_open(kiosk: Kiosk) -> None:
    page = kiosk.begin_visit()
    until(page, "faceattr.camera.state() === 'running'")
    page.get_by_role("button", name="Finish").click()
    screen(page, "attract")
    assert page.evaluate("faceattr.camera.state()") == "off"
    assert page.evaluate("window.stream.getTracks().every((track) => track.readyState === 'ended')")
    sent = kiosk.analyses
    page.wait_for_timeout(400)
    assert kiosk.analyses == sent


def test_a_kiosk_that_is_left_warns_and_goes_back_to_its_start(kiosk: Kiosk) -> None:
    page = kiosk.begin_visit(idleSeconds=10)
    page.clock.install()
    page.goto(kiosk.address)
    kiosk.agree()
    page.clock.run_for(4000)
    expect(page.locator("#visit-idle")).to_be_hidden()
    page.clock.run_for(2000)
    expect(page.locator("#visit-idle")).to_contain_text("Still there? Back to the start in")
    expect(page.locator("#spoken")).to_contain_text("Press any key to stay.")
    page.keyboard.press("Shift")
    expect(page.locator("#visit-idle")).to_be_hidden()
    page.clock.run_for(9000)
    screen(page, "visit")
    page.clock.run_for(2000)
    screen(page, "attract")
    assert page.evaluate("faceattr.camera.state()") == "off"


def test_the_notice_that_nobody_answers_goes_away_too(kiosk: Kiosk) -> None:
    page = kiosk.open(idleSeconds=10)
    page.clock.install()
    page.goto(kiosk.address)
    page.locator("#attract-begin").click()
    page.clock.run_for(11_000)
    screen(page, "attract")


def test_a_face_before_the_camera_is_somebody(kiosk: Kiosk) -> None:
    kiosk.answer = SOMEBODY
    page = kiosk.begin_visit(idleSeconds=10)
    until(page, "faceattr.live.faces() > 0")
    page.evaluate("""() => {
      const real = performance.now.bind(performance);
      window.skipped = 0;
      performance.now = () => real() + window.skipped;
    }""")
    page.wait_for_timeout(700)
    page.evaluate("faceattr.live.faces = () => 1; window.skipped += 30000")
    page.wait_for_timeout(1200)
    screen(page, "visit")
    page.evaluate("faceattr.live.faces = () => 0; window.skipped += 30000")
    screen(page, "attract")


def test_photos_are_offered_only_where_staff_allow_them(kiosk: Kiosk) -> None:
    page = kiosk.open()
    page.locator("#attract-begin").click()
    expect(page.locator("#consent-photo")).to_be_hidden()
    kiosk.open(photos=True)
    page.locator("#attract-begin").click()
    page.get_by_role("button", name="Use a photo instead").click()
    screen(page, "visit")
    expect(page.locator("#choose")).to_be_visible()
    assert kiosk.asked == 0
    kiosk.answer = samples.answer([samples.face(100, 100, 60)])
    page.set_input_files("#file", samples.ASTRONAUT)
    page.wait_for_selector("#page[data-state=result]")
    expect(page.locator("#saves")).to_be_hidden()
    page.get_by_role("button", name="Finish").click()
    screen(page, "attract")
    expect(page.locator(".card")).to_have_count(0)
    page.wait_for_selector("#page[data-state=empty]", state="attached")


def test_a_photo_that_is_pasted_before_anybody_has_agreed_is_not_taken(kiosk: Kiosk) -> None:
    page = kiosk.open()
    page.evaluate("""() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File(['x'], 'a.png', { type: 'image/png' }));
      const options = { bubbles: true, cancelable: true };
      document.body.dispatchEvent(new ClipboardEvent('paste', { ...options, clipboardData: transfer }));
      document.body.dispatchEvent(new DragEvent('drop', { ...options, dataTransfer: transfer }));
    }""")
    page.wait_for_timeout(200)
    assert kiosk.analyses == 0
    assert page.locator("#page").get_attribute("data-state") == "empty"


def test_the_screen_stays_on_and_is_filled(kiosk: Kiosk) -> None:
    page = kiosk.open()
    until(page, "window.screenLocks === 1")
    page.evaluate("window.screenLock.dispatchEvent(new Event('release'))")
    until(page, "window.screenLocks === 2")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    until(page, "window.screenLocks === 3")
    kiosk.agree()
    until(page, "document.fullscreenElement !== null")


def test_a_browser_without_lock_and_full_screen_does_without(kiosk: Kiosk) -> None:
    kiosk.page.add_init_script("""
      delete navigator.wakeLock;
      Object.defineProperty(navigator, 'wakeLock', { value: undefined });
      Element.prototype.requestFullscreen = () => Promise.reject(new TypeError('no'));
    """)
    screen(kiosk.begin_visit(), "visit")


def test_there_is_no_menu_no_dragging_and_no_zoom_by_two_fingers(kiosk: Kiosk) -> None:
    page = kiosk.open()
    prevented = page.evaluate("""() => [
      new MouseEvent('contextmenu', { bubbles: true, cancelable: true }),
      new DragEvent('dragstart', { bubbles: true, cancelable: true }),
      new WheelEvent('wheel', { bubbles: true, cancelable: true, ctrlKey: true }),
    ].map((event) => !document.body.dispatchEvent(event))""")
    assert prevented == [True, True, True]
    assert page.evaluate("getComputedStyle(document.documentElement).touchAction") == "pan-x pan-y"
    assert page.evaluate("getComputedStyle(document.body).userSelect") == "none"


@pytest.mark.parametrize("size", [(320, 640), (390, 844), (1080, 1920), (1920, 1080)])
def test_whatever_is_touched_is_large_and_nothing_is_cut(kiosk: Kiosk, size: tuple[int, int]) -> None:
    page = kiosk.open(photos=True)
    page.set_viewport_size({"width": size[0], "height": size[1]})

    def check() -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        for target in page.locator(
            "#kiosk :is(button, a, select):visible, dialog[open] :is(button, select, label):visible"
        ).all():
            box = target.bounding_box()
            if box is None or target.get_attribute("id") == "corner" or target.get_attribute("for"):
                continue
            assert box["height"] >= 64, target.inner_text()
            assert box["width"] >= 64, target.inner_text()
            assert box["x"] >= 0, target.inner_text()
            assert box["x"] + box["width"] <= size[0], target.inner_text()

    check()
    page.locator("#attract-begin").click()
    check()
    page.locator("#consent-agree").click()
    check()
    page.evaluate("faceattr.pinpad.open(() => {})")
    check()
    page.locator("#pin-cancel").click()
    page.evaluate("faceattr.staff.open()")
    check()


@pytest.mark.parametrize(("motion", "seen"), [("reduce", 3), ("no-preference", 1)])
def test_the_drawing_stands_still_for_those_who_want_it_so(kiosk: Kiosk, motion: Any, seen: int) -> None:
    kiosk.page.emulate_media(reduced_motion=motion)
    page = kiosk.open()
    expect(page.locator(".look.seen")).to_have_count(seen)
    page.wait_for_timeout(3800)
    first = page.locator(".look").first
    assert ("seen" in str(first.get_attribute("class"))) == (motion == "reduce")
    expect(page.locator(".look.seen")).to_have_count(seen)
    if motion == "reduce":
        assert page.evaluate("document.getAnimations().length") == 0


def test_all_of_it_works_by_keyboard(kiosk: Kiosk) -> None:
    page = kiosk.open()
    page.keyboard.press("Tab")
    expect(page.locator("#attract-begin")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#consent-title")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#notice a[data-language]")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    screen(page, "visit")
    until(page, "faceattr.live.running()")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "visit-finish":
            break
    expect(page.locator("#visit-finish")).to_be_focused()
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(page.locator("#corner")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="This kiosk")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#staff")).to_be_hidden()


# Languages


def test_a_visitor_who_changes_the_language_goes_on_where_they_were(kiosk: Kiosk) -> None:
    page = kiosk.open("?lang=en")
    page.locator("#attract-begin").click()
    page.locator("#notice").get_by_role("link", name="中文").click()
    expect(page.get_by_role("heading", name="打开摄像头之前")).to_be_visible()
    assert kiosk.asked == 0
    page.locator("#consent-agree").click()
    until(page, "faceattr.camera.state() === 'running'")
    page.locator("#visit").get_by_role("link", name="English").click()
    until(page, "document.documentElement.lang === 'en' && faceattr.camera.state() === 'running'")
    assert page.evaluate("location.hash") == ""
    page.reload()
    screen(page, "attract")
    assert kiosk.asked == 0


def test_the_language_of_the_house_comes_back_when_the_visitor_has_gone(kiosk: Kiosk) -> None:
    page = kiosk.open("?lang=zh")
    page.locator("#attract").get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", name="What does a model see in your face?")).to_be_visible()
    page.locator("#attract-begin").click()
    page.get_by_role("button", name="No, thank you").click()
    expect(page.get_by_role("heading", name="模型眼中的你是什么样子？")).to_be_visible()
    assert page.url == kiosk.address + "?lang=zh"


def test_another_language_does_not_forget_the_visitors_and_a_reload_by_hand_does(kiosk: Kiosk) -> None:
    page = kiosk.open("?lang=zh")
    count_a_visitor(page)
    page.locator("#attract").get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", name="What does a model see in your face?")).to_be_visible()
    assert visitors(page) == 1
    count_a_visitor(page)
    page.locator("#attract-begin").click()
    page.get_by_role("button", name="No, thank you").click()
    expect(page.get_by_role("heading", name="模型眼中的你是什么样子？")).to_be_visible()
    assert visitors(page) == 2
    assert page.evaluate("window.name") == ""
    page.reload()
    assert visitors(page) == 0


def test_counts_that_were_erased_do_not_come_back(kiosk: Kiosk) -> None:
    page = kiosk.open("?lang=en")
    count_a_visitor(page)
    page.evaluate("faceattr.visitors.handOver()")
    page.evaluate("faceattr.stats.clear()")
    page.reload()
    assert visitors(page) == 0


def test_a_language_that_is_opened_beside_hands_nothing_over(kiosk: Kiosk) -> None:
    page = kiosk.open("?lang=zh")
    count_a_visitor(page)
    with page.context.expect_page():
        page.locator("#attract").get_by_role("link", name="English").click(modifiers=["Control"])
    assert (visitors(page), page.evaluate("window.name")) == (1, "")


def test_a_page_that_is_loaded_for_a_token_does_not_forget_the_visitors(kiosk: Kiosk) -> None:
    page = kiosk.open()
    count_a_visitor(page)
    page.evaluate("window.old = true; document.getElementById('live-reload').click()")
    until(page, "window.old === undefined")
    assert visitors(page) == 1


@pytest.mark.parametrize(
    "left",
    [
        "{",
        "3",
        '[{"start": 0}]',
        '[null, {"groups": "a"}]',
        pytest.param(
            '[{"start": 1790000000000, "offset": 1e15, "visitors": 1, "seconds": 5,'
            ' "groups": [[1, 0], [0, 0], [0, 0], [0, 0], [0, 0]]}]',
            id="impossible offset",
        ),
        pytest.param(
            '[{"start": 1790000000000, "offset": 0, "visitors": -5, "seconds": 5,'
            ' "groups": [[-5, 0], [0, 0], [0, 0], [0, 0], [0, 0]]}]',
            id="fewer than none",
        ),
    ],
)
def test_what_another_version_left_for_this_one_does_no_harm(kiosk: Kiosk, left: str) -> None:
    page = kiosk.open()
    page.evaluate("(left) => (window.name = `faceattr-visitors:${left}`)", left)
    page.reload()
    assert (visitors(page), page.evaluate("window.name")) == (0, "")
    assert page.evaluate("faceattr.stats.csv()").startswith("hour,")
    count_a_visitor(page)
    assert visitors(page) == 1


def test_a_language_that_nobody_follows_up_goes_back_by_itself(kiosk: Kiosk) -> None:
    page = kiosk.open(idleSeconds=10)
    page.clock.install()
    page.goto(kiosk.address + "?lang=zh&home=en")
    screen(page, "attract")
    page.clock.run_for(11_000)
    page.wait_for_url(kiosk.address + "?lang=en")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_the_operators_language_counts_more_than_the_address(kiosk: Kiosk) -> None:
    page = kiosk.open("?lang=en", language="zh")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page = kiosk.open("?lang=en", language="xx")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_an_address_alone_does_not_open_the_camera(kiosk: Kiosk) -> None:
    page = kiosk.open("?lang=en#live")
    screen(page, "attract")
    page.wait_for_timeout(200)
    assert kiosk.asked == 0


def test_the_ordinary_page_changes_its_language_in_the_footer(kiosk: Kiosk) -> None:
    page = kiosk.open("?kiosk=0&lang=en")
    expect(page.locator("#kiosk")).to_have_count(0)
    page.get_by_role("link", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    page.evaluate("faceattr.live.start()")
    page.get_by_role("link", name="English").click()
    until(page, "document.documentElement.lang === 'en' && faceattr.live.running()")
    assert page.evaluate("window.screenLocks") == 0
