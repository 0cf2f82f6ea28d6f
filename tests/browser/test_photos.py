"""Several photos at once, what their cards say, and what can be saved of them; in headless Chromium."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="install Playwright: pip install -r requirements-dev.txt")

from playwright.sync_api import Page, Route, expect

from . import samples

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
GROUPS = [0.01, 0.02, 0.05, 0.1, 0.6, 0.15, 0.05, 0.02]
GROUP_AGE = {"years": 29.7, "low": 25, "high": 32, "label": "(25-32)", "probability": 0.6, "interval": None}


def give(page: Page, *photos: bytes | tuple[str, str, bytes]) -> None:
    """Chooses photos in the page: JPEGs, or a name, type and bytes each."""
    files = [given if isinstance(given, tuple) else ("photo.jpg", "image/jpeg", given) for given in photos]
    payloads: Any = [{"name": name, "mimeType": mime, "buffer": data} for name, mime, data in files]
    page.set_input_files("#file", payloads)


def state(page: Page, name: str) -> None:
    page.wait_for_selector(f"#page[data-state={name}]")


def option(page: Page, number: int) -> Any:
    return page.locator(f".frame-of-film[data-photo='{number}']")


def answering(page: Page, *responses: dict[str, Any]) -> list[int]:
    """Answers one request after the other, the last response again and again; how many were on their way at each."""
    under_way: list[int] = []
    now = 0
    left = list(responses)

    def finished(_: Any) -> None:
        nonlocal now
        now -= 1

    def answer(route: Route) -> None:
        nonlocal now
        now += 1
        under_way.append(now)
        route.fulfill(**(left.pop(0) if len(left) > 1 else left[0]))

    page.on("requestfinished", lambda request: finished(request) if "/analyze?" in request.url else None)
    page.route("**/analyze?*", answer)
    return under_way


def years(middle: float, width: float = 5) -> list[float]:
    """A probability for each year from 0 to 100, around one."""
    p = np.exp(-0.5 * ((np.arange(101) - middle) / width) ** 2)
    return [round(float(value), 5) for value in p / p.sum()]


def age(**changes: Any) -> dict[str, Any]:
    distribution = years(31)
    return {"years": 31.0, "low": 30, "high": 39, "interval": [25, 37], "distribution": distribution, **changes}


def test_several_photos_are_analysed_in_order_one_at_a_time(page: Page, astronaut: bytes) -> None:
    under_way = answering(page, *(samples.answer(samples.crowd(n)) for n in (1, 2, 3, 4)))
    give(page, *[astronaut] * 4)
    expect(page.locator("#film-count")).to_have_text("10 faces in all")
    assert under_way == [1, 1, 1, 1]
    captions = page.locator(".frame-of-film .came-of-it").all_inner_texts()
    assert captions == ["1 face", "2 faces", "3 faces", "4 faces"]
    expect(page.locator("#film-place")).to_have_text("Photo 1 of 4")
    expect(page.locator(".card")).to_have_count(1)
    option(page, 3).click()
    expect(page.locator("#title")).to_have_text("3 faces")
    expect(page.locator(".card")).to_have_count(3)
    expect(page.locator("#photo")).to_be_visible()


def test_single_photo_has_no_strip(page: Page, astronaut: bytes) -> None:
    give(page, astronaut)
    state(page, "result")
    expect(page.locator("#film")).to_be_hidden()
    give(page, astronaut, astronaut)
    expect(page.locator("#film")).to_be_visible()
    give(page, astronaut)
    expect(page.locator("#film")).to_be_hidden()


def test_photo_that_fails_stops_no_other_and_can_be_tried_again(page: Page, astronaut: bytes) -> None:
    good = samples.answer(samples.crowd(1))
    answering(page, good, samples.problem("internal", 500), good)
    give(page, astronaut, astronaut, ("notes.txt", "text/plain", b""), astronaut)
    expect(page.locator("#film-count")).to_have_text("2 faces in all")
    assert [option(page, n).get_attribute("data-state") for n in (1, 2, 3, 4)] == ["done", "failed", "failed", "done"]
    name = "Photo 3: failed. This file is empty."
    page.get_by_role("option", name=name).click()
    expect(page.locator("#title")).to_have_text("This file is empty.")
    expect(page.locator("#which")).to_have_text("notes.txt")
    expect(page.locator("#retry")).to_be_hidden()
    option(page, 2).click()
    expect(page.locator("#title")).to_have_text("Something went wrong on the server.")
    page.get_by_role("button", name="Try again", exact=True).click()
    state(page, "result")
    expect(option(page, 2)).to_have_attribute("data-state", "done")


def test_all_that_failed_can_be_tried_again_at_once(page: Page, astronaut: bytes) -> None:
    page.route("**/analyze?*", lambda route: route.abort("connectionrefused"))
    give(page, *[astronaut] * 3)
    again = page.get_by_role("button", name="Try the 3 failed again")
    expect(again).to_be_visible()
    page.unroute("**/analyze?*")
    answering(page, samples.answer(samples.crowd(1)))
    again.click()
    expect(page.locator("#film-count")).to_have_text("3 faces in all")
    expect(page.locator("#film-retry")).to_be_hidden()


def test_photo_among_others_is_sent_again_when_a_busy_server_said_to(page: Page, astronaut: bytes) -> None:
    busy = samples.problem("rate_limited", 429, **{"Retry-After": "1"})
    under_way = answering(page, busy, samples.answer(samples.crowd(1)))
    give(page, astronaut, astronaut)
    expect(page.locator("#film-count")).to_have_text("2 faces in all")
    assert under_way == [1, 1, 1]


def test_strip_is_walked_by_arrow_keys(page: Page, astronaut: bytes) -> None:
    answering(page, *(samples.answer(samples.crowd(n)) for n in (1, 2, 3)))
    give(page, *[astronaut] * 3)
    expect(page.locator("#film-count")).to_have_text("6 faces in all")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    expect(option(page, 2)).to_be_focused()
    expect(option(page, 2)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#title")).to_have_text("2 faces")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#title")).to_have_text("3 faces")
    page.keyboard.press("Home")
    expect(page.locator("#title")).to_have_text("1 face")
    page.keyboard.press("End")
    expect(page.get_by_role("option", name="Photo 3: 3 faces")).to_be_focused()
    assert page.locator(".frame-of-film[tabindex='0']").count() == 1  # Tab passes the strip in one step


def test_stopping_keeps_the_photos_that_have_their_answer(page: Page, astronaut: bytes) -> None:
    first = [samples.answer(samples.crowd(n)) for n in (1, 2)]
    page.route("**/analyze?*", lambda route: route.fulfill(**first.pop(0)) if first else None)
    give(page, *[astronaut] * 5)
    expect(page.locator("#film-count")).to_have_text("2 of 5 analysed")
    option(page, 5).click()
    state(page, "busy")
    page.keyboard.press("Escape")
    expect(page.locator("#film-place")).to_have_text("Photo 2 of 2")
    expect(page.locator("#title")).to_have_text("2 faces")
    page.get_by_role("button", name="Remove all").click()
    state(page, "empty")
    expect(page.locator(".card")).to_have_count(0)
    expect(page.locator("#film")).to_be_hidden()


def test_memory_is_bounded_whatever_is_given(page: Page, astronaut: bytes) -> None:
    page.evaluate(
        """() => {
          window.urls = new Set();
          const { createObjectURL, revokeObjectURL } = URL;
          URL.createObjectURL = (blob) => { const url = createObjectURL(blob); window.urls.add(url); return url; };
          URL.revokeObjectURL = (url) => { window.urls.delete(url); revokeObjectURL(url); };
        }"""
    )
    answering(page, samples.answer(samples.crowd(2)))
    give(page, *[astronaut] * 60)
    expect(page.get_by_text("You gave 60 photos; these are the first 50.")).to_be_visible()
    expect(page.locator("#film-count")).to_have_text("100 faces in all", timeout=60_000)
    page.wait_for_selector(".frame-of-film[data-photo='50'] canvas[width='160']")
    sizes = page.evaluate("[...document.querySelectorAll('canvas')].map(({width, height}) => [width, height])")
    assert len(sizes) <= 50 + 1 + 2  # thumbnails, the photo on show, its cards
    assert sum(width * height > 480 * 480 for width, height in sizes) == 1
    assert page.evaluate("window.urls.size") == 0
    page.evaluate("faceattr.page.reset()")
    state(page, "empty")
    assert page.locator(".frame-of-film").count() == 0
    assert page.evaluate("photo.width * photo.height") == 0
    assert page.evaluate("window.urls.size") == 0


def test_reset_takes_off_also_what_is_on_its_way(page: Page, astronaut: bytes) -> None:
    page.route("**/analyze?*", lambda route: None)
    give(page, astronaut, astronaut)
    state(page, "busy")
    page.evaluate("faceattr.page.reset()")
    state(page, "empty")
    expect(page.locator("#film")).to_be_hidden()
    expect(page.locator("#title")).to_have_text("What does a model see in a face?")
    assert page.evaluate("faceattr.queue.all().length") == 0


def test_both_gender_probabilities_add_up(page: Page, astronaut: bytes) -> None:
    probabilities = (0.575, 0.5, 0.9949, 0.995, 0.965, 0.7)
    faces = [
        samples.face(10 + 60 * i, 10, 40, gender={"value": "Male", "probability": p})
        for i, p in enumerate(probabilities)
    ]
    answering(page, samples.answer(faces))
    give(page, astronaut)
    state(page, "result")
    for index, probability in enumerate(probabilities):
        card = page.locator(".card").nth(index)
        shown = [card.locator(".gender").inner_text(), card.locator(".other").inner_text()]
        assert [text.split()[0] for text in shown] == ["Male", "Female"]
        assert sum(int(re.sub(r"\D", "", text)) for text in shown) == 100
        part, bar = card.locator(".part").bounding_box(), card.locator(".odds").bounding_box()
        assert part
        assert bar
        assert part["width"] / bar["width"] == pytest.approx(probability, abs=0.01)


def extent(page: Page, css: str) -> list[float]:
    """From where to where a path of the curve goes, in years."""
    path = page.locator(css).get_attribute("d") or ""
    across = [float(number) for number in re.findall(r"[ML]([\d.]+) ", path)]
    return [min(across), max(across)]


def test_curve_shades_where_the_age_is_likely(page: Page, astronaut: bytes) -> None:
    answering(page, samples.answer([samples.face(10, 10, 90, age=age())]))
    give(page, astronaut)
    state(page, "result")
    assert extent(page, ".belief") == [0, 100]
    assert extent(page, ".within") == [25, 37]
    ruler, needle = page.locator(".ruler").bounding_box(), page.locator(".needle").bounding_box()
    assert ruler
    assert needle
    assert (needle["x"] + needle["width"] / 2 - ruler["x"]) / ruler["width"] == pytest.approx(0.31, abs=0.01)
    said = "Apparent age about 31 years; with 80% probability from 25 to 37"
    expect(page.get_by_role("img", name=said)).to_be_visible()


def test_curve_finds_the_first_year_of_a_net(page: Page, astronaut: bytes) -> None:
    late = age(years=41.0, interval=[35, 47], distribution=years(31)[10:])  # its first year is 20
    answering(page, samples.answer([samples.face(10, 10, 90, age=late)]))
    give(page, astronaut)
    state(page, "result")
    assert extent(page, ".belief") == [20, 100]


def test_net_with_age_groups_has_steps(page: Page, astronaut: bytes) -> None:
    answering(page, samples.answer([samples.face(10, 10, 90, age={**GROUP_AGE, "distribution": GROUPS})]))
    give(page, astronaut)
    state(page, "result")
    outline = page.locator(".belief").get_attribute("d") or ""
    assert "L22.5 0L35 0L" in outline  # the likeliest group is as high as the curve, from midway to midway
    assert extent(page, ".within") == [25, 32]


@pytest.mark.parametrize(
    "distribution", [None, "evil", [0.5], [0, 0, 0], [1, -1, 1], ["a", "b"], GROUPS[:-1], [None, 1]]
)
def test_distribution_that_cannot_be_drawn_leaves_the_band(page: Page, astronaut: bytes, distribution: Any) -> None:
    answering(page, samples.answer([samples.face(10, 10, 90, age={**GROUP_AGE, "distribution": distribution})]))
    give(page, astronaut)
    expect(page.locator(".band")).to_be_visible()
    expect(page.locator(".curve")).to_have_count(0)


def test_values_are_saved_as_the_server_gave_them(page: Page, astronaut: bytes) -> None:
    given = samples.answer([samples.face(10, 10, 90, age=age())])
    answering(page, given)
    give(page, ("secret.jpg", "image/jpeg", astronaut))
    with page.expect_download() as download:
        page.get_by_role("button", name="Values as JSON").click()
    assert download.value.suggested_filename == "faceattr-1.json"
    text = download.value.path().read_text()
    assert json.loads(text) == json.loads(given["body"])
    assert "secret" not in text


@pytest.mark.parametrize(("extension", "mime", "name"), [("jpg", "image/jpeg", "jpg"), ("png", "image/png", "png")])
def test_photo_is_saved_with_its_boxes(page: Page, extension: str, mime: str, name: str) -> None:
    photo = samples.astronaut_as(f".{extension}")
    give(page, ("secret", mime, photo), ("secret", mime, photo))
    expect(page.locator("#film-count")).to_have_text("2 faces in all")
    option(page, 2).click()
    expect(page.locator("#film-place")).to_have_text("Photo 2 of 2")
    state(page, "result")
    with page.expect_download() as download:
        page.get_by_role("button", name="Photo with boxes").click()
    assert download.value.suggested_filename == f"faceattr-2.{name}"
    image = cv2.imdecode(np.frombuffer(download.value.path().read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (512, 512, 3)
    plain = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    assert plain is not None
    assert np.abs(image.astype(int) - plain).max() > 100


def test_photo_that_cannot_be_drawn_now_says_why(page: Page, astronaut: bytes) -> None:
    answering(page, samples.answer(samples.crowd(1)), samples.problem("overloaded", 503))
    give(page, astronaut)
    page.get_by_role("button", name="Photo with boxes").click()
    expect(page.locator("#saves-said")).to_contain_text("The server is busy with other photos.")
    expect(page.locator("#save-picture")).not_to_have_attribute("aria-busy", "true")


def test_kiosk_offers_nothing_to_save_on_its_own_disk(open_page: OpenPage, address: str, astronaut: bytes) -> None:
    page = open_page()
    page.goto(f"{address}?kiosk=1")
    answering(page, samples.answer(samples.crowd(1)))
    give(page, astronaut)
    expect(page.locator(".card")).to_have_count(1)
    assert page.evaluate("document.getElementById('saves').hidden")
