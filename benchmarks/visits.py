"""What visit after visit leaves in the memory of the kiosk's page: a part of `python -m benchmarks.kiosk --minutes 30`.

A minute of use is two visits, and at ten frames a second 300 frames for each. Visitors touch the screen, read the
notice, agree, and look at themselves; one walks off, so that the page finds that nobody is there, the next says first
no and then yes and ends by the button, one sends a photo, and after one staff look at the corner and the statistics.
After every visit garbage is collected and what is left is noted.

Accelerated is this: one visitor follows the other at once, frames go as fast as they are answered, twice as fast as
that or more where nothing else runs, and a kiosk that is left goes back after ten seconds. Everything else is real, the
camera's stream, every frame and every answer; to walk off is to cover the lens.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from playwright.sync_api import CDPSession, Page, ViewportSize

from benchmarks.load import Bound
from tests.browser.samples import ASTRONAUT

VISITS_A_MINUTE = 2
FRAMES_A_VISIT = 300
ROUND = 4
"""Visits until each kind has been there."""
LEAST_VISITS = 4 * ROUND
FLAT: tuple[tuple[str, str, float, Callable[[Held], float]], ...]


@dataclass(frozen=True, slots=True)
class Held:
    """What the page holds after a visit, garbage collected."""

    heap_mb: float
    nodes: int
    listeners: int


FLAT = (
    ("JS heap", "MB", 5, lambda held: held.heap_mb),
    ("DOM nodes", "", 200, lambda held: held.nodes),
    ("event listeners", "", 20, lambda held: held.listeners),
)
"""What must be flat, and by how much it may grow."""

_SCREEN: ViewportSize = {"width": 480, "height": 800}
"""Little to draw: the memory does not depend on it, and frames come sooner."""
_SETTINGS = "localStorage.setItem('faceattr', JSON.stringify({ idleSeconds: 10, photos: true }))"
_FRAMES = """(count) => new Promise((resolve) => {
  window.left = count;
  window.enough = resolve;
})"""
_COUNT = "faceattr.live.onTracks(() => { if (window.left > 0 && --window.left === 0) window.enough(); })"
_COVER_LENS = "faceattr.camera.video.srcObject.getVideoTracks()[0].enabled = false"
_LEAK = """() => {
  window.kept = [];
  faceattr.live.onTracks((tracks) => kept.push([...tracks, Array(2000).fill(performance.now())]));
}"""


def visits_in(minutes: float) -> int:
    return round(minutes * VISITS_A_MINUTE)


def judge(samples: Sequence[Held]) -> list[Bound]:
    """How much more the last round of visits left than the second; the first is the way up.

    Raises ValueError for fewer visits than LEAST_VISITS.
    """
    if len(samples) < LEAST_VISITS:
        raise ValueError(f"{len(samples)} visits are too few to judge, at least {LEAST_VISITS} are needed")
    return [
        Bound(f"growth of {name}", statistics.median(last) - statistics.median(first), most, unit)
        for name, unit, most, value_of in FLAT
        for values in [[value_of(sample) for sample in samples]]
        for first, last in [(values[ROUND : 2 * ROUND], values[-ROUND:])]
    ]


def table(samples: Sequence[Held]) -> str:
    """The rounds' medians, five of them, in Markdown."""
    last = len(samples) // ROUND
    chosen = [1 + round(part * (last - 1) / 4) for part in range(5)]
    lines = [f"| after visits | {' | '.join(str(ROUND * number) for number in chosen)} |", "|---" * 6 + "|"]
    for name, unit, _, value_of in FLAT:
        shown = " | ".join(f"{statistics.median(map(value_of, of_round(samples, number))):.2f}" for number in chosen)
        lines.append(f"| {f'{name} {unit}'.strip()} | {shown} |")
    return "\n".join(lines)


def of_round(samples: Sequence[Held], number: int) -> Sequence[Held]:
    """What was held after the visits of a round; the first is 1."""
    return samples[ROUND * (number - 1) : ROUND * number]


def stay(page: Page, count: int, frames: int, *, leak: bool) -> list[Held]:
    """So many visits of so many frames; what the page held after each. With `leak`, of a page that leaks."""
    page.set_viewport_size(_SCREEN)
    page.evaluate(_SETTINGS)
    page.reload()
    page.evaluate(_COUNT)
    if leak:
        page.evaluate(_LEAK)
    page.set_default_timeout(120_000)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    samples, begin = list[Held](), time.perf_counter()
    for number in range(count):
        (_walks_off, _hesitates, _sends_a_photo, _is_followed_by_staff)[number % ROUND](page, frames)
        page.wait_for_selector("#kiosk[data-screen=attract]", state="attached")
        samples.append(held(session))
        print(f"\rvisit {number + 1}: {time.perf_counter() - begin:.0f} s, {samples[-1]}", end="", file=sys.stderr)
    print(file=sys.stderr)
    return samples


def held(session: CDPSession) -> Held:
    """What is left when garbage has been collected."""
    session.send("HeapProfiler.collectGarbage")
    metrics = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
    return Held(metrics["JSHeapUsedSize"] / 1e6, int(metrics["Nodes"]), int(metrics["JSEventListeners"]))


def _look(page: Page, frames: int) -> None:
    """From the agreement on, so many frames."""
    page.locator("#consent-agree").click()
    page.evaluate(_FRAMES, frames)


def _walks_off(page: Page, frames: int) -> None:
    page.locator("#attract-begin").click()
    _look(page, frames)
    page.evaluate(_COVER_LENS)


def _hesitates(page: Page, frames: int) -> None:
    page.locator("#attract-begin").click()
    page.locator("#consent-no").click()
    page.locator("#attract-begin").click()
    _look(page, frames)
    page.locator("#visit-finish").click()


def _sends_a_photo(page: Page, frames: int) -> None:
    page.locator("#attract-begin").click()
    page.locator("#consent-photo").click()
    page.set_input_files("#file", ASTRONAUT)
    page.wait_for_selector("#page[data-state=result]")
    page.locator("#visit-finish").click()
    page.locator("#attract-begin").click()
    _look(page, frames)
    page.locator("#visit-finish").click()


def _is_followed_by_staff(page: Page, frames: int) -> None:
    page.locator("#attract-begin").click()
    _look(page, frames)
    page.locator("#visit-finish").click()
    page.locator("#corner").focus()
    page.keyboard.press("Enter")
    page.locator("#staff-statistics").click()
    page.locator("#stats-close").click()
    page.locator("#staff-close").click()
