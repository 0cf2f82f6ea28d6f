from __future__ import annotations

import os
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from faceattr.analyzer import FaceAnalyzer
from faceattr.settings import Settings
from faceattr.web.app import create_app

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(__file__).parent / "data"
BUILT_IN = ROOT / "models"
MANIFEST = tomllib.loads((BUILT_IN / "pack.toml").read_text())
PACK = MANIFEST["pack"]["name"]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see the built-in pack and the defaults, whatever the machine they run on has."""
    for name in os.environ:
        if name.startswith("FACEATTR_") and not name.startswith("FACEATTR_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("FACEATTR_MODELS", str(BUILT_IN))


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings(models=str(BUILT_IN), slots=2)


@pytest.fixture(scope="session")
def analyzer(settings: Settings) -> FaceAnalyzer:
    return FaceAnalyzer.from_settings(settings)


@pytest.fixture
def app(settings: Settings, analyzer: FaceAnalyzer) -> Flask:
    return create_app(settings, analyzer=analyzer)


@pytest.fixture
def client(app: Flask) -> Iterator[FlaskClient]:
    with app.test_client() as client:
        yield client


@pytest.fixture(scope="session")
def astronaut() -> bytes:
    """A 512×512 photo with one face (NASA, public domain)."""
    return (DATA / "astronaut.jpg").read_bytes()


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A copy of the built-in pack to spoil."""
    copy = tmp_path / "pack"
    shutil.copytree(BUILT_IN, copy)
    return copy


@pytest.fixture
def unprivileged() -> list[str]:
    """What to put before a command to make it subject to permissions, which root otherwise is not."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root passes every permission check, and there is no setpriv (util-linux) to give that up")
    return ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search"]


def _folder(variable: str, what: str) -> Path:
    folder = os.environ.get(variable)
    if not folder:
        pytest.skip(f"set {variable} to the folder of {what} to run this test")
    return Path(folder)


@pytest.fixture
def photos() -> Path:
    return _folder("FACEATTR_TEST_PHOTOS", "reference photos")


@pytest.fixture
def reference_models() -> Path:
    return _folder("FACEATTR_TEST_MODELS", "public reference models")
