"""Holds README and the files it speaks of to the code."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from faceattr.options import Options
from faceattr.settings import Settings
from faceattr.types import Analysis
from faceattr.web.problems import PROBLEMS
from tests.conftest import BUILT_IN, ROOT

README = (ROOT / "README.md").read_text()
LATER = {"not_ready"}
"""Codes whose cause this version does not have yet."""


def test_every_option_is_documented_with_its_default() -> None:
    for field in dataclasses.fields(Options):
        default = "the pack's" if field.default is None else str(field.default).lower()
        assert f"| `{field.name}` | {default} |" in README


def test_every_error_code_is_documented() -> None:
    assert {code for code in PROBLEMS if f"`{code}`" not in README} == LATER


def test_every_variable_that_readme_names_is_a_setting() -> None:
    names = {"FACEATTR_" + field.name.upper() for field in dataclasses.fields(Settings)}
    named = set(re.findall(r"FACEATTR_\w+", README)) - {"FACEATTR_TEST_PHOTOS", "FACEATTR_TEST_MODELS"}
    assert named <= names
    assert "FACEATTR_MODELS" in named


def test_every_limit_is_documented_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `FACEATTR_(\w+)` \| (\d+) \|", README, re.MULTILINE))
    assert {"WAITING", "READ_SECONDS", "CONNECTIONS", "DRAIN_SECONDS"} <= set(rows)
    assert {name: getattr(Settings(), name.lower()) for name in rows} == {name: int(row) for name, row in rows.items()}


def test_every_file_that_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_the_card_states_the_pack_that_is_there() -> None:
    manifest = tomllib.loads((BUILT_IN / "pack.toml").read_text())
    card = (BUILT_IN / "README.md").read_text()
    assert f"{manifest['pack']['name']} {manifest['pack']['version']}" in card
    assert f"confidence of {manifest['detector']['min_confidence']}" in card
    for file, digest in manifest["sha256"].items():
        assert f"{digest}  {file}" in card
    assert len(list(BUILT_IN.glob("*.caffemodel"))) == 3


def test_opencv_5_is_kept_out_where_it_would_have_to_read_caffe() -> None:
    core = (ROOT / "requirements-core.txt").read_text()
    assert "opencv-python-headless>=4.11,<5" in core
    assert sum(not line.startswith("#") for line in core.splitlines()) == 4


@pytest.mark.parametrize("path", ["scripts/serve", "scripts/test", ".ci/run"])
def test_what_readme_calls_can_be_run(path: str) -> None:
    file = ROOT / path
    assert file.stat().st_mode & 0o111
    assert "set -euo pipefail" in file.read_text()


def test_the_image_gets_every_package_directory() -> None:
    dockerfile, ignored = (ROOT / "Dockerfile").read_text(), (ROOT / ".dockerignore").read_text()
    for name in ("faceattr/", "models/", "templates/", "cli_batch.py", "requirements.txt"):
        assert name in dockerfile
        assert f"!{name}" in ignored
    assert "curl" not in dockerfile


def test_the_python_example_uses_what_there_is() -> None:
    (example,) = (code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "FaceAnalyzer" in code)
    compile(example, "README.md", "exec")
    assert {"faces", "picture"} <= {field.name for field in dataclasses.fields(Analysis)}
    assert Path("photo.jpg").name in example
