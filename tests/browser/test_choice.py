"""The choice of a pack, where the service has several."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="install Playwright: pip install -r requirements-dev.txt")

from playwright.sync_api import Page, expect

from faceattr.analyzer import FaceAnalyzer
from faceattr.loader import load_directory
from faceattr.settings import Settings
from faceattr.web.app import create_app
from tests.conftest import BUILT_IN
from tests.flipped_packs import BUILT_IN_NAME, write_manifest

from .harness import served

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(settings: Settings, analyzer: FaceAnalyzer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real application with two packs; in the place of the address that `page` opens otherwise."""
    pack = shutil.copytree(BUILT_IN, tmp_path_factory.mktemp("packs") / "flipped")
    write_manifest(pack, "flipped", flipped=True)
    other = analyzer.with_models(load_directory(Path(pack), analyzer.engine))
    with served(create_app(settings, analyzers={"first": analyzer, "second": other})) as address:
        yield address


def test_the_chosen_pack_answers(page: Page, astronaut: bytes) -> None:
    photo = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": astronaut}
    choice = page.get_by_role("combobox", name="Model", exact=True)
    expect(choice).to_have_value("first")
    for name, pack in (("second", "flipped"), ("first", BUILT_IN_NAME)):
        choice.select_option(name)
        page.set_input_files("#file", photo)  # type: ignore[arg-type]
        expect(page.locator("#model")).to_contain_text(f"Model {pack}")
