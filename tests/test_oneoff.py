from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import BUILT_IN, DATA, ROOT
from tests.photo_bytes import decoded, encoded


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "faceattr", "analyze", "--models", str(BUILT_IN), *words]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FACEATTR_")}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=120, check=False)


@pytest.fixture(scope="module")
def lying(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("photos") / "lying.jpg"
    path.write_bytes(encoded(np.asarray(cv2.rotate(decoded((DATA / "astronaut.jpg").read_bytes()), cv2.ROTATE_180))))
    return str(path)


def test_analyze_takes_every_option(lying: str) -> None:
    words = "--json --detail high --rotate auto --tta --distribution --conf 0.9 --min-face 20 --max-faces 3"
    ran = analyze(*words.split(), lying)
    assert (ran.returncode, ran.stderr) == (0, "")
    answer = json.loads(ran.stdout)
    assert answer["image"] == {"width": 512, "height": 512, "rotation": 180}
    (face,) = answer["faces"]
    assert face["gender"]["value"] == "Female"
    assert len(face["age"]["distribution"]) == 101


def test_analyze_draws_on_the_photo_as_it_turned_it(lying: str, tmp_path: Path) -> None:
    ran = analyze("--rotate", "auto", "--annotate", str(tmp_path / "drawn.png"), lying)
    assert ran.returncode == 0
    drawn = decoded((tmp_path / "drawn.png").read_bytes())
    upright = decoded((DATA / "astronaut.jpg").read_bytes())
    assert np.median(np.abs(drawn.astype(int) - upright)) < 8


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (["--detail", "fine"], "--detail"),
        (["--rotate", "90"], "--rotate"),
        (["--min-face", "0"], "--min-face: must be a whole number from 1 to 16384"),
        (["--distribution"], "add --json"),
    ],
)
def test_a_wrong_option_is_wrong_usage(words: list[str], cause: str, lying: str) -> None:
    ran = analyze(*words, lying)
    assert (ran.returncode, ran.stdout) == (64, "")
    assert cause in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_picture_that_cannot_be_written_whole_leaves_the_one_before(lying: str, tmp_path: Path) -> None:
    target = tmp_path / "drawn.png"
    target.write_bytes(b"the one before")
    words = ["-m", "faceattr", "analyze", "--models", str(BUILT_IN), "--annotate", str(target), lying]
    limited = ["sh", "-c", 'ulimit -f 20; exec "$@"', "sh", sys.executable, *words]
    ran = subprocess.run(limited, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    assert ran.returncode == 73
    assert f"cannot write {target}" in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["drawn.png"]
    assert target.read_bytes() == b"the one before"


def test_names_do_not_drive_the_terminal(lying: str, tmp_path: Path) -> None:
    hostile = tmp_path / "a\nb\x1b[31m.jpg"
    hostile.write_bytes(Path(lying).read_bytes())
    broken = tmp_path / "c\x07.jpg"
    broken.write_bytes(b"no photo")
    ran = analyze("--rotate", "auto", str(hostile), str(broken))
    assert "\x1b" not in ran.stdout + ran.stderr
    assert "\x07" not in ran.stdout + ran.stderr
    assert "a\\nb\\x1b[31m.jpg: 1 face in" in ran.stdout
    assert "c\\x07.jpg: " in ran.stderr
