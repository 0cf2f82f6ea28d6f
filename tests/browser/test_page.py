"""The page, driven as people use it: in headless Chromium, against the real application and its built-in pack.

After every test the fixtures assert: no script error, no breach of the policy, no request to another host.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="install Playwright: pip install -r requirements-dev.txt")

from playwright.sync_api import Page, Route, expect

from faceattr.web.pages import read_wording

from . import samples
from .harness import has_kiosk_fonts

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
GIVE = """([kind, files]) => {
  const transfer = new DataTransfer();
  for (const { name, type, data } of files) {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type }));
  }
  const options = { bubbles: true, cancelable: true };
  const event = kind === 'paste'
    ? new ClipboardEvent(kind, { ...options, clipboardData: transfer })
    : new DragEvent(kind, { ...options, dataTransfer: transfer });
  document.body.dispatchEvent(event);
}"""


def photo(data: bytes, name: str = "photo.jpg", mime: str = "image/jpeg") -> Any:
    return {"name": name, "mimeType": mime, "buffer": data}


def choose(page: Page, data: bytes, name: str = "photo.jpg", mime: str = "image/jpeg") -> None:
    page.set_input_files("#file", photo(data, name, mime))


def give(page: Page, kind: str, *files: tuple[str, str, bytes]) -> None:
    """Drops or pastes files, or holds them over the page."""
    page.evaluate(GIVE, [kind, [{"name": n, "type": t, "data": samples.in_base64(d)} for n, t, d in files]])


def answering(page: Page, response: dict[str, Any]) -> None:
    page.route("**/analyze?*", lambda route: route.fulfill(**response))


def words(language: str) -> dict[str, Any]:
    return dict(read_wording(language))


def state(page: Page, name: str) -> None:
    page.wait_for_selector(f"#page[data-state={name}]")


def box_in_photo(page: Page, number: int = 1) -> tuple[float, float, float, float]:
    """Where a box lies over the photo as shown, as fractions of it: left, top, right, bottom."""
    photo, box = page.locator("#photo").bounding_box(), page.locator(f".box[data-face='{number}']").bounding_box()
    assert photo
    assert box
    left, top = (box["x"] - photo["x"]) / photo["width"], (box["y"] - photo["y"]) / photo["height"]
    return left, top, left + box["width"] / photo["width"], top + box["height"] / photo["height"]


def assert_box_is_on_the_face(page: Page, width: int = 512, height: int = 512) -> None:
    found = box_in_photo(page)
    expected = [edge / size for edge, size in zip(samples.FACE, (width, height) * 2, strict=True)]
    assert found == pytest.approx(expected, abs=0.1)


def test_chosen_photo_gets_a_card_and_a_box_on_the_face(page: Page) -> None:
    state(page, "empty")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a photo").click()
    chooser.value.set_files(samples.ASTRONAUT)
    state(page, "result")
    expect(page.get_by_role("heading", name="1 face")).to_be_visible()
    expect(page.locator(".card")).to_have_count(1)
    expect(page.locator(".card .gender")).to_contain_text("Female")
    expect(page.locator(".card .age")).to_contain_text("years")
    expect(page.locator(".card .likely")).to_contain_text("likely ")
    expect(page.locator(".card .confidence")).to_contain_text("%")
    expect(page.locator("#spoken")).to_contain_text("1 face: a woman, about")
    expect(page.locator("#times")).to_contain_text("Round trip")
    expect(page.locator("#page")).to_have_attribute("aria-busy", "false")
    assert_box_is_on_the_face(page)


def test_box_stays_on_the_face_when_the_window_changes(page: Page, astronaut: bytes) -> None:
    choose(page, astronaut)
    state(page, "result")
    for width, height in ((390, 844), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        assert_box_is_on_the_face(page)


def test_dropped_photo_is_analysed_wherever_it_falls(page: Page, astronaut: bytes) -> None:
    give(page, "dragover", ("a.jpg", "image/jpeg", astronaut))
    expect(page.get_by_text("Let go to look for faces")).to_be_visible()
    give(page, "dragleave")
    expect(page.locator("#drop")).to_be_hidden()
    give(page, "dragover", ("a.jpg", "image/jpeg", astronaut))
    give(page, "drop", ("notes.txt", "text/plain", b"hello"), ("a.jpg", "image/jpeg", astronaut))
    expect(page.locator("#drop")).to_be_hidden()
    state(page, "result")
    expect(page.locator(".card")).to_have_count(1)
    expect(page.get_by_text("You gave 2 files; this is the one photo among them.")).to_be_visible()


def test_pasted_photo_is_analysed(open_page: OpenPage) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    page.evaluate(
        """async (data) => {
          const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
          const png = new Blob([bytes], { type: 'image/png' });
          await navigator.clipboard.write([new ClipboardItem({ [png.type]: png })]);
        }""",
        samples.in_base64(samples.astronaut_as(".png")),
    )
    page.keyboard.press("Control+V")
    state(page, "result")
    assert_box_is_on_the_face(page)


def test_dropped_or_pasted_text_is_answered_in_words(page: Page) -> None:
    for kind in ("drop", "paste"):
        give(page, kind)
        expect(page.get_by_role("heading", name="That was not a photo.")).to_be_visible()


def test_photo_without_a_face_is_told_from_an_error(page: Page) -> None:
    choose(page, samples.no_face(), "sky.png", "image/png")
    state(page, "none")
    expect(page.get_by_role("heading", name="No face found")).to_be_visible()
    expect(page.locator("#photo")).to_be_visible()
    expect(page.locator("#spoken")).to_contain_text("No face found. Faces are found best")
    expect(page.locator(".card, .box")).to_have_count(0)


def test_photo_that_says_which_way_is_up_is_shown_upright(page: Page) -> None:
    choose(page, samples.astronaut_lying())
    state(page, "result")
    assert page.evaluate("[photo.width, photo.height]") == [512, 400]
    assert_box_is_on_the_face(page, 512, 400)


def test_format_that_the_browser_cannot_show_comes_back_as_png(page: Page) -> None:
    asked = []
    page.on("request", lambda request: asked.append(request.url.partition("?")[2]) if "?" in request.url else None)
    choose(page, samples.astronaut_as(".tiff"), "photo.tiff", "image/tiff")
    state(page, "result")
    assert asked == ["annotate=none&distribution=true", "annotate=png"]
    assert page.evaluate("[photo.width, photo.height]") == [512, 512]
    assert_box_is_on_the_face(page)


@pytest.mark.parametrize(("language", "locale"), [("en", "en-US"), ("zh", "zh-CN")])
def test_every_problem_has_its_sentence(open_page: OpenPage, astronaut: bytes, language: str, locale: str) -> None:
    page = open_page(locale=locale)
    limits = {
        "size": "10 MB",
        "formats": ("、" if language == "zh" else ", ").join(("JPEG", "PNG", "WebP", "BMP", "GIF", "TIFF")),
    }
    code = "unknown"

    def refuse(route: Route) -> None:
        route.fulfill(**samples.problem(code))

    page.route("**/analyze?*", refuse)
    for code, (title, advice) in words(language)["problems"].items():
        choose(page, astronaut)
        page.wait_for_selector(f"#page[data-problem={code}]")
        said = page.evaluate(
            "['title', 'lead', 'spoken', 'reference'].map((id) => document.getElementById(id).innerText)"
        )
        title, advice = title.format(**limits), advice.format(**limits)
        assert said[:3] == [title, advice, f"{title} {advice}"]
        assert "request-1" in said[3]


@pytest.mark.parametrize(
    ("response", "code"),
    [
        (samples.problem("code_of_tomorrow"), "unknown"),
        (samples.problem("constructor"), "unknown"),
        ({"status": 200, "body": "<html>hello"}, "unknown"),
        ({"status": 200, "body": '{"faces": [{}], "image": {"width": 1, "height": 1}}'}, "unknown"),
        ({"status": 413, "body": "<html>nginx"}, "body_too_large"),
        ({"status": 502, "body": "<html>nginx"}, "network"),
    ],
)
def test_strange_answers_are_said_to_be_strange(
    page: Page, astronaut: bytes, response: dict[str, Any], code: str
) -> None:
    answering(page, response)
    choose(page, astronaut)
    state(page, "error")
    expect(page.locator("#title")).to_have_text(words("en")["problems"][code][0])


def test_server_that_is_gone_can_be_tried_again(page: Page, astronaut: bytes) -> None:
    page.route("**/analyze?*", lambda route: route.abort("connectionrefused"))
    choose(page, astronaut)
    expect(page.get_by_role("heading", name="The server cannot be reached.")).to_be_visible()
    page.unroute("**/analyze?*")
    page.get_by_role("button", name="Try again").press("Enter")
    state(page, "result")
    assert_box_is_on_the_face(page)
    expect(page.locator("#title")).to_be_focused()  # the pressed button is gone; focus is not lost


def test_busy_server_is_given_its_time(page: Page, astronaut: bytes) -> None:
    answering(page, samples.problem("overloaded", 503, **{"Retry-After": "2"}))
    choose(page, astronaut)
    expect(page.get_by_role("button", name="Try again in 2 seconds")).to_be_visible()
    expect(page.get_by_role("button", name="Try again in 1 second", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Try again", exact=True)).to_be_visible()


def test_file_that_is_too_large_or_empty_is_not_sent(page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.evaluate("faceattr.page.analyze(new File([new Uint8Array(10_000_001)], 'large.jpg'), 1)")
    expect(page.get_by_role("heading", name="This photo is too large.")).to_be_visible()
    expect(page.locator("#lead")).to_have_text("Choose a photo of at most 10 MB, or save it smaller first.")
    choose(page, b"")
    expect(page.get_by_role("heading", name="This file is empty.")).to_be_visible()
    assert sent == []


def test_second_photo_cancels_the_first(page: Page, astronaut: bytes) -> None:
    cancelled: list[str | None] = []
    page.on("requestfailed", lambda request: cancelled.append(request.failure))
    page.route("**/analyze?*", lambda route: None, times=1)  # the first is never answered
    choose(page, samples.no_face(), "sky.png", "image/png")
    state(page, "busy")
    expect(page.locator("#page")).to_have_attribute("aria-busy", "true")
    expect(page.get_by_role("progressbar", name="Looking for faces…")).to_be_visible()
    choose(page, astronaut)
    state(page, "result")
    assert_box_is_on_the_face(page)
    assert cancelled == ["net::ERR_ABORTED"]


def test_waiting_can_be_cancelled(page: Page, astronaut: bytes) -> None:
    page.route("**/analyze?*", lambda route: None)
    for by_key in (True, False):
        choose(page, astronaut)
        state(page, "busy")
        if by_key:
            page.keyboard.press("Escape")
        else:
            page.get_by_role("button", name="Cancel").click()
        state(page, "empty")
        expect(page.locator("#photo")).to_be_hidden()
        expect(page.get_by_role("button", name="Choose a photo")).to_be_visible()


def test_chinese_browser_is_answered_in_chinese(open_page: OpenPage, astronaut: bytes) -> None:
    page = open_page(locale="zh-CN")
    assert page.evaluate("document.documentElement.lang") == "zh-Hans"
    expect(page.get_by_role("button", name="选择照片")).to_be_visible()
    choose(page, astronaut)
    expect(page.get_by_role("heading", name="1 张人脸")).to_be_visible()
    expect(page.locator(".card .gender")).to_contain_text("女性")
    expect(page.locator("#spoken")).to_contain_text("1 张人脸：女性，约 ")


def test_keyboard_reaches_everything_and_lights_up_both(page: Page) -> None:
    answering(page, samples.answer(samples.crowd(3)))
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Choose a photo")).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(samples.ASTRONAUT)
    state(page, "result")
    expect(page.get_by_role("button", name="Another photo")).to_be_focused()
    ways_in = page.locator(".actions .button:visible").count()
    for _ in range(ways_in):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Face 1: show in the photo")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".lit")).to_have_count(2)
    expect(page.locator(".box.lit")).to_have_attribute("data-face", "2")
    for _ in range(1 + ways_in):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")  # from the button back into the photo: one stop, then arrows
    expect(page.locator(".box.lit")).to_have_attribute("data-face", "1")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".card.lit")).to_have_attribute("data-face", "3")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Face 3: show in the photo")).to_be_focused()


def test_pointer_lights_up_box_and_card_together(page: Page, astronaut: bytes) -> None:
    answering(page, samples.answer(samples.crowd(3)))
    choose(page, astronaut)
    page.locator(".card[data-face='2']").hover()
    expect(page.locator(".box.lit")).to_have_attribute("data-face", "2")
    page.locator(".box[data-face='3']").hover()
    expect(page.locator(".card.lit")).to_have_attribute("data-face", "3")
    page.mouse.move(5, 5)
    expect(page.locator(".lit")).to_have_count(0)


def test_result_of_many_faces_is_spoken_briefly(page: Page, astronaut: bytes) -> None:
    answering(page, samples.answer([*samples.crowd(13), samples.face(400, 400, 60, uncertain=True)]))
    choose(page, astronaut)
    expect(page.locator(".card")).to_have_count(14)
    expect(page.locator("#spoken")).to_contain_text("14 faces: a man, about 31 years; ")
    expect(page.locator("#spoken")).to_contain_text("a man, about 31 years (uncertain)")
    expect(page.locator("#spoken")).to_contain_text("; and 8 more.")
    expect(page.locator(".card .unsure")).to_have_count(4)


def test_values_are_worded_as_people_write_them(page: Page, astronaut: bytes) -> None:
    old = {"years": 78.2, "low": 70, "high": 100, "label": "(70+)", "probability": 0.9, "interval": None}
    baby = {"years": 1.2, "low": 0, "high": 2, "label": "(0-2)", "probability": 0.9, "interval": [0, 3]}
    beside = {"years": 31.4, "low": 20, "high": 29, "label": "(20-29)", "probability": 0.4, "interval": [22, 41]}
    male = {"value": "Male", "probability": 0.998}
    faces = [samples.face(9, 9, 90, age=old, gender=male), samples.face(200, 9, 80, age=baby)]
    answering(page, samples.answer([*faces, samples.face(300, 9, 70, age=beside)]))
    choose(page, astronaut)
    first, second, third = (page.locator(".card").nth(i) for i in range(3))
    expect(first.locator(".age")).to_have_text("78 years (70+)")
    expect(first.locator(".gender")).to_have_text("Male >99%")
    expect(first.locator(".likely")).to_be_hidden()
    expect(second.locator(".age")).to_have_text("1 year (0–2)")
    expect(second.locator(".likely")).to_have_text("likely 0–3")
    expect(third.locator(".age")).to_have_text("31 years")  # "31 years (20–29)" would read as a mistake
    expect(third.locator(".likely")).to_have_text("likely 22–41, peak\N{NO-BREAK SPACE}20–29")
    expect(page.locator("#spoken")).to_have_text(
        "3 faces: a man, about 78 years; a girl, about 1 year; a woman, about 31 years."
    )


def test_hostile_names_and_labels_are_shown_as_text(page: Page, astronaut: bytes) -> None:
    bait = "<img src=x onerror=alert(1)>"
    page.on("dialog", lambda dialog: pytest.fail("a script ran"))
    hostile = samples.face(
        10,
        10,
        90,
        gender={"value": bait, "probability": 0.9},
        age={"years": 30, "low": bait, "high": bait, "label": f"({bait})", "interval": [bait, "1;position:fixed"]},
    )
    answering(page, samples.answer([hostile], model={"pack": bait, "version": bait}))
    choose(page, astronaut, f"{bait}.jpg")
    state(page, "result")
    expect(page.locator(".card .gender")).to_contain_text(bait)
    expect(page.locator(".card .range")).to_have_text(f"({bait})")
    expect(page.locator(".card .likely")).to_contain_text(bait)
    expect(page.locator("#model")).to_contain_text(bait)
    assert page.locator("img").count() == 0
    page.unroute("**/analyze?*")
    refusal = samples.problem(bait)
    answering(page, {**refusal, "body": json.dumps({"code": bait, "request_id": bait})})
    choose(page, astronaut)
    expect(page.locator("#reference")).to_contain_text(bait)
    assert page.locator("img").count() == 0


@pytest.mark.parametrize("width", [320, 390, 820, 1920])
def test_no_width_needs_sideways_scrolling(open_page: OpenPage, astronaut: bytes, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 1080 if width == 1920 else 700})
    responses = [None, samples.answer(samples.crowd(14)), samples.answer(samples.crowd(1)), samples.answer([])]
    for response in [*responses, samples.problem("unsupported_image", 415)]:
        if response:
            answering(page, response)
            choose(page, astronaut)
            expect(page.locator("#page")).not_to_have_attribute("data-state", "busy")
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.skipif(not has_kiosk_fonts(), reason="install the kiosk's fonts (Debian: apt-get install fonts-noto-core)")
@pytest.mark.parametrize("count", [1, 2, 3])
def test_kiosk_shows_photo_and_cards_without_scrolling(open_page: OpenPage, astronaut: bytes, count: int) -> None:
    page = open_page(viewport={"width": 1920, "height": 1080})
    answering(page, samples.answer(samples.crowd(count)))
    choose(page, astronaut)
    state(page, "result")
    assert page.evaluate("document.documentElement.scrollHeight") <= 1080
    photo, card = page.locator("#photo").bounding_box(), page.locator(".card").first.bounding_box()
    assert photo
    assert card
    assert photo["x"] + photo["width"] < card["x"]


def test_everything_to_press_is_large_enough_for_a_finger(open_page: OpenPage, astronaut: bytes) -> None:
    page = open_page(viewport={"width": 390, "height": 844}, has_touch=True)
    answering(page, samples.answer(samples.crowd(14)))
    choose(page, astronaut)
    state(page, "result")
    for button in page.locator("button:visible:not(.box)").all():  # a box has its card's button as an equal
        size = button.bounding_box()
        assert size
        assert min(size["width"], size["height"]) >= 44


def test_nothing_moves_for_those_who_asked_for_calm(open_page: OpenPage, astronaut: bytes) -> None:
    page = open_page(reduced_motion="reduce")
    page.route("**/analyze?*", lambda route: None)
    choose(page, astronaut)
    expect(page.locator("#photo")).to_be_visible()
    assert page.evaluate("document.getAnimations().length") == 0


def test_page_keeps_no_photo_after_its_turn(open_page: OpenPage, astronaut: bytes) -> None:
    page = open_page()
    page.evaluate(
        """() => {
          window.urls = new Set();
          const { createObjectURL, revokeObjectURL } = URL;
          URL.createObjectURL = (blob) => { const url = createObjectURL(blob); window.urls.add(url); return url; };
          URL.revokeObjectURL = (url) => { window.urls.delete(url); revokeObjectURL(url); };
        }"""
    )
    answering(page, samples.answer(samples.crowd(2)))
    for _ in range(3):
        choose(page, astronaut)
        state(page, "result")
    give(page, "drop")
    state(page, "error")
    assert page.evaluate("window.urls.size") == 0
    assert page.evaluate("photo.width * photo.height") == 0
    assert page.locator("canvas").count() == 1
