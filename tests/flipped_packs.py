"""Packs that can be told from the built-in one by what they find: they call women men, and men women."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tests.conftest import BUILT_IN

BUILT_IN_NAME: str = tomllib.loads((BUILT_IN / "pack.toml").read_text())["pack"]["name"]


def write_manifest(pack: Path, name: str, *, flipped: bool) -> None:
    """Names a copy of the built-in pack, as a whole and at once."""
    text = (BUILT_IN / "pack.toml").read_text().replace(f'name = "{BUILT_IN_NAME}"', f'name = "{name}"')
    if flipped:
        text = re.sub(r'labels = \["(\w+)", "(\w+)"\]', r'labels = ["\2", "\1"]', text)
    part = pack / "pack.toml.part"
    part.write_text(text)
    part.replace(pack / "pack.toml")
