from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest

from faceattr.batch.outcome import Outcome
from faceattr.batch.output import RESULTS, remove_parts
from faceattr.batch.publish import _ABOUT, _TABLES, publish, require
from faceattr.batch.state import Counts
from faceattr.errors import CannotWrite, StateError, WriteFailed
from tests import batch_fakes

ALWAYS = ["faces.csv", "images.csv", "summary.json", "report.html"]


@dataclass
class Finished:
    """Outcomes as the state of a finished run gives them."""

    all: list[Outcome]

    def outcomes(self) -> Iterator[Outcome]:
        return iter(self.all)

    def provenance(self) -> dict[str, Any]:
        return batch_fakes.MADE_BY

    def counts(self) -> Counts:
        faces = sum(len(outcome.faces) for outcome in self.all)
        return Counts(len(self.all), faces, Counter(outcome.outcome for outcome in self.all))


SOME = Finished([Outcome(b"a", "ok", 1, 2, 3, batch_fakes.analysis(2).faces), Outcome(b"b\n", "no_face", 1, 2, 3)])


def nothing() -> None:
    """Nobody interrupts."""


def put(directory: Path, source: Finished = SOME, *formats: str, counts: Counts | None = None) -> list[Path]:
    return publish(directory, ("csv", *formats), source, counts or source.counts(), nothing)


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_tables_summary_and_report_are_always_written(tmp_path: Path) -> None:
    assert put(tmp_path) == [tmp_path / name for name in ALWAYS]
    assert names_in(tmp_path) == sorted(ALWAYS)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["faces"]["total"] == 2
    assert summary["made_by"] == batch_fakes.MADE_BY
    assert "<dd>fake 1</dd>" in (tmp_path / "report.html").read_text()


def test_every_file_of_results_is_known_as_ours() -> None:
    """A later scan of a directory above must not take one for a photo."""
    assert {*_TABLES, *_ABOUT} == RESULTS


def test_other_formats_are_written_as_asked(tmp_path: Path) -> None:
    assert put(tmp_path, SOME, "jsonl")[2] == tmp_path / "faces.jsonl"
    assert len((tmp_path / "faces.jsonl").read_text().splitlines()) == 2


def test_an_earlier_runs_files_stay_until_all_are_complete(tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_text("earlier")

    def interrupted() -> None:
        assert len(names_in(tmp_path)) == 1 + len(ALWAYS)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish(tmp_path, ("csv",), SOME, SOME.counts(), interrupted)
    assert names_in(tmp_path) == ["faces.csv"]
    assert (tmp_path / "faces.csv").read_text() == "earlier"


def test_every_file_and_then_the_directory_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(Path(f"/proc/self/fd/{descriptor}").readlink()))
    put(tmp_path)
    assert [".".join(path.name.split(".")[1:3]) for path in synced[:-1]] == ALWAYS
    assert synced[-1] == tmp_path


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        (Counts(3, 2, Counter()), r"images\.csv.*' has 2 rows instead of 3"),
        (Counts(2, 1, Counter()), r"faces\.csv.*' has 2 rows instead of 1"),
    ],
)
def test_tables_that_have_not_the_rows_of_the_state_are_not_published(
    tmp_path: Path, counts: Counts, sentence: str
) -> None:
    with pytest.raises(WriteFailed, match=sentence):
        put(tmp_path, counts=counts)
    assert names_in(tmp_path) == []


def test_rows_that_did_not_reach_the_disk_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def losing(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name.startswith(".images.csv"):
            os.truncate(descriptor, 60)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", losing)
    with pytest.raises(WriteFailed, match="Check the disk and run the same command again"):
        put(tmp_path)
    assert names_in(tmp_path) == []


def test_full_disk_says_what_to_do_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteFailed, match=r"No space left on device\. Free some space there and run the same command"):
        put(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ALWAYS)
def test_what_is_in_the_way_is_found_before_any_work(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(CannotWrite, match=f"{name} is a directory there"):
        require(tmp_path, ("csv",))
    (tmp_path / name).rmdir()
    require(tmp_path, ("csv",))


def test_a_state_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    class Damaged(Finished):
        def outcomes(self) -> Iterator[Outcome]:
            yield SOME.all[0]
            raise StateError("damaged")

    with pytest.raises(StateError):
        put(tmp_path, Damaged(SOME.all))
    assert names_in(tmp_path) == []


def test_only_what_is_unfinished_is_removed(tmp_path: Path) -> None:
    for name in (".faces.csv.0f.part", ".0a1b.part", "mine.part", ".hidden", "faces.csv"):
        (tmp_path / name).touch()
    (tmp_path / ".d.part").mkdir()
    remove_parts(tmp_path)
    assert names_in(tmp_path) == [".d.part", ".hidden", "faces.csv", "mine.part"]


def test_hostile_names_come_back_from_the_csv_module(tmp_path: Path) -> None:
    paths = sorted([b"=cmd|' /C calc'!A0.jpg", "naïve\n名.jpg".encode(), b"\xff\xfe.jpg"])
    put(tmp_path, Finished([Outcome(path, "ok", 1, 2, 3, batch_fakes.analysis(1).faces) for path in paths]))
    for table in ("faces.csv", "images.csv"):
        with (tmp_path / table).open(encoding="utf-8", newline="") as file:
            assert [unquote_to_bytes(row["path"]) for row in csv.DictReader(file, strict=True)] == paths
