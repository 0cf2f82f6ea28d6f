"""Driving the live view: what its tests share."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page

PATIENCE_S = 30
WATCH_REQUESTS = """() => {
  const { fetch } = window;
  window.sent = { all: 0, now: 0, most: 0 };
  window.fetch = async (address, ...more) => {
    if (!String(address).startsWith('analyze')) return fetch(address, ...more);
    sent.all += 1;
    sent.most = Math.max(sent.most, ++sent.now);
    try {
      return await fetch(address, ...more);
    } finally {
      sent.now -= 1;
    }
  };
}"""


def go_live(page: Page) -> None:
    page.get_by_role("button", name="Live camera").or_(page.get_by_role("button", name="实时摄像头")).click()


def wait_for(page: Page, truth: str) -> None:
    """Until the JavaScript expression is true. Playwright's own way breaks the page's policy."""
    deadline = time.monotonic() + PATIENCE_S
    while not page.evaluate(f"Boolean({truth})"):
        assert time.monotonic() < deadline, truth
        page.wait_for_timeout(50)


def camera_runs(page: Page) -> None:
    wait_for(page, "faceattr.camera.state() === 'running'")


def faces_are_seen(page: Page, count: int = 1) -> None:
    wait_for(
        page, f"faceattr.live.faces() === {count} && document.querySelectorAll('.live-box.believed').length === {count}"
    )


def count_of_answers(page: Page) -> int:
    return int(page.evaluate("sent.all - sent.now"))


def record_tracks(page: Page, frames: int) -> list[list[dict[str, Any]]]:
    """What the view says of the next frames, each its list of tracks."""
    recorded: list[list[dict[str, Any]]] = page.evaluate(
        """(frames) => new Promise((resolve) => {
          const seen = [];
          faceattr.live.onTracks((tracks) => {
            seen.push(structuredClone(tracks));
            if (seen.length === frames) resolve(seen);
          });
        })""",
        frames,
    )
    return recorded
