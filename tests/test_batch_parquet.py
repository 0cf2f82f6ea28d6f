from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faceattr.batch import parquet
from faceattr.batch.cli import main
from faceattr.batch.outcome import Outcome, error
from faceattr.batch.parquet import Parquet
from faceattr.batch.write import FACE_COLUMNS, Faces
from faceattr.errors import SettingsError
from tests import batch_fakes


@pytest.fixture
def reader() -> Any:
    return pytest.importorskip("pyarrow.parquet", reason="install pyarrow to run this test")


def outcomes() -> Iterator[Outcome]:
    yield Outcome(b"=a\xff.jpg", "ok", 7, 640, 480, batch_fakes.analysis(3).faces)
    yield Outcome(b"b.jpg", "no_face", 7, 640, 480)
    yield error(b"c.jpg", "truncated_image", 9)
    yield Outcome("名\n.jpg".encode(), "ok", 7, 640, 480, batch_fakes.analysis(2).faces)


def write(path: Path) -> None:
    writer = Parquet(path)
    for outcome in outcomes():
        writer.add(outcome)
    writer.finish()


def test_rows_are_those_of_the_csv_with_real_types(tmp_path: Path, reader: Any) -> None:
    write(tmp_path / "t")
    faces = Faces(tmp_path / "faces.csv")
    for outcome in outcomes():
        faces.add(outcome)
    faces.finish()
    with (tmp_path / "faces.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    rows = reader.read_table(tmp_path / "t").to_pylist()
    assert [list(row) for row in rows] == [FACE_COLUMNS] * 5
    for row, line in zip(rows, lines, strict=True):
        for column, value in row.items():
            if isinstance(value, bool):
                assert line[column] == str(value).lower()
            else:
                assert type(value)(line[column]) == value
    assert [type(rows[0][column]) for column in ("path", "face", "x_min", "confidence", "age_years", "uncertain")] == [
        str,
        int,
        int,
        float,
        float,
        bool,
    ]


def test_rows_leave_memory_in_groups_and_stay_in_order(
    tmp_path: Path, reader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_ROWS", 3)
    write(tmp_path / "t")
    assert reader.ParquetFile(tmp_path / "t").num_row_groups == 2
    assert reader.read_table(tmp_path / "t")["face"].to_pylist() == [1, 2, 3, 1, 2]


def test_same_outcomes_give_the_same_bytes(tmp_path: Path, reader: Any) -> None:
    write(tmp_path / "a")
    write(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_no_face_at_all_is_a_table_without_rows(tmp_path: Path, reader: Any) -> None:
    Parquet(tmp_path / "t").finish()
    table = reader.read_table(tmp_path / "t")
    assert (table.num_rows, table.column_names) == (0, FACE_COLUMNS)


def test_full_disk_is_an_os_error_and_the_file_can_still_be_closed(reader: Any) -> None:
    writer = Parquet(Path("/dev/full"))
    for outcome in outcomes():
        writer.add(outcome)
    with pytest.raises(OSError, match="No space left"):
        writer.finish()
    writer.discard()
    writer.discard()


def test_a_file_can_be_discarded_half_way_and_after_its_end(tmp_path: Path, reader: Any) -> None:
    half = Parquet(tmp_path / "half")
    half.add(next(outcomes()))
    half.discard()
    whole = Parquet(tmp_path / "whole")
    whole.finish()
    whole.discard()
    assert half._file.closed
    assert whole._file.closed


def test_without_pyarrow_a_sentence_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SettingsError, match=r"needs pyarrow .* python -m pip install 'pyarrow>=16'"):
        parquet.require()
    with pytest.raises(SettingsError, match="needs pyarrow"):
        Parquet(tmp_path / "t")


def test_without_pyarrow_a_batch_is_refused_before_it_makes_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    words = ["--input_dir", f"{tmp_path / 'in'}", "--output_dir", f"{tmp_path / 'out'}", "--format", "parquet"]
    assert main(words) == os.EX_USAGE
    assert "needs pyarrow" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
