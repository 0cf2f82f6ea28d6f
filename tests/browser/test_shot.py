"""A photo taken with the camera, after a countdown; in headless Chromium, with a camera that is a canvas."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("playwright.sync_api", reason="install Playwright: pip install -r requirements-dev.txt")

from playwright.sync_api import Page, expect

from . import samples

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
CAMERA = """async (data) => {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes]));
  const canvas = Object.assign(document.createElement('canvas'), { width: 512, height: 512 });
  const context = canvas.getContext('2d');
  setInterval(() => context.drawImage(picture, 0, 0), 50);
  navigator.mediaDevices.getUserMedia = async () => {
    window.stream = canvas.captureStream(20);
    return window.stream;
  };
}"""
DENIED = """() => {
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError'); };
}"""


@pytest.fixture
def camera(page: Page, astronaut: bytes) -> Page:
    """The page with a camera that sees the astronaut."""
    page.evaluate(CAMERA, samples.in_base64(astronaut))
    return page


def wait_until_off(page: Page) -> None:
    """A closed dialog gives the camera back a moment later, where it was closed by the browser itself."""
    page.wait_for_function("faceattr.camera.state() === 'off' && window.stream.getTracks()[0].readyState === 'ended'")


def test_photo_is_taken_after_a_countdown_and_analysed(camera: Page) -> None:
    camera.get_by_role("button", name="Take a photo").click()
    take = camera.get_by_role("button", name="Count down")
    expect(take).to_be_focused()
    expect(camera.locator("#shot-video video")).to_be_visible()
    camera.keyboard.press("Enter")
    for count in ("3", "2", "1"):
        expect(camera.locator("#shot-count")).to_have_text(count)
    camera.wait_for_selector("#page[data-state=result]")
    expect(camera.locator(".card")).to_have_count(1)
    expect(camera.locator("#shot")).to_be_hidden()
    assert camera.evaluate("[photo.width, photo.height]") == [512, 512]
    wait_until_off(camera)
    with camera.expect_download() as download:
        camera.get_by_role("button", name="Photo with boxes").click()
    assert download.value.suggested_filename == "faceattr-1.jpg"


def test_escape_cancels_the_countdown(camera: Page) -> None:
    sent: list[str] = []
    camera.on("request", lambda request: sent.append(request.url) if "/analyze" in request.url else None)
    camera.get_by_role("button", name="Take a photo").click()
    camera.get_by_role("button", name="Count down").click()
    expect(camera.locator("#shot-count")).to_have_text("2")
    camera.keyboard.press("Escape")
    expect(camera.locator("#shot")).to_be_hidden()
    expect(camera.get_by_role("button", name="Take a photo")).to_be_focused()
    wait_until_off(camera)
    camera.wait_for_timeout(2500)  # past the end that the countdown would have had
    assert sent == []
    camera.get_by_role("button", name="Take a photo").click()
    expect(camera.get_by_role("button", name="Count down")).to_be_enabled()
    expect(camera.locator("#shot-count")).to_have_text("")
    camera.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    wait_until_off(camera)


def test_reset_closes_the_camera(camera: Page) -> None:
    camera.get_by_role("button", name="Take a photo").click()
    camera.get_by_role("button", name="Count down").click()
    camera.evaluate("faceattr.page.reset()")
    expect(camera.locator("#shot")).to_be_hidden()
    wait_until_off(camera)


def test_camera_that_is_not_allowed_is_explained_until_it_is(page: Page, astronaut: bytes) -> None:
    page.evaluate(DENIED)
    page.get_by_role("button", name="Take a photo").click()
    expect(page.get_by_role("heading", name="The camera is not allowed.")).to_be_visible()
    expect(page.get_by_role("button", name="Count down")).to_be_disabled()
    page.evaluate(CAMERA, samples.in_base64(astronaut))
    page.get_by_role("dialog").get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Count down")).to_be_enabled()
    expect(page.locator("#shot-failure")).to_be_hidden()


def test_camera_that_goes_away_stops_the_countdown(camera: Page) -> None:
    camera.get_by_role("button", name="Take a photo").click()
    camera.get_by_role("button", name="Count down").click()
    camera.evaluate(DENIED)
    camera.evaluate("window.stream.getTracks()[0].dispatchEvent(new Event('ended'))")
    expect(camera.locator("#shot-failure")).to_be_visible()
    expect(camera.locator("#shot-count")).to_have_text("")


def test_photo_is_not_taken_over_by_what_is_pasted_meanwhile(camera: Page) -> None:
    camera.get_by_role("button", name="Take a photo").click()
    expect(camera.get_by_role("button", name="Count down")).to_be_enabled()
    camera.evaluate("document.body.dispatchEvent(new ClipboardEvent('paste', { bubbles: true }))")
    expect(camera.locator("#page")).to_have_attribute("data-state", "empty")


@pytest.mark.parametrize(("width", "height"), [(320, 640), (390, 844), (844, 390), (1280, 800), (1080, 1920)])
def test_dialog_fits_the_screen(open_page: OpenPage, astronaut: bytes, width: int, height: int) -> None:
    page = open_page(viewport={"width": width, "height": height})
    page.evaluate(CAMERA, samples.in_base64(astronaut))
    page.get_by_role("button", name="Take a photo").click()
    expect(page.get_by_role("button", name="Count down")).to_be_focused()
    dialog = page.locator("#shot").bounding_box()
    assert dialog
    assert dialog["x"] >= 0
    assert dialog["y"] >= 0
    assert dialog["x"] + dialog["width"] <= width
    assert dialog["y"] + dialog["height"] <= height
