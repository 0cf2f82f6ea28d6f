"""The kiosk with real faces before its camera: `python -m benchmarks.kiosk [--minutes 30] [--leak]`.

Starts `python -m faceattr serve` with all its defaults and headless Chromium, both on the same two cores, and opens the
kiosk before a fake camera that plays a film of a face. Prints how many frames a second are analysed; whether every face
keeps its track, and the track its gender, for ten seconds: the astronaut, then, with FACEATTR_TEST_PHOTOS, portraits of
that folder, two at a time; and what the page must never do: ask another host, break its policy, log an error.

With --minutes, what as many minutes of use leave in its memory: see benchmarks.visits. With --leak a page that leaks
is measured instead, and the same rule must find it. Exits 1 when a bound is broken.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, Playwright, sync_playwright

from benchmarks.load import Bound
from benchmarks.service import service
from benchmarks.tree import family
from benchmarks.visits import FRAMES_A_VISIT, LEAST_VISITS, judge, stay, table, visits_in
from benchmarks.watching import processor_s
from tests.browser.camera_files import CAMERA_ARGS, film
from tests.browser.harness import CHROMIUM_ARGS, Watch, chromium_path
from tests.browser.samples import ASTRONAUT

CORES = 2
LEAST_RATE = 10
STEADY_S = 10.0
SETTLE_S = 2.0
PORTRAITS = ("girl1.jpg", "kid1.jpg", "man1.jpg", "person-tasia.jpg", "person-vlado.jpg", "woman1.jpg")
_RECORD = """(milliseconds) => new Promise((resolve) => {
  const frames = [];
  faceattr.live.onTracks((tracks) => frames.push(tracks.map(({ id, value }) => [id, value])));
  setTimeout(() => resolve(frames), milliseconds);
})"""

Frame = Sequence[tuple[int, str]]
"""The tracks that were on show after an answer: id and gender."""


def gone(frames: Sequence[Frame]) -> int:
    """How many tracks there were that the first frame had not, or a later one had no more."""
    sets = [frozenset(number for number, _ in frame) for frame in frames] or [frozenset[int]()]
    return len(sets[0].union(*sets)) - len(sets[0].intersection(*sets))


def flips(frames: Sequence[Frame]) -> int:
    """How often a track's gender was not the one that it had in the frame before."""
    last: dict[int, str] = {}
    count = 0
    for frame in frames:
        count += sum(last.get(number, value) != value for number, value in frame)
        last |= dict(frame)
    return count


@contextmanager
def kiosk(playwright: Playwright, address: str, camera: Path, size: tuple[int, int], watch: Watch) -> Iterator[Page]:
    """The kiosk in a browser of its own, as its camera is a switch of the browser."""
    args = [*CHROMIUM_ARGS, *CAMERA_ARGS, f"--use-file-for-fake-video-capture={camera}"]
    browser = playwright.chromium.launch(executable_path=chromium_path(), args=args)
    try:
        page = browser.new_page(viewport={"width": size[0], "height": size[1]}, locale="en-US")
        watch.begin(page)
        page.goto(f"{address}?kiosk=1")
        yield page
        watch.end()
    finally:
        browser.close()


def begin_visit(page: Page) -> None:
    """Touches the screen and agrees."""
    page.locator("#attract-begin").click()
    page.locator("#consent-agree").click()
    page.locator(".live-box.believed").first.wait_for(timeout=60_000)
    page.wait_for_timeout(SETTLE_S * 1000)


def photos_of(folder: str | None) -> list[list[bytes]]:
    """The astronaut alone, then portraits of the folder, two at a time."""
    found = [path for path in (Path(folder, name) for name in PORTRAITS) if path.is_file()] if folder else []
    pairs = [found[at : at + 2] for at in range(0, len(found), 2)]
    return [[path.read_bytes() for path in each] for each in ([ASTRONAUT], *pairs)]


def steadiness(playwright: Playwright, address: str, pid: int, parsed: argparse.Namespace, watch: Watch) -> list[Bound]:
    """Shows one film after the other to the kiosk, and prints what came of each."""
    rate, lost, flipped = 0.0, 0, 0
    print("| film | seconds | faces | frames/s | tracks that came or went | gender flips |\n|---|---|---|---|---|---|")
    for number, photos in enumerate(photos_of(os.environ.get("FACEATTR_TEST_PHOTOS"))):
        camera = film(Path(parsed.folder, f"{number}.mjpeg"), photos)
        seconds = STEADY_S if number else parsed.seconds
        with kiosk(playwright, address, camera, parsed.size, watch) as page:
            begin_visit(page)
            before = taken(pid)
            frames: list[Frame] = page.evaluate(_RECORD, seconds * 1000)
            cores = [(now - then) / seconds for now, then in zip(taken(pid), before, strict=True)]
        rate = rate or len(frames) / seconds
        lost, flipped = lost + gone(frames), flipped + flips(frames)
        faces = len(frames[-1]) if frames else 0
        print(f"| {number} | {seconds:g} | {faces} | {len(frames) / seconds:.1f} | {gone(frames)} | {flips(frames)} |")
        if not number:
            used = f"of {CORES} cores the service took {cores[0]:.2f}, the browser {cores[1]:.2f}"
    print(f"\nwith the first film, {used}")
    return [
        Bound("analysed frames a second", rate, LEAST_RATE, least=True),
        Bound("tracks that came or went", lost, 0),
        Bound("gender flips", flipped, 0),
    ]


def taken(pid: int) -> tuple[float, float]:
    """Processor seconds of the service, and of all else that this process has started: the browser and its driver."""
    served = family(pid)
    others = set(family(os.getpid())) - {os.getpid(), *served}
    return sum(map(processor_s, served)), sum(map(processor_s, others))


def measure(parsed: argparse.Namespace) -> list[Bound]:
    """Lets the kiosk be used and prints what came of it; what it is held against."""
    with service() as (port, pid, _), sync_playwright() as playwright:
        address = f"http://127.0.0.1:{port}/"
        watch = Watch(address)
        bounds = steadiness(playwright, address, pid, parsed, watch)
        if parsed.minutes:
            camera = film(Path(parsed.folder, "visits.mjpeg"), [ASTRONAUT.read_bytes()])
            with kiosk(playwright, address, camera, parsed.size, watch) as page:
                samples = stay(page, visits_in(parsed.minutes), parsed.frames, leak=parsed.leak)
            print(f"\n{len(samples)} visits of {parsed.frames} frames\n\n{table(samples)}")
            bounds += judge(samples)
    for words in (*watch.strangers, *watch.violations, *watch.errors):
        print(words)
    return [
        *bounds,
        Bound("requests to other hosts", len(watch.strangers), 0),
        Bound("breaches of the policy", len(watch.violations), 0),
        Bound("errors and warnings in the console", len(watch.errors), 0),
    ]


def main() -> int:
    """The exit code: 0 when every bound holds, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15.0, help="to count frames in (default 15)")
    parser.add_argument("--minutes", type=float, default=0.0, help="of use whose memory is measured (default none)")
    parser.add_argument("--frames", type=int, default=FRAMES_A_VISIT, help="of a visit (default 300)")
    parser.add_argument("--size", type=size_of, default="1080x1920", help="of the screen (default 1080x1920)")
    parser.add_argument("--leak", action="store_true", help="measure a page that leaks: a bound must break")
    parsed = parser.parse_args()
    if parsed.minutes and visits_in(parsed.minutes) < LEAST_VISITS:
        parser.error(f"--minutes must be at least {LEAST_VISITS / visits_in(1):g}")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with tempfile.TemporaryDirectory() as parsed.folder:
        bounds = measure(parsed)
    print("\n| | measured | bound | |\n|---|---|---|---|", *bounds, sep="\n")
    return 0 if all(bound.holds for bound in bounds) else 1


def size_of(text: str) -> tuple[int, int]:
    width, height = map(int, text.split("x"))
    return width, height


if __name__ == "__main__":
    sys.exit(main())
