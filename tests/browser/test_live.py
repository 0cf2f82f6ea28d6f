"""The live view before Chromium's fake camera, which plays a film of real faces to the real application."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api", reason="install Playwright: pip install -r requirements-dev.txt")

from playwright.sync_api import Browser, Page, Playwright, Route, expect

from faceattr.analyzer import FaceAnalyzer
from faceattr.settings import Settings
from faceattr.web.app import create_app
from tests.photo_bytes import decoded

from . import samples
from .camera_files import CAMERA_ARGS, as_jpeg, film, scene
from .harness import CHROMIUM_ARGS, chromium_path, served
from .live_page import (
    WATCH_REQUESTS,
    camera_runs,
    count_of_answers,
    faces_are_seen,
    go_live,
    record_tracks,
    wait_for,
)

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]


Corners = tuple[float, float, float, float]
"""x_min, y_min, x_max, y_max in parts of a picture."""


def browser_with(playwright: Playwright, camera: Path) -> Browser:
    args = [*CHROMIUM_ARGS, *CAMERA_ARGS, f"--use-file-for-fake-video-capture={camera}"]
    return playwright.chromium.launch(executable_path=chromium_path(), args=args)


@pytest.fixture(scope="module")
def browser(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """In the place of the browser without a camera: the astronaut stands before this one."""
    path = film(tmp_path_factory.mktemp("camera") / "astronaut.mjpeg", [samples.ASTRONAUT.read_bytes()])
    browser = browser_with(playwright, path)
    yield browser
    browser.close()


def shown_boxes(page: Page) -> list[Corners]:
    """Where boxes lie over the picture as shown, in parts of it, from left to right."""
    return sorted(
        tuple(box)
        for box in page.evaluate(
            """() => {
              const frame = document.querySelector('#live-frame video').getBoundingClientRect();
              return [...document.querySelectorAll('.live-box.believed')].map((box) => {
                const { left, top, right, bottom } = box.getBoundingClientRect();
                return [(left - frame.left) / frame.width, (top - frame.top) / frame.height,
                        (right - frame.left) / frame.width, (bottom - frame.top) / frame.height];
              });
            }"""
        )
    )


def iou(a: Corners, b: Corners) -> float:
    """Intersection over union."""
    width, height = (max(0.0, min(a[i + 2], b[i + 2]) - max(a[i], b[i])) for i in (0, 1))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (sum(areas) - width * height)


def mirrored(box: Corners) -> Corners:
    return 1 - box[2], box[1], 1 - box[0], box[3]


def boxes_of_photo(analyzer: FaceAnalyzer, photo: bytes) -> list[Corners]:
    analysis = analyzer.analyze(photo)
    width, height = analysis.width, analysis.height
    boxes = [face.detection.box for face in analysis.faces]
    return sorted((b.x_min / width, b.y_min / height, b.x_max / width, b.y_max / height) for b in boxes)


def assert_on_the_faces(boxes: list[Corners], expected: list[Corners]) -> None:
    assert len(boxes) == len(expected)
    for box, face in zip(boxes, expected, strict=True):
        assert iou(box, face) > 0.6


def test_live_boxes_lie_on_the_faces_also_in_the_mirror(page: Page, analyzer: FaceAnalyzer) -> None:
    expected = boxes_of_photo(analyzer, as_jpeg(scene([samples.ASTRONAUT.read_bytes()])))
    go_live(page)
    expect(page.get_by_role("heading", name="1 face in view")).to_be_visible()
    faces_are_seen(page)
    assert_on_the_faces(shown_boxes(page), [mirrored(box) for box in expected])
    page.get_by_role("switch", name="Mirror the picture").uncheck()
    record_tracks(page, 3)
    assert_on_the_faces(shown_boxes(page), expected)
    assert page.evaluate("getComputedStyle(document.querySelector('video')).transform") == "none"
    expect(page.locator(".someone .gender")).to_contain_text("Female")
    expect(page.locator(".someone .likely")).to_contain_text("likely ")
    expect(page.locator(".caption .says")).to_contain_text("Female, ")
    expect(page.locator(".live-figures")).to_contain_text("frames a second")


def test_reference_photos_are_found_before_the_camera(
    playwright: Playwright, address: str, analyzer: FaceAnalyzer, photos: Path, tmp_path: Path
) -> None:
    shown = [(photos / name).read_bytes() for name in ("man1.jpg", "person-tasia.jpg")]
    expected = boxes_of_photo(analyzer, as_jpeg(scene(shown)))
    assert len(expected) >= 2
    browser = browser_with(playwright, film(tmp_path / "photos.mjpeg", shown))
    try:
        page = browser.new_page()
        page.goto(f"{address}#live")
        faces_are_seen(page, len(expected))
        page.evaluate("faceattr.settings.set('mirror', false)")
        recorded = record_tracks(page, 10)
        assert_on_the_faces(shown_boxes(page), expected)
        assert {tuple((track["id"], track["value"]) for track in tracks) for tracks in recorded} == {
            tuple((track["id"], track["value"]) for track in recorded[0])
        }
    finally:
        browser.close()


def test_track_keeps_its_id_and_its_words(page: Page) -> None:
    go_live(page)
    faces_are_seen(page)
    recorded = record_tracks(page, 30)
    assert {tuple((track["id"], track["value"]) for track in tracks) for tracks in recorded} == {((1, "Female"),)}
    years = [tracks[0]["years"] for tracks in recorded[10:]]
    assert max(years) - min(years) <= 3


def test_one_request_at_a_time_and_no_frame_twice(page: Page) -> None:
    page.evaluate(WATCH_REQUESTS)
    page.evaluate(
        """() => {
          window.frames_sent = [];
          const { drawImage } = CanvasRenderingContext2D.prototype;
          CanvasRenderingContext2D.prototype.drawImage = function (video, ...more) {
            frames_sent.push(video.getVideoPlaybackQuality().totalVideoFrames);
            return drawImage.call(this, video, ...more);
          };
        }"""
    )
    go_live(page)
    wait_for(page, "sent.all >= 10")
    numbers = page.evaluate("frames_sent")
    assert page.evaluate("sent.most") == 1
    assert len(set(numbers)) == len(numbers)


def test_frames_are_small_jpegs_and_ask_for_no_picture_back(page: Page) -> None:
    page.evaluate(
        """() => {
          const { fetch } = window;
          window.fetch = (address, wishes) => {
            window.first ??= [address, wishes?.body.get('image')];
            return fetch(address, wishes);
          };
        }"""
    )
    go_live(page)
    faces_are_seen(page)
    address, kind, size = page.evaluate(
        "createImageBitmap(first[1]).then(({ width, height }) => [first[0], first[1].type, [width, height]])"
    )
    assert (address, kind, size) == ("analyze?annotate=none", "image/jpeg", [640, 480])


def test_nothing_is_sent_once_stopped_and_the_camera_is_given_back(page: Page) -> None:
    page.evaluate(WATCH_REQUESTS)
    go_live(page)
    faces_are_seen(page)
    page.get_by_role("button", name="Back to photos").click()
    expect(page.get_by_role("button", name="Live camera")).to_be_focused()
    before = page.evaluate("sent.all")
    page.wait_for_timeout(400)
    assert page.evaluate("[sent.all, sent.now]") == [before, 0]
    assert page.evaluate("[faceattr.camera.state(), faceattr.camera.video.srcObject]") == ["off", None]
    assert page.locator(".live-box, .someone").count() == 0
    go_live(page)
    faces_are_seen(page)


def test_hidden_page_sends_nothing_and_goes_on_when_seen(page: Page) -> None:
    hide = """(hidden) => {
      Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }"""
    page.evaluate(WATCH_REQUESTS)
    go_live(page)
    faces_are_seen(page)
    page.evaluate(hide, True)
    wait_for(page, "sent.now === 0")
    before = count_of_answers(page)
    page.wait_for_timeout(400)
    assert count_of_answers(page) == before
    page.evaluate(hide, False)
    wait_for(page, f"sent.all > {before}")


def test_gone_tracks_are_told_with_how_long_they_stayed(page: Page) -> None:
    page.evaluate("window.gone = []; faceattr.live.onGone((track) => gone.push(track))")
    go_live(page)
    faces_are_seen(page)
    record_tracks(page, 5)
    page.get_by_role("button", name="Back to photos").click()
    (track,) = page.evaluate("gone")
    assert track["seen"] > track["since"]
    assert set(track["gender"]) == {"Female", "Male"}
    assert track["low"] <= track["years"] <= track["high"]


def test_covered_faces_cannot_be_made_out(page: Page) -> None:
    # Not whether our own detector still sees that somebody is there: it knows hidden faces.
    page.evaluate("faceattr.settings.set('aggregate', true)")  # no captions over the picture
    go_live(page)
    faces_are_seen(page)
    cover = page.get_by_role("switch", name="Cover faces")
    cover.check()
    record_tracks(page, 3)
    around = page.locator(".mask").bounding_box()
    assert around is not None
    middle = {
        "x": around["x"] + around["width"] * 0.3,
        "y": around["y"] + around["height"] * 0.3,
        "width": around["width"] * 0.4,
        "height": around["height"] * 0.4,
    }

    def detail() -> float:
        pixels = decoded(page.screenshot(clip=middle)).astype(int)  # type: ignore[arg-type]
        return float((np.abs(np.diff(pixels, axis=1)).max(axis=2) > 3).mean())

    assert detail() < 0.1  # squares of a fifteenth of the face or more
    cover.uncheck()
    expect(page.locator(".mask")).to_be_hidden()
    assert detail() > 0.3


def test_while_nobody_knows_where_faces_are_all_is_covered(page: Page) -> None:
    page.evaluate("faceattr.settings.set('blur', true)")
    page.route("**/analyze?*", lambda route: route.abort("connectionrefused"))
    go_live(page)
    expect(page.locator("#live-frame.blind")).to_be_visible()
    assert "blur" in page.evaluate("getComputedStyle(document.querySelector('#live-frame video')).filter")
    page.unroute("**/analyze?*")
    faces_are_seen(page)
    expect(page.locator("#live-frame.blind")).to_have_count(0)


def test_choices_are_remembered_and_nothing_else(page: Page) -> None:
    go_live(page)
    faces_are_seen(page)
    page.get_by_role("switch", name="Mirror the picture").uncheck()
    page.get_by_role("switch", name="Cover faces").check()
    page.reload()
    go_live(page)
    expect(page.get_by_role("switch", name="Mirror the picture")).not_to_be_checked()
    expect(page.get_by_role("switch", name="Cover faces")).to_be_checked()
    assert page.evaluate("Object.keys(localStorage)") == ["faceattr"]


def test_several_cameras_can_be_chosen_by_name(page: Page) -> None:
    page.evaluate(
        """() => {
          window.asked = [];
          const { getUserMedia } = navigator.mediaDevices;
          navigator.mediaDevices.getUserMedia = (wishes) => {
            asked.push(wishes.video.deviceId?.ideal ?? '');
            return getUserMedia.call(navigator.mediaDevices, { video: true });
          };
          navigator.mediaDevices.enumerateDevices = async () =>
            ['Door', ''].map((label, index) => ({ kind: 'videoinput', label, deviceId: `camera-${index + 1}` }));
        }"""
    )
    go_live(page)
    camera_runs(page)
    choice = page.get_by_role("combobox", name="Camera")
    expect(choice.get_by_role("option")).to_have_text(["Door", "Camera 2"])
    choice.select_option("Camera 2")
    wait_for(page, "asked.length === 2")
    assert page.evaluate("asked") == ["", "camera-2"]
    faces_are_seen(page)
    assert page.evaluate("faceattr.settings.get('camera')") == "camera-2"


def test_single_camera_offers_no_choice(page: Page) -> None:
    go_live(page)
    camera_runs(page)
    expect(page.get_by_role("combobox", name="Camera")).to_have_count(0)


def test_only_counts_are_shown_and_spoken_in_aggregate_mode(page: Page) -> None:
    page.evaluate("faceattr.settings.set('aggregate', true)")
    go_live(page)
    expect(page.get_by_role("heading", name="1 face in view")).to_be_visible()
    expect(page.locator("#live-spoken")).to_have_text("1 face in view")
    expect(page.locator(".caption:visible, .someone")).to_have_count(0)


@pytest.mark.parametrize(
    ("face", "side"),
    [((200, 200, 100), "over"), ((200, 2, 100), "under"), ((60, 2, 500), "within")],
)
def test_caption_stands_beside_the_face_where_the_picture_has_room(
    page: Page, face: tuple[int, int, int], side: str
) -> None:
    page.route("**/analyze?*", lambda route: route.fulfill(**samples.answer([samples.face(*face)])))
    go_live(page)
    faces_are_seen(page)
    wait_for(page, "faceattr.overlay.boxes().length === 1")
    picture, box, caption = (
        page.locator(part).bounding_box() for part in ("#live-frame", ".live-box.believed", ".caption")
    )
    assert picture
    assert box
    assert caption
    bottom = caption["y"] + caption["height"]
    assert picture["y"] <= caption["y"]
    assert bottom <= picture["y"] + picture["height"]
    assert side == ("over" if bottom <= box["y"] else "under" if caption["y"] >= box["y"] + box["height"] else "within")


def test_live_region_speaks_once_and_not_of_every_frame(page: Page) -> None:
    page.evaluate(
        """() => {
          window.spoken = [];
          const region = document.getElementById('live-spoken');
          new MutationObserver(() => spoken.push(region.textContent)).observe(region, { childList: true });
        }"""
    )
    go_live(page)
    wait_for(page, "spoken.length > 0")
    page.wait_for_timeout(1500)
    (words,) = page.evaluate("spoken")
    assert words.startswith("1 face: a woman, about ")


def test_server_that_restarts_is_waited_for(browser: Browser, settings: Settings, analyzer: FaceAnalyzer) -> None:
    page = browser.new_page(locale="en-US")
    with served(create_app(settings, analyzer=analyzer)) as address:
        page.goto(address)
        go_live(page)
        faces_are_seen(page)
    expect(page.locator("#live-server-words")).to_have_text("The server cannot be reached. This goes on by itself.")
    assert page.evaluate("faceattr.camera.state()") == "running"
    wait_for(page, "faceattr.live.faces() === 0")
    with served(create_app(settings, analyzer=analyzer), int(address.rstrip("/").rpartition(":")[2])):
        faces_are_seen(page)
        expect(page.locator("#live-server")).to_be_hidden()
        page.close()


@pytest.mark.parametrize(
    ("problem", "words", "can_reload"),
    [
        (samples.problem("overloaded", 503, **{"Retry-After": "30"}), "busy with other photos", False),
        (samples.problem("draining", 503, **{"Retry-After": "1"}), "about to restart", False),
        (samples.problem("unauthorized", 401), "asks who you are. Reload this page and sign in.", True),
        ({"status": 502, "body": "<html>"}, "cannot be reached", False),
    ],
)
def test_server_that_refuses_is_asked_again(page: Page, problem: dict[str, Any], words: str, can_reload: bool) -> None:
    page.route("**/analyze?*", lambda route: route.fulfill(**problem))
    go_live(page)
    expect(page.locator("#live-server")).to_contain_text(words)
    expect(page.get_by_role("button", name="Reload")).to_have_count(int(can_reload))
    expect(page.locator("#live-frame video")).to_be_visible()
    page.unroute("**/analyze?*")
    faces_are_seen(page)
    expect(page.locator("#live-server")).to_be_hidden()


def test_server_that_refuses_is_not_stormed(page: Page) -> None:
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(**samples.problem("rate_limited", 429, **{"Retry-After": "60"}))

    page.route("**/analyze?*", refuse)
    go_live(page)
    expect(page.locator("#live-server")).to_contain_text("a lot of photos")
    page.wait_for_timeout(1500)
    assert len(asked) == 1


def test_empty_room_has_its_words(page: Page) -> None:
    page.route("**/analyze?*", lambda route: route.fulfill(**samples.answer([])))
    go_live(page)
    expect(page.get_by_role("heading", name="Nobody in view")).to_be_visible()
    expect(page.get_by_text("Step in front of the camera.")).to_be_visible()


def test_address_with_live_begins_live(page: Page) -> None:
    page.evaluate("location.hash = 'live'")
    page.reload()
    faces_are_seen(page)


def test_nothing_piles_up(page: Page) -> None:
    page.evaluate(
        """() => {
          window.made = [];
          const { createElement } = document;
          document.createElement = function (name) { made.push(name); return createElement.call(this, name); };
          URL.createObjectURL = () => { throw new Error('an object URL'); };
        }"""
    )
    go_live(page)
    faces_are_seen(page)
    record_tracks(page, 3)
    wait_for(page, "document.querySelectorAll('.someone').length === 1")
    before = page.evaluate("made.length")
    record_tracks(page, 15)
    assert page.evaluate("made.length") == before


@pytest.mark.parametrize("width", [320, 820])
def test_live_view_needs_no_sideways_scrolling_and_fits_fingers(open_page: OpenPage, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 700})
    go_live(page)
    faces_are_seen(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for target in page.locator(".live-panel button:visible, .live-switch").all():
        size = target.bounding_box()
        assert size
        assert min(size["width"], size["height"]) >= 44
