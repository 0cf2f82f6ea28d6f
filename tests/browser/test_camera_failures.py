"""Whatever takes the camera away: each has its sentence in both languages, and the page goes on by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("playwright.sync_api", reason="install Playwright: pip install -r requirements-dev.txt")

from playwright.sync_api import Browser, Page, Playwright, expect

from faceattr.web.pages import read_wording

from . import samples
from .camera_files import CAMERA_ARGS
from .harness import CHROMIUM_ARGS, chromium_path
from .live_page import camera_runs, faces_are_seen, go_live, wait_for

pytestmark = pytest.mark.browser

OpenPage = Callable[..., Page]
REFUSE = """(name) => {
  const { mediaDevices } = navigator;
  window.ownGetUserMedia ??= mediaDevices.getUserMedia.bind(mediaDevices);
  window.refusals = 0;
  mediaDevices.getUserMedia = async () => {
    refusals += 1;
    throw new DOMException('stubbed', name);
  };
}"""
ALLOW = "void (navigator.mediaDevices.getUserMedia = window.ownGetUserMedia)"
PULL = """() => {
  const [track] = faceattr.camera.video.srcObject.getVideoTracks();
  track.stop();
  track.dispatchEvent(new Event('ended'));
}"""
ALLOWED = {"permissions": ["camera"]}
"""What a person has said to the browser, which then lets the page try again."""


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """In the place of the browser without a camera: this one has Chromium's own moving picture."""
    browser = playwright.chromium.launch(executable_path=chromium_path(), args=[*CHROMIUM_ARGS, *CAMERA_ARGS])
    yield browser
    browser.close()


def says(page: Page, failure: str, language: str = "en") -> None:
    """The failure's two sentences are on show, and the picture is not."""
    title, help_ = read_wording(language)["live"]["failures"][failure]
    trouble = page.get_by_role("alert")
    expect(trouble).to_contain_text(title)
    expect(trouble).to_contain_text(help_.partition("{")[0])
    expect(page.locator("#live-frame")).to_be_hidden()
    assert page.evaluate("[faceattr.camera.state(), faceattr.camera.failure()]") == ["failed", failure]


@pytest.mark.parametrize(("language", "locale"), [("en", "en-US"), ("zh", "zh-CN")])
@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("NotAllowedError", "denied"),
        ("NotFoundError", "absent"),
        ("NotReadableError", "busy"),
        ("TypeError", "unknown"),
    ],
)
def test_camera_that_cannot_be_had_is_explained_and_tried_again(
    open_page: OpenPage, name: str, failure: str, language: str, locale: str
) -> None:
    page = open_page(locale=locale, **ALLOWED)
    page.evaluate(REFUSE, name)
    go_live(page)
    says(page, failure, language)
    page.evaluate(ALLOW)
    camera_runs(page)
    expect(page.locator("#live-frame video")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_who_has_said_no_is_not_asked_again_until_they_press_the_button(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate(
        "void (navigator.permissions.query = async () => new (class extends EventTarget { state = 'denied' })())"
    )
    page.evaluate(REFUSE, "NotAllowedError")
    go_live(page)
    says(page, "denied")
    page.evaluate("void navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
    page.wait_for_timeout(2500)
    assert page.evaluate("refusals") == 1
    page.evaluate(ALLOW)
    page.get_by_role("button", name="Try again").click()
    camera_runs(page)


def test_camera_that_is_pulled_out_is_missed_until_it_is_back(open_page: OpenPage) -> None:
    page = open_page(**ALLOWED)
    go_live(page)
    camera_runs(page)
    page.evaluate(REFUSE, "NotFoundError")
    page.evaluate(PULL)
    says(page, "unplugged")
    wait_for(page, "refusals > 0")
    says(page, "unplugged")  # and not "no camera was found", which it was not about
    page.evaluate(ALLOW)
    page.evaluate("void navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
    camera_runs(page)


def test_camera_that_sends_no_pictures_is_opened_anew(open_page: OpenPage) -> None:
    page = open_page(**ALLOWED)
    page.evaluate(REFUSE, "unused")
    page.evaluate("navigator.mediaDevices.getUserMedia = async () => document.createElement('canvas').captureStream(0)")
    go_live(page)
    expect(page.get_by_role("alert")).to_contain_text("Starting the camera…")
    wait_for(page, "faceattr.camera.state() === 'failed'")
    says(page, "stuck")
    page.evaluate(ALLOW)
    camera_runs(page)


def test_hidden_page_does_not_think_its_camera_stuck(open_page: OpenPage) -> None:
    page = open_page(**ALLOWED)
    go_live(page)
    camera_runs(page)
    page.evaluate(
        """() => {
          Object.defineProperty(document, 'hidden', { value: true, configurable: true });
          HTMLVideoElement.prototype.requestVideoFrameCallback = () => 0;
        }"""
    )
    page.wait_for_timeout(6500)
    assert page.evaluate("faceattr.camera.state()") == "running"


@pytest.mark.parametrize(("language", "locale"), [("en", "en-US"), ("zh", "zh-CN")])
def test_insecure_address_is_explained_with_what_to_open_instead(
    open_page: OpenPage, address: str, language: str, locale: str
) -> None:
    page = open_page(locale=locale)
    page.evaluate(
        """() => {
          Object.defineProperty(navigator, 'mediaDevices', { value: undefined });
          Object.defineProperty(window, 'isSecureContext', { value: false });
        }"""
    )
    go_live(page)
    says(page, "insecure", language)
    origin = address.rstrip("/")
    expect(page.get_by_role("alert")).to_contain_text(origin)
    expect(page.get_by_role("alert")).to_contain_text(f"http://localhost:{origin.rpartition(':')[2]}/")
    expect(page.get_by_role("alert").get_by_role("button")).to_have_count(0)
    expect(page.locator("#go-photo")).to_be_visible()


def test_camera_asked_for_too_late_is_not_left_on(open_page: OpenPage) -> None:
    page = open_page(**ALLOWED)
    page.evaluate(
        """() => {
          const { mediaDevices } = navigator;
          const { getUserMedia } = mediaDevices;
          window.streams = [];
          mediaDevices.getUserMedia = async (wishes) => {
            await new Promise((resolve) => { window.letGo = resolve; });
            streams.push(await getUserMedia.call(mediaDevices, wishes));
            return streams.at(-1);
          };
        }"""
    )
    go_live(page)
    wait_for(page, "window.letGo !== undefined")
    page.get_by_role("button", name="Back to photos").click()
    page.evaluate("letGo()")
    wait_for(page, "streams.length === 1 && streams[0].getTracks().every(({ readyState }) => readyState === 'ended')")
    assert page.evaluate("faceattr.camera.state()") == "off"


def test_failure_of_the_camera_ends_what_was_seen(open_page: OpenPage) -> None:
    page = open_page(**ALLOWED)
    page.route("**/analyze?*", lambda route: route.fulfill(**samples.answer([samples.face(100, 100, 200)])))
    go_live(page)
    faces_are_seen(page)
    page.evaluate(REFUSE, "NotFoundError")
    page.evaluate(PULL)
    wait_for(page, "faceattr.live.faces() === 0")
