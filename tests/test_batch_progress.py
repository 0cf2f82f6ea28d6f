from __future__ import annotations

import io
import sys
import time

import pytest

from faceattr.batch.outcome import Outcome, error
from faceattr.batch.progress import Progress, Quiet
from tests import batch_fakes

FACES = Outcome(b"a.jpg", "ok", 1, 2, 3, batch_fakes.analysis(2).faces)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_without_a_terminal_there_is_a_line_at_most_every_minute(clock: list[float]) -> None:
    stream = io.StringIO()
    progress = Progress(1000, Quiet(stream))
    for _ in range(130):
        clock[0] += 1
        progress.add(FACES)
    assert stream.getvalue().splitlines() == [
        "60/1000 files, 1.0/s, 120 faces, 0 failed, about 0:15:40 left",
        "120/1000 files, 1.0/s, 240 faces, 0 failed, about 0:14:40 left",
    ]


def test_what_an_earlier_run_did_counts_as_done_but_not_for_the_speed(clock: list[float]) -> None:
    stream = io.StringIO()
    progress = Progress(1000, Quiet(stream), done=900)
    clock[0] = 60.0
    progress.add(FACES)
    assert stream.getvalue() == "901/1000 files, 0.0/s, 2 faces, 0 failed, about 1:39:00 left\n"
    assert progress.summary() == "This run: 1 file in 60.0 s (0.0/s)"


def test_every_outcome_is_counted(clock: list[float]) -> None:
    progress = Progress(4, Quiet(io.StringIO()))
    for outcome in (FACES, error(b"b", "truncated_image"), error(b"c", "truncated_image"), Outcome(b"d", "missing")):
        progress.add(outcome)
    clock[0] = 2.0
    assert progress.summary() == "This run: 4 files in 2.0 s (2.0/s)"
    assert (progress.faces, progress.failed) == (2, 3)


def test_summary_of_nothing(clock: list[float]) -> None:
    assert Progress(0, Quiet(io.StringIO())).summary() == "This run: 0 files in 0.0 s (0.0/s)"


def test_note_names_the_file_exactly() -> None:
    stream = io.StringIO()
    Progress(1, Quiet(stream)).add(error(b"\xff\n.jpg", "internal", note="ValueError: no such thing"))
    assert stream.getvalue() == "error:internal %FF%0A.jpg: ValueError: no such thing\n"


def test_terminal_gets_a_bar_with_faces_and_failures() -> None:
    pytest.importorskip("tqdm")
    stream = Terminal()
    progress = Progress(2, Quiet(stream))
    progress.add(FACES)
    progress.add(error(b"b", "internal", note="a note"))
    progress.close()
    assert "error:internal b: a note\n" in stream.getvalue()
    last = stream.getvalue().rstrip().split("\r")[-1]
    assert "2/2" in last
    assert "faces=2, failed=1" in last


def test_terminal_without_tqdm_gets_lines(monkeypatch: pytest.MonkeyPatch, clock: list[float]) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    stream = Terminal()
    progress = Progress(2, Quiet(stream))
    clock[0] = 60.0
    progress.add(FACES)
    progress.close()
    assert stream.getvalue() == "1/2 files, 0.0/s, 2 faces, 0 failed, about 0:01:00 left\n"


@pytest.mark.parametrize("stream", [Broken(), None])
def test_a_run_outlives_its_terminal(stream: io.StringIO | None) -> None:
    progress = Progress(1, Quiet(stream))
    progress.add(error(b"b", "internal", note="a note"))
    progress.close()
    assert progress.failed == 1
