"""Runs README's examples of clients as they stand, against the real application."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.browser.harness import served
from tests.conftest import DATA, ROOT

CLIENTS = (ROOT / "README.md").read_text().split("\n## Clients\n")[1].split("\n## ")[0]


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    with served(app) as address:
        yield address.rstrip("/")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(DATA / "astronaut.jpg", tmp_path / "photo.jpg")
    return tmp_path


def example(language: str, address: str) -> str:
    (code,) = re.findall(rf"```{language}\n(.*?)```", CLIENTS, re.DOTALL)
    assert "http://127.0.0.1:5000" in code
    return str(code).replace("http://127.0.0.1:5000", address)


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_section_is_short() -> None:
    assert len(CLIENTS.splitlines()) <= 42


def test_the_shell_example_prints_the_answer(address: str, folder: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("install curl to run README's example of it")
    answer = json.loads(run(["bash", "-c", example("sh", address)], folder))
    assert answer["faces"][0]["gender"]["value"] == "Female"
    assert "result" not in answer


def test_the_javascript_example_prints_the_faces(address: str, folder: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("install Node 20 to run README's example in JavaScript")
    if int(run([node, "--version"], folder).lstrip("v").split(".")[0]) < 20:
        pytest.skip("README's example in JavaScript needs Node 20")
    (folder / "example.mjs").write_text(example("js", address))
    assert run([node, "--no-warnings", "example.mjs"], folder).startswith("Female ")


def test_the_python_example_prints_the_faces_with_a_copy_of_the_client(address: str, folder: Path) -> None:
    shutil.copy(ROOT / "faceattr" / "client.py", folder)
    (folder / "example.py").write_text(example("python", address))
    assert run([sys.executable, "-E", "example.py"], folder).startswith("Female ")
    (folder / "photo.jpg").write_bytes(b"no photo")
    assert run([sys.executable, "-E", "example.py"], folder).startswith("unsupported_image ")
