from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from faceattr.answers import answer
from faceattr.batch.jsonl import Jsonl
from faceattr.batch.outcome import Outcome, error
from tests import batch_fakes


def written(path: Path, *outcomes: Outcome) -> bytes:
    writer = Jsonl(path)
    for outcome in outcomes:
        writer.add(outcome)
    writer.finish()
    return path.read_bytes()


def test_every_file_is_a_line_with_its_faces_as_the_endpoint_answers_them(tmp_path: Path) -> None:
    analysis = batch_fakes.analysis(2)
    text = written(tmp_path / "t", Outcome(b"a b.jpg", "ok", 7, 640, 480, analysis.faces))
    assert json.loads(text) == {
        "file": "a b.jpg",
        "path": "a%20b.jpg",
        "outcome": "ok",
        "bytes": 7,
        "width": 640,
        "height": 480,
        "faces": answer(analysis)["faces"],
    }


def test_failed_files_have_no_faces_and_null_for_what_is_unknown(tmp_path: Path) -> None:
    text = written(tmp_path / "t", Outcome(b"a", "missing"), error(b"d/", "unreadable", note="not for the file"))
    assert [json.loads(line) for line in text.splitlines()] == [
        {"file": name, "path": name, "outcome": word, "bytes": None, "width": None, "height": None, "faces": []}
        for name, word in (("a", "missing"), ("d/", "error:unreadable"))
    ]


def test_hostile_names_stay_one_line_each_under_every_reader(tmp_path: Path) -> None:
    paths = ["naïve\n名.jpg".encode(), "\x85\u2028\u2029\r.jpg".encode(), b"\xff\xfe.jpg", b"=cmd|' /C calc'!A0.jpg"]
    lines = written(tmp_path / "t", *(Outcome(path, "no_face", 1, 2, 3) for path in paths)).decode().splitlines()
    found = [json.loads(line) for line in lines]
    assert [unquote_to_bytes(line["path"]) for line in found] == paths
    assert [found[0]["file"], found[3]["file"]] == ["naïve\n名.jpg", "'=cmd|' /C calc'!A0.jpg"]


def test_nothing_to_write_is_an_empty_file(tmp_path: Path) -> None:
    assert written(tmp_path / "t") == b""


def test_full_disk_is_an_os_error_and_the_file_can_still_be_closed() -> None:
    writer = Jsonl(Path("/dev/full"))
    writer.add(Outcome(b"a", "no_face", 1, 2, 3))
    with pytest.raises(OSError, match="No space left"):
        writer.finish()
    writer.discard()


def test_discarding_closes_the_file_however_often_it_is_asked(tmp_path: Path) -> None:
    writer = Jsonl(tmp_path / "t")
    writer.discard()
    writer.discard()
    assert writer._file.closed
