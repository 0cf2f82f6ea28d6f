"""Remakes the screenshots of README and docs from the real application: the astronaut, in light mode and English.

    PYTHONPATH=tests python -m browser.screenshots [FOLDER]

FOLDER is `docs` unless given. Needs Chromium, and the development requirements (Playwright, Pillow).
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from faceattr.web.app import create_app
from faceattr.web.pages import TEMPLATES

from . import samples
from .harness import CHROMIUM_ARGS, chromium_path, served

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"screenshot-phone.png": (390, 844, 2), "screenshot-1080p.png": (1920, 1080, 1)}
"""File name → width and height of the window in CSS pixels, device pixels per CSS pixel."""


def main(folder: Path) -> None:
    """Writes every screenshot into the folder and says how large it is."""
    folder.mkdir(parents=True, exist_ok=True)
    app = create_app({"models": str(ROOT / "models")})
    with served(app) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGS)
        for name, (width, height, density) in SIZES.items():
            page = browser.new_page(
                viewport={"width": width, "height": height},
                device_scale_factor=density,
                color_scheme="light",
                locale="en-US",
            )
            page.goto(address)
            for _ in range(2):  # the second time everything is warm, and the times shown are usual ones
                page.set_input_files("#file", samples.ASTRONAUT)
                page.wait_for_selector("[data-state=result]")
            page.evaluate("document.activeElement.blur()")
            data = with_256_colours(page.screenshot())
            (folder / name).write_bytes(data)
            print(f"{folder / name}: {len(data) / 1000:.0f} kB")
            page.close()
        browser.close()


def with_256_colours(png: bytes) -> bytes:
    """The picture on a palette of its own, in which the page's colours are kept: half the size, hard to tell apart."""
    style = (TEMPLATES / "css" / "base.css").read_text(encoding="utf-8")
    light = style[: style.index("@media")]
    kept = [int(pair, 16) for colour in re.findall(r"#([0-9a-f]{6})", light) for pair in re.findall("..", colour)]
    with Image.open(io.BytesIO(png)) as image:
        picture = image.convert("RGB")
    others = 256 - len(kept) // 3
    palette = Image.new("P", (1, 1))
    palette.putpalette(kept + (picture.quantize(others, kmeans=2).getpalette() or [])[: 3 * others])
    out = io.BytesIO()
    picture.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG).save(out, "png", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs")
