"""A kiosk whose camera is a canvas, for the tests of the kiosk."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Error, Page, Request

from . import samples

CAMERA = """
window.asked = 0;
window.screenLocks = 0;
window.frozen = false;
navigator.mediaDevices.getUserMedia = async () => {
  window.asked += 1;
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [64, 48];
  const context = canvas.getContext('2d');
  setInterval(() => {
    if (window.frozen) return;
    context.fillStyle = `hsl(${Date.now() % 360} 50% 50%)`;
    context.fillRect(0, 0, 64, 48);
  }, 40);
  window.stream = canvas.captureStream(25);
  return window.stream;
};
navigator.mediaDevices.enumerateDevices = async () => [
  { kind: 'videoinput', deviceId: 'front', label: 'Front camera' },
  { kind: 'videoinput', deviceId: 'desk', label: 'Desk camera' },
];
Object.defineProperty(navigator, 'wakeLock', { configurable: true, value: { request: async () => {
  window.screenLocks += 1;
  window.screenLock = new EventTarget();
  return window.screenLock;
} } });
"""
NOBODY = samples.answer([], image={"width": 64, "height": 48, "rotation": 0})
SOMEBODY = samples.answer([samples.face(10, 10, 20)], image={"width": 64, "height": 48, "rotation": 0})


class Kiosk:
    """A page with a camera made of colours and a server that sees nobody, until it is told otherwise."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.answer: dict[str, Any] = NOBODY
        self.analyses = 0
        page.add_init_script(CAMERA)
        page.route("**/analyze?*", lambda route: route.fulfill(**self.answer))
        page.on("request", self._count)

    def _count(self, request: Request) -> None:
        self.analyses += "/analyze" in request.url

    def open(self, query: str = "", **settings: Any) -> Page:
        if settings:
            self.page.evaluate("(values) => localStorage.setItem('faceattr', JSON.stringify(values))", settings)
        self.page.goto(self.address + query)
        return self.page

    def agree(self) -> Page:
        self.page.locator("#attract-begin").click()
        self.page.locator("#consent-agree").click()
        return self.page

    def begin_visit(self, **settings: Any) -> Page:
        self.open(**settings)
        return self.agree()

    @property
    def asked(self) -> int:
        """How often the page has asked for the camera since it was loaded."""
        return int(self.page.evaluate("window.asked"))


def count_a_visitor(page: Page) -> None:
    """As if somebody had just gone after half a minute."""
    page.evaluate(
        """() => {
          const seen = performance.now();
          faceattr.stats.add({ value: 'Female', years: 30, frames: 300, since: seen - 30_000, seen });
        }"""
    )


def visitors(page: Page) -> int:
    """How many the page has counted."""
    return int(page.evaluate("faceattr.stats.summary().visitors"))


def screen(page: Page, name: str) -> None:
    page.wait_for_selector(f"#kiosk[data-screen={name}]", state="attached")


def press(page: Page, milliseconds: int, *, inset: int = 20) -> None:
    """Holds a finger on the upper right corner."""
    viewport = page.viewport_size
    assert viewport
    page.mouse.move(viewport["width"] - inset, inset)
    page.mouse.down()
    page.wait_for_timeout(milliseconds)
    page.mouse.up()


def until(page: Page, expression: str, seconds: float = 10.0) -> None:
    """Waits until something is true of the page, which may be loaded anew meanwhile.

    Playwright's own wait_for_function evaluates text in the page's next document, against its policy.
    """
    end = time.monotonic() + seconds
    while not _is_true(page, expression):
        assert time.monotonic() < end, expression
        page.wait_for_timeout(50)


def _is_true(page: Page, expression: str) -> bool:
    try:
        return bool(page.evaluate(expression))
    except Error:
        return False  # the page is just being loaded
