"""The page at `/`: one HTML answer with its css and js inside, under a strict content security policy."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request
from markupsafe import Markup

from faceattr.web.headers import SECURITY_HEADERS

TEMPLATES = Path(__file__).parents[2] / "templates"
LANGUAGES = {"en": "en", "zh": "zh-Hans"}
"""Languages of the page: primary subtag as browsers ask for it → `lang` of the HTML."""
LANGUAGE_NAMES = {"en": "English", "zh": "中文"}
"""What those who speak them call them."""

WORDINGS = ("page", "photos", "live", "kiosk", "stats")
"""The files that hold the wording of a language; no two have a key in common."""
STYLES = (
    "base.css",
    "stage.css",
    "panel.css",
    "cards.css",
    "photos.css",
    "live.css",
    "kiosk.css",
    "attract.css",
    "staff.css",
    "stats.css",
)
SCRIPTS = (
    "wording.js",
    "settings.js",
    "views.js",
    "api.js",
    "photo.js",
    "boxes.js",
    "curve.js",
    "cards.js",
    "highlight.js",
    "intake.js",
    "queue.js",
    "strip.js",
    "saves.js",
    "showing.js",
    "head.js",
    "page.js",
    "motion.js",
    "track.js",
    "tracking.js",
    "pace.js",
    "devices.js",
    "camera.js",
    "shot.js",
    "live.js",
    "captions.js",
    "overlay.js",
    "trouble.js",
    "person.js",
    "people.js",
    "controls.js",
    "hours.js",
    "visitors.js",
    "charts.js",
    "stats.js",
    "language.js",
    "idle.js",
    "wake.js",
    "restart.js",
    "watchdog.js",
    "attract.js",
    "corner.js",
    "pinpad.js",
    "staff.js",
    "kiosk.js",
)
"""The page's style sheets and scripts in the order in which they build on each other."""


@dataclass(frozen=True, slots=True)
class PageInfo:
    """What the page tells its users about the server: the pack that answers, and what a photo may be."""

    pack: str
    version: str
    max_image_bytes: int = 10_000_000
    formats: tuple[str, ...] = ("JPEG", "PNG", "WebP", "BMP", "GIF", "TIFF")
    models: tuple[str, ...] = ()
    """What requests may name as `model`, the default first; with several, the page has a choice."""


def create_pages(info: Callable[[], PageInfo], *, kiosk: bool = False) -> Blueprint:
    """The blueprint `pages` with GET `/`. Reads wording, css and js once, so that a missing file is found at start.

    `info`: asked for what it says each time that the page is. `kiosk`: whether it is one unless its address says.
    """
    pages = Blueprint("pages", __name__, template_folder=str(TEMPLATES))
    wordings = {language: read_wording(language) for language in LANGUAGES}
    styles = [read_verbatim(f"css/{name}") for name in STYLES]
    scripts = [read_verbatim(f"js/{name}") for name in SCRIPTS]

    @pages.get("/")
    def page() -> Response:
        language = preferred_language((request.args.get("lang", ""), *request.accept_languages.values()))
        nonce = secrets.token_urlsafe(16)
        html = render_template(
            "index.html",
            lang=LANGUAGES[language],
            text=wordings[language],
            info=info(),
            languages=LANGUAGE_NAMES,
            kiosk=request.args.get("kiosk", "1" if kiosk else "0") == "1",
            styles=styles,
            scripts=scripts,
            nonce=nonce,
        )
        response = make_response(html)
        response.headers.update(SECURITY_HEADERS)
        response.headers["Vary"] = "Accept-Language"
        response.headers["Content-Security-Policy"] = content_security_policy(nonce)
        return response

    return pages


def preferred_language(accepted: Iterable[str]) -> str:
    """The first of the browser's languages, best first, that the page speaks; English when it speaks none."""
    primary_subtags = (tag.replace("_", "-").partition("-")[0].lower() for tag in accepted)
    return next((subtag for subtag in primary_subtags if subtag in LANGUAGES), "en")


def content_security_policy(nonce: str) -> str:
    """Only this answer's own script and style run; pictures come from the page itself, data goes to this server."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            f"style-src 'nonce-{nonce}'",
            "img-src blob: data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def read_verbatim(path: str) -> Markup:
    """A css or js file as it is: Jinja would read the braces of `{{a: number}}` in its comments as its own."""
    return Markup((TEMPLATES / path).read_text(encoding="utf-8"))  # noqa: S704 - our own files, nothing of a request


def read_wording(language: str) -> Mapping[str, Any]:
    """What the page says in one of LANGUAGES: what its files say, joined."""
    wording: dict[str, Any] = {}
    for part in WORDINGS:
        wording |= json.loads((TEMPLATES / "text" / language / f"{part}.json").read_text(encoding="utf-8"))
    return wording
