"""What a run makes of results that are in its output directory already."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from faceattr.batch.cli import main
from faceattr.batch.photo import Analyzer
from faceattr.batch.state import State
from faceattr.settings import Settings
from tests import batch_fakes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    directory = tmp_path / "folder"
    directory.mkdir()
    (directory / "a.jpg").write_bytes(b"faces 1")
    (directory / "b.jpg").write_bytes(b"faces 2")
    return directory


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def batch(folder: Path, out: Path, *words: str, load: Callable[[Settings], Analyzer] = batch_fakes.load) -> int:
    return main(["--input_dir", str(folder), "--output_dir", str(out), "--workers", "1", *words], load=load)


def files(out: Path) -> list[str]:
    with (out / "images.csv").open(newline="") as table:
        return [row["file"] for row in csv.DictReader(table)]


def pictures(out: Path) -> list[str]:
    return sorted(path.name for path in (out / "annotated").iterdir())


def test_fresh_keeps_what_was_done_when_the_models_cannot_be_used(folder: Path, out: Path) -> None:
    assert batch(folder, out) == 0
    assert batch(folder, out, "--fresh", load=batch_fakes.load_bad_pack) == 78
    with State(out) as state:
        assert (state.counts().total, state.counts().faces) == (2, 3)


def test_fresh_forgets_what_was_done(folder: Path, out: Path) -> None:
    assert batch(folder, out) == 0
    (folder / "a.jpg").rename(folder / "c.jpg")
    assert batch(folder, out, "--fresh") == 0
    assert files(out) == ["b.jpg", "c.jpg"]


def test_tables_that_are_no_longer_asked_for_do_not_stay_beside_new_ones(folder: Path, out: Path) -> None:
    assert batch(folder, out, "--format", "jsonl") == 0
    assert (out / "faces.jsonl").exists()
    (out / "notes.txt").write_text("mine")
    assert batch(folder, out, "--conf", "0.9") == 0
    assert not (out / "faces.jsonl").exists()
    assert (out / "notes.txt").read_text() == "mine"


def test_pictures_of_photos_that_are_gone_or_fail_now_are_removed(folder: Path, out: Path) -> None:
    (folder / "c.jpg").write_bytes(b"faces 1")
    assert batch(folder, out, "--annotate") == 0
    assert pictures(out) == ["a.jpg.jpg", "b.jpg.jpg", "c.jpg.jpg"]
    (folder / "a.jpg").unlink()
    (folder / "b.jpg").write_bytes(b"truncated")
    assert batch(folder, out, "--annotate") == 3
    assert pictures(out) == ["c.jpg.jpg"]


def test_a_photo_that_fails_where_no_picture_can_be_costs_its_own_row_only(folder: Path, out: Path) -> None:
    assert batch(folder, out, "--annotate") == 0
    (out / "annotated" / "a.jpg.jpg").unlink()
    (out / "annotated" / "a.jpg.jpg").mkdir()
    (folder / "a.jpg").write_bytes(b"faces 3")
    assert batch(folder, out, "--annotate") == 3
    assert "error:annotate_failed" in (out / "images.csv").read_text()


def test_pictures_of_runs_that_are_to_be_forgotten_are_removed(folder: Path, out: Path) -> None:
    assert batch(folder, out, "--annotate") == 0
    (folder / "a.jpg").rename(folder / "c.jpg")
    assert batch(folder, out, "--annotate", "--fresh") == 0
    assert pictures(out) == ["b.jpg.jpg", "c.jpg.jpg"]


@pytest.mark.parametrize("name", ["report.html", "summary.json", "annotated"])
def test_files_that_no_batch_has_written_are_not_replaced(
    folder: Path, out: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out.mkdir()
    (out / name).write_text("mine")
    assert batch(folder, out) == 73
    assert f"has {name}, which no batch has written" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == [name]
    assert (out / name).read_text() == "mine"


def test_fresh_replaces_a_table_but_empties_no_directory_of_somebody_else(
    folder: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (out / "annotated").mkdir(parents=True)
    (out / "annotated" / "mine").write_text("mine")
    (out / "faces.csv").write_text("mine")
    assert batch(folder, out, "--annotate", "--fresh") == 73
    assert "has a annotated" not in capsys.readouterr().err
    assert (out / "annotated" / "mine").read_text() == "mine"
    (out / "annotated").rename(out / "moved")
    assert batch(folder, out, "--annotate", "--fresh") == 0
    assert (out / "faces.csv").read_text() != "mine"


def test_files_that_no_batch_has_written_are_not_replaced_by_a_merge(
    folder: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert batch(folder, out, "--shard", "1/2") == 0
    assert batch(folder, out, "--shard", "2/2") == 0
    elsewhere = out.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "faces.csv").write_text("mine")
    shards = [str(out / f"shard-{number}-of-2") for number in (1, 2)]
    assert main(["merge", "--output_dir", str(elsewhere), *shards]) == 73
    assert (elsewhere / "faces.csv").read_text() == "mine"
    assert main(["merge", "--output_dir", str(out)]) == 0
    assert main(["merge", "--output_dir", str(out)]) == 0
