from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from faceattr.batch.outcome import Outcome
from faceattr.batch.photo import Pictures, Work, process
from faceattr.errors import WriteFailed
from faceattr.options import Options
from faceattr.settings import Settings
from tests import batch_fakes


def work_in(directory: Path, pictures: Path | None = None, limit: int = 1000) -> Work:
    drawn = Pictures(pictures, directory) if pictures else None
    return Work(directory, Settings(max_image_bytes=limit), Options(), batch_fakes.load, drawn)


def outcome_of(directory: Path, content: bytes, limit: int = 1000) -> Outcome:
    (directory / "photo").write_bytes(content)
    return process(b"photo", work_in(directory, limit=limit), batch_fakes.FakeAnalyzer())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"faces 2", "ok"),
        (b"faces 0", "no_face"),
        (b"truncated", "error:truncated_image"),
        (b"other", "error:unsupported_image"),
        (b"memory", "error:out_of_memory"),
        (b"allocation", "error:out_of_memory"),
        (b"engine", "error:engine"),
        (b"boom", "error:internal"),
        (b"no-file", "error:internal"),
    ],
)
def test_whatever_the_analyzer_does_is_an_outcome(tmp_path: Path, content: bytes, expected: str) -> None:
    assert outcome_of(tmp_path, content).outcome == expected


def test_faces_and_size_of_the_photo_are_kept(tmp_path: Path) -> None:
    expected = Outcome(b"photo", "ok", 7, 640, 480, batch_fakes.analysis(2).faces)
    assert outcome_of(tmp_path, b"faces 2") == expected
    assert outcome_of(tmp_path, b"truncated").size == 9


def test_unexpected_error_is_noted_with_type_and_message(tmp_path: Path) -> None:
    assert outcome_of(tmp_path, b"boom").note == "ValueError: no such thing"


@pytest.mark.parametrize(("size", "expected"), [(9, "ok"), (10, "error:image_too_large")])
def test_file_above_the_limit_is_not_read(tmp_path: Path, size: int, expected: str) -> None:
    outcome = outcome_of(tmp_path, b"faces 1".ljust(size), limit=9)
    assert (outcome.outcome, outcome.size) == (expected, size)


@pytest.mark.parametrize("path", [b"gone", b"file/gone", b"gone/photo"])
def test_vanished_file_is_missing(tmp_path: Path, path: bytes) -> None:
    (tmp_path / "file").touch()
    assert process(path, work_in(tmp_path), batch_fakes.FakeAnalyzer()).outcome == "missing"


def test_fifo_in_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "photo")
    assert process(b"photo", work_in(tmp_path), batch_fakes.FakeAnalyzer()).outcome == "error:unreadable"


def test_link_in_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"faces 1")
    (tmp_path / "photo").symlink_to("real")
    assert process(b"photo", work_in(tmp_path), batch_fakes.FakeAnalyzer()).outcome == "error:unreadable"


@pytest.mark.parametrize(("failures", "expected"), [(2, "ok"), (3, "error:unreadable")])
def test_reading_is_tried_three_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int, expected: str
) -> None:
    tries = []
    real = os.open

    def failing(*args: Any, **kwargs: Any) -> int:
        tries.append(args)
        if len(tries) <= failures:
            raise OSError(errno.EIO, "Input/output error")
        return real(*args, **kwargs)

    (tmp_path / "photo").write_bytes(b"faces 1")
    monkeypatch.setattr(os, "open", failing)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    outcome = process(b"photo", work_in(tmp_path), batch_fakes.FakeAnalyzer())
    assert (outcome.outcome, len(tries)) == (expected, 3)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG])
def test_what_another_try_would_not_change_is_an_outcome_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    tries = []

    def failing(*args: Any, **kwargs: Any) -> int:
        tries.append(args)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", failing)
    outcome = process(b"photo", work_in(tmp_path), batch_fakes.FakeAnalyzer())
    assert (outcome.outcome, outcome.note, len(tries)) == ("error:unreadable", os.strerror(number), 1)


def test_file_without_a_size_is_read_to_its_end() -> None:
    # Files of /proc say that they have no bytes, and a file may grow between the question and the reading.
    outcome = process(b"self/limits", work_in(Path("/proc"), limit=100_000), batch_fakes.FakeAnalyzer())
    assert outcome.outcome == "error:unsupported_image"
    assert outcome.size == len(Path("/proc/self/limits").read_bytes())


def test_annotated_picture_is_saved_under_the_photos_name(tmp_path: Path) -> None:
    name = b"sub/\xff\n.png"
    photo = tmp_path / os.fsdecode(name)
    photo.parent.mkdir()
    photo.write_bytes(b"faces 1")
    outcome = process(name, work_in(tmp_path, tmp_path / "drawn"), batch_fakes.FakeAnalyzer())
    assert outcome.outcome == "ok"
    files = [path for path in (tmp_path / "drawn").rglob("*") if path.is_file()]
    assert [os.fsencode(path.relative_to(tmp_path / "drawn")) for path in files] == [name + b".jpg"]
    assert files[0].read_bytes() == b"drawn faces 1"


def test_impossible_name_for_a_picture_costs_that_photo_only(tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(b"faces 1")
    pictures = tmp_path / "drawn"
    (pictures / "photo.jpg").mkdir(parents=True)
    assert process(b"photo", work_in(tmp_path, pictures), batch_fakes.FakeAnalyzer()).outcome == "error:annotate_failed"
    assert [path.name for path in pictures.iterdir()] == ["photo.jpg"]


def test_full_disk_under_the_pictures_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "photo").write_bytes(b"faces 1")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteFailed, match="No space left on device"):
        process(b"photo", work_in(tmp_path, tmp_path / "drawn"), batch_fakes.FakeAnalyzer())
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["photo"]
