"""What the page's scripts take for granted of the page: the type check believes it, these tests hold it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flask.testing import FlaskClient

from faceattr.web.pages import SCRIPTS, STYLES, TEMPLATES

SOMETIMES = {"pack"}
"""Only where the service has several packs; its script asks whether it is there."""


def ids_asked_for() -> Iterator[tuple[str, str]]:
    for name in SCRIPTS:
        text = (TEMPLATES / "js" / name).read_text(encoding="utf-8")
        yield from ((name, found) for found in re.findall(r"getElementById\('([\w-]+)'\)", text))


def test_every_element_that_a_script_asks_for_is_in_the_page(client: FlaskClient) -> None:
    html = client.get("/").text + client.get("/?kiosk=1").text
    there = set(re.findall(r'\bid="([\w-]+)"', html))
    asked = list(ids_asked_for())
    assert len(asked) > 10
    assert [(script, name) for script, name in asked if name not in there | SOMETIMES] == []


def test_no_script_or_style_sheet_is_forgotten() -> None:
    assert sorted(SCRIPTS) == sorted(path.name for path in (TEMPLATES / "js").iterdir())
    assert sorted(STYLES) == sorted(path.name for path in (TEMPLATES / "css").iterdir())
