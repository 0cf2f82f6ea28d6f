"""Every main screen of the page in every size, light and dark, in English and Chinese, for people to look at.

    PYTHONPATH=. python -m tests.browser.screens FOLDER [PART_OF_A_NAME]

From the real application, with the astronaut as photo and before the camera. Writes SCREEN-SIZE-LANGUAGE-COLOURS.png,
all of them or those whose name has the part. Needs Chromium and the development requirements (Playwright).
"""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from playwright.sync_api import FilePayload, Page, ViewportSize, sync_playwright

from faceattr.settings import Settings
from faceattr.web.app import create_app

from . import samples
from .camera_files import CAMERA_ARGS, film
from .harness import CHROMIUM_ARGS, chromium_path, served

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"390x844": 2, "1080x1920": 1, "1920x1080": 1, "3840x2160": 1, "2160x3840": 1}
"""Width and height of the window in CSS pixels: device pixels per CSS pixel."""
LANGUAGES = {"en": "en-US", "zh": "zh-CN"}
COLOURS: tuple[Literal["light", "dark"], ...] = ("light", "dark")
TOKEN = "screens-4f9d1c77e2-screens"
_VISITS = """() => {
  const now = performance.now();
  for (let index = 0; index < 400; index += 1) {
    const seconds = 5 + (index * 37) % 90;
    const since = now - 1000 * (((index * index * 13) % 39_000) + seconds);
    const [value, years] = [index % 9 < 5 ? 'Female' : 'Male', 3 + (index * 53) % 78];
    faceattr.stats.add({ value, years, frames: 30, since, seen: since + 1000 * seconds });
  }
}"""


def start(page: Page) -> None:
    page.goto(page.url)


def result(page: Page) -> None:
    page.set_input_files("#file", samples.ASTRONAUT)
    page.wait_for_selector("#page[data-state=result]")
    page.evaluate("document.activeElement.blur()")


def several(page: Page) -> None:
    photos = (samples.ASTRONAUT.read_bytes(), samples.astronaut_lying(), samples.no_face())
    page.set_input_files("#file", [FilePayload(name="a.jpg", mimeType="image/jpeg", buffer=each) for each in photos])
    page.wait_for_function("faceattr.queue.all().length > 2 && !faceattr.queue.unfinished()")
    page.wait_for_selector("#page[data-state=result]")


def live(page: Page) -> None:
    page.locator("#go-live").click()
    page.locator(".live-box.believed").first.wait_for(timeout=60_000)
    page.wait_for_timeout(1000)


def kiosk(page: Page) -> None:
    page.goto(f"{page.url}?kiosk=1")
    page.wait_for_timeout(1200)


def notice(page: Page) -> None:
    kiosk(page)
    page.evaluate("faceattr.settings.set('photos', true)")
    page.locator("#attract-begin").click()
    page.evaluate("document.activeElement.blur()")


def visit(page: Page) -> None:
    notice(page)
    page.locator("#consent-agree").click()
    page.locator(".live-box.believed").first.wait_for(timeout=60_000)
    page.wait_for_timeout(1000)


def staff(page: Page) -> None:
    kiosk(page)
    page.locator("#corner").focus()
    page.keyboard.press("Enter")
    page.locator("#staff[open]").wait_for()


def pin(page: Page) -> None:
    kiosk(page)
    page.evaluate("faceattr.pinpad.open(() => {})")


def statistics(page: Page) -> None:
    page.evaluate(_VISITS)
    page.evaluate("location.hash = 'stats'")
    page.locator("#stats[open]").wait_for()


def login(page: Page) -> None:
    page.evaluate("document.activeElement.blur()")


SCREENS: dict[str, Callable[[Page], None]] = {
    each.__name__: each for each in (start, result, several, live, kiosk, notice, visit, staff, pin, statistics, login)
}


def main(folder: Path, part: str) -> None:
    """Writes the screens whose name has that part into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        tokens = Path(place, "tokens")
        tokens.write_text(f"screens:{TOKEN}\n")
        tokens.chmod(0o600)
        camera = film(Path(place, "camera.mjpeg"), [samples.ASTRONAUT.read_bytes()])
        args = [*CHROMIUM_ARGS, *CAMERA_ARGS, f"--use-file-for-fake-video-capture={camera}"]
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=args)
        models = str(ROOT / "models")
        door = Settings(models=models, token_file=str(tokens))
        with served(create_app({"models": models})) as address, served(create_app(door)) as closed:
            for name, size, language, colours in itertools.product(SCREENS, SIZES, LANGUAGES, COLOURS):
                file = folder / f"{name}-{size}-{language}-{colours}.png"
                if part not in file.name:
                    continue
                page = browser.new_page(
                    viewport=viewport(size),
                    device_scale_factor=SIZES[size],
                    color_scheme=colours,
                    locale=LANGUAGES[language],
                    timezone_id="UTC",
                    bypass_csp=True,  # for Playwright's own wait_for_function
                )
                page.goto(closed if name == "login" else address)
                SCREENS[name](page)
                page.screenshot(path=file)
                print(file)
                page.close()
        browser.close()


def viewport(size: str) -> ViewportSize:
    width, height = map(int, size.split("x"))
    return {"width": width, "height": height}


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
