from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from faceattr.batch.outcome import Outcome, error
from faceattr.batch.summary import AGES, BINS, Summary, Tally, age_group
from faceattr.types import Age, Detection, Face, Gender
from tests import batch_fakes


def face(gender: str = "Female", years: float = 30.0, probability: float = 0.9, confidence: float = 0.8) -> Face:
    some = batch_fakes.face(0, confidence)
    return dataclasses.replace(
        some,
        detection=Detection(some.detection.box, confidence),
        gender=Gender(gender, probability, {}),
        age=Age(years, 30, 39, "(30-39)", 0.5),
        uncertain=probability < 0.7,
    )


def written(path: Path, *outcomes: Outcome) -> dict[str, Any]:
    writer = Summary(path, batch_fakes.MADE_BY)
    for outcome in outcomes:
        writer.add(outcome)
    writer.finish()
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def test_files_are_counted_by_what_became_of_them(tmp_path: Path) -> None:
    found = written(
        tmp_path / "t",
        Outcome(b"a", "ok", 10, 640, 480, (face(), face())),
        Outcome(b"b", "ok", 20, 640, 480, (face(),)),
        Outcome(b"c", "no_face", 30, 640, 480),
        Outcome(b"d", "missing"),
        error(b"e", "truncated_image", 40),
        error(b"f", "truncated_image", 50),
    )
    assert {key: value for key, value in found.items() if key != "faces"} == {
        "made_by": batch_fakes.MADE_BY,
        "files": 6,
        "bytes": 150,
        "analysed": 3,
        "failed": 3,
        "outcomes": {"error:truncated_image": 2, "missing": 1, "no_face": 1, "ok": 2},
        "faces_per_photo": {"0": 1, "1": 1, "2": 1},
    }
    assert found["faces"]["total"] == 3


def test_faces_are_counted_by_age_and_gender(tmp_path: Path) -> None:
    faces = (face("Female", 25), face("Female", 29.9), face("Male", 30, 0.6), face("Male", 71))
    found = written(tmp_path / "t", Outcome(b"a", "ok", 1, 2, 3, faces))["faces"]
    assert found["gender"] == {"Female": 2, "Male": 2}
    assert found["uncertain"] == 1
    assert found["age"]["mean_years"] == 38.98
    assert [(group["low"], group["high"]) for group in found["age"]["groups"]] == list(AGES)
    filled = [group for group in found["age"]["groups"] if group["Female"] or group["Male"]]
    assert filled == [
        {"low": 20, "high": 29, "Female": 2, "Male": 0, "uncertain": 0},
        {"low": 30, "high": 39, "Female": 0, "Male": 1, "uncertain": 1},
        {"low": 70, "high": None, "Female": 0, "Male": 1, "uncertain": 0},
    ]


@pytest.mark.parametrize(
    ("years", "low"), [(-0.3, 0), (0, 0), (2.9, 0), (3, 3), (9.9, 3), (10, 10), (69.9, 60), (70, 70), (101.0, 70)]
)
def test_age_groups_begin_at_their_low_end(years: float, low: int) -> None:
    assert AGES[age_group(years)][0] == low


def test_a_face_is_counted_by_the_decimals_that_the_tables_show(tmp_path: Path) -> None:
    """19.96 years are 20.0 in faces.csv, 0.94996 is 0.9500: whoever counts there must get the same."""
    found = written(tmp_path / "t", Outcome(b"a", "ok", 1, 2, 3, (face(years=19.96, confidence=0.94996),)))["faces"]
    assert [group["low"] for group in found["age"]["groups"] if group["Female"]] == [20]
    assert found["confidence"]["bins"].index(1) == 19
    assert found["confidence"]["mean"] == 0.95


def test_confidences_from_zero_to_one_have_a_bin(tmp_path: Path) -> None:
    faces = tuple(face(confidence=value / BINS) for value in range(BINS + 1))
    found = written(tmp_path / "t", Outcome(b"a", "ok", 1, 2, 3, faces))["faces"]["confidence"]
    assert found == {"mean": 0.5, "bin_width": 0.05, "bins": [1] * 19 + [2]}


def test_nothing_has_null_means(tmp_path: Path) -> None:
    found = written(tmp_path / "t")
    assert (found["files"], found["outcomes"], found["faces"]["age"]["mean_years"]) == (0, {}, None)
    assert found["faces"]["gender_probability"]["mean"] is None


def test_counts_take_no_more_memory_for_more_files() -> None:
    tally = Tally()

    def size() -> int:
        return sum(sys.getsizeof(value) for value in vars(tally).values())

    def add(begin: int, end: int) -> None:
        for number in range(begin, end):
            faces = (face(years=number % 100),) * (number % 100)
            tally.add(Outcome(b"%d" % number, "ok", 1, 2, 3, faces))

    add(0, 200)
    before = size()
    add(200, 1000)
    assert size() <= before + 100


def test_full_disk_is_an_os_error_and_the_file_can_still_be_closed() -> None:
    writer = Summary(Path("/dev/full"), batch_fakes.MADE_BY)
    with pytest.raises(OSError, match="No space left"):
        writer.finish()
    writer.discard()
    writer.discard()
