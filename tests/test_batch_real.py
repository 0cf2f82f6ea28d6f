"""The batch command as users run it: its own process, the built-in pack, real photos."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def cli_batch(folder: Path, out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "cli_batch.py", "--input_dir", str(folder), "--output_dir", str(out)]
    return subprocess.run([*command, *words], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.fixture
def folder(tmp_path: Path, astronaut: bytes) -> Path:
    directory = tmp_path / "folder"
    directory.mkdir()
    (directory / "astronaut.jpg").write_bytes(astronaut)
    (directory / "half.jpg").write_bytes(astronaut[:40_000])
    (directory / "empty.jpg").touch()
    (directory / "notes.txt").write_text("no photo")
    return directory


def test_every_file_is_judged_by_its_content(folder: Path, tmp_path: Path) -> None:
    done = cli_batch(folder, tmp_path / "out", "--annotate")
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.splitlines()[0].startswith("pack ")
    assert done.stderr.splitlines()[-2].startswith("4 files: error:empty_image 1, error:truncated_image 1, ")
    assert [(row["path"], row["outcome"]) for row in rows(tmp_path / "out" / "images.csv")] == [
        ("astronaut.jpg", "ok"),
        ("empty.jpg", "error:empty_image"),
        ("half.jpg", "error:truncated_image"),
        ("notes.txt", "error:unsupported_image"),
    ]
    [face] = rows(tmp_path / "out" / "faces.csv")
    assert (face["path"], face["face"], face["gender"]) == ("astronaut.jpg", "1", "Female")
    assert 20 <= float(face["age_years"]) <= 50
    [picture] = (tmp_path / "out" / "annotated").iterdir()
    assert picture.name == "astronaut.jpg.jpg"
    assert picture.read_bytes()[:3] == b"\xff\xd8\xff"


def test_spoiled_pack_is_78_with_one_sentence(folder: Path, tmp_path: Path, pack: Path) -> None:
    (pack / "age_net.caffemodel").write_bytes(b"<html>")
    done = cli_batch(folder, tmp_path / "out", "--models", str(pack))
    assert done.returncode == 78
    assert "age_net.caffemodel" in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")] == []


def test_engine_and_precision_are_chosen_and_said(folder: Path, tmp_path: Path) -> None:
    refused = cli_batch(folder, tmp_path / "refused", "--engine", "opencv", "--precision", "bf16")
    assert refused.returncode == 78
    assert "Engine 'opencv' has no precision 'bf16'" in refused.stderr
    done = cli_batch(folder, tmp_path / "out", "--engine", "opencv")
    assert done.returncode == 3
    made_by = json.loads((tmp_path / "out" / "summary.json").read_text())["made_by"]
    assert (made_by["engine"], made_by["precision"]) == ("opencv", "f32")


def test_reference_photos_have_each_a_row_and_plausible_ages(photos: Path, tmp_path: Path) -> None:
    assert cli_batch(photos, tmp_path).returncode == 0
    images = {row["path"]: row for row in rows(tmp_path / "images.csv")}
    assert sorted(images) == sorted(path.name for path in photos.iterdir())
    assert images["background.jpg"]["outcome"] == "no_face"
    assert int(images["stock-group-1.jpg"]["faces"]) >= 10
    faces = rows(tmp_path / "faces.csv")
    [man] = [row for row in faces if row["path"] == "man1.jpg"]
    assert man["gender"] == "Male"
    assert 55 <= float(man["age_years"]) <= 80
    assert all(0 <= float(row["age_years"]) <= 100 for row in faces)
