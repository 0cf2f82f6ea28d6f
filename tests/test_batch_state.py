from __future__ import annotations

import os
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faceattr.batch import database, survey
from faceattr.batch.identity import Identity, description
from faceattr.batch.outcome import Outcome, error
from faceattr.batch.scan import Entry
from faceattr.batch.selection import Chooser, Selection
from faceattr.batch.state import Counts, State, Todo
from faceattr.errors import CannotWrite, StateError, WriteFailed
from faceattr.options import Options
from faceattr.settings import Settings
from faceattr.version import __version__
from tests import batch_fakes

EVERYTHING = Chooser(Selection(recursive=True))
HOSTILE = [b"=cmd|' /C calc'!A0.jpg", b"\n", "naïve\n名.jpg".encode(), b"\xff\xfe.jpg", b"a/\x01"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where none of the files is any more."""
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State(tmp_path) as state:
        state.use_analysis("first")
        yield state


def look(state: State, root: Path, *entries: Entry, expected: Callable[[bytes], bool] = EVERYTHING.reaches) -> None:
    survey.survey(state.database, iter(entries), root, EVERYTHING, expected)


def file(path: bytes, size: int = 1, mtime_ns: int = 1) -> Entry:
    return Entry(path, "file", size, mtime_ns)


def do(state: State, outcome: str = "no_face") -> list[bytes]:
    """Records that outcome for all that is to be done."""
    done = list(state.todo())
    for todo in done:
        state.record(todo, Outcome(todo.path, outcome, 1, 2, 3), state.analysis)
    state.commit()
    return [todo.path for todo in done]


def recorded(state: State) -> dict[bytes, str]:
    return {outcome.path: outcome.outcome for outcome in state.outcomes()}


def test_outcomes_come_back_whole_in_path_order(state: State, root: Path) -> None:
    entries = [file(path) for path in HOSTILE]
    look(state, root, *entries)
    for todo in state.todo():
        outcome = Outcome(todo.path, "ok", 7, 640, 480, batch_fakes.analysis(2).faces, note="for the log only")
        state.record(todo, outcome, state.analysis)
    state.commit()
    found = list(state.outcomes())
    assert [outcome.path for outcome in found] == sorted(HOSTILE)
    for outcome in found:
        assert (outcome.outcome, outcome.size, outcome.width, outcome.height) == ("ok", 7, 640, 480)
        assert outcome.faces[1].detection.box.rounded() == batch_fakes.analysis(2).faces[1].detection.box.rounded()


def test_what_was_committed_is_there_after_the_process_died(tmp_path: Path, root: Path) -> None:
    state = State(tmp_path)
    state.use_analysis("first")
    look(state, root, file(b"a"), file(b"b"))
    todo = next(state.todo())
    state.record(todo, Outcome(todo.path, "no_face"), state.analysis)
    state.commit()
    copy = tmp_path / "copy"  # as the disk is at this moment
    copy.mkdir()
    for path in tmp_path.glob(database.NAME + "*"):
        (copy / path.name).write_bytes(path.read_bytes())
    state.database.close()
    with State(copy) as again:
        assert [todo.path for todo in again.todo()] == [b"b"]


def test_what_made_the_outcomes_is_known_from_the_state(state: State) -> None:
    identity = Identity("a pack", "2", "files", "feeding", "engine", "f32")
    settings, options = Settings(max_pixels=99_999_999), Options(detail="high")
    state.use_analysis(description(identity, settings, options, pictures=True))
    made_by = state.provenance()
    assert made_by["pack"] == {"name": "a pack", "version": "2", "digest": "files", "manifest": "feeding"}
    assert (made_by["faceattr"], made_by["engine"], made_by["precision"]) == (__version__, "engine", "f32")
    assert (made_by["options"]["detail"], made_by["limits"]["max_pixels"]) == ("high", 99_999_999)
    assert made_by["annotate"] is True
    assert "distribution" not in made_by["options"]  # of which the tables have nothing


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pack": null}', "no JSON"])
def test_a_state_that_does_not_know_what_made_its_outcomes_says_so(state: State, text: str) -> None:
    state.use_analysis(text)
    with pytest.raises(StateError, match="is damaged"):
        state.provenance()


def test_outcomes_are_committed_in_groups_and_after_a_second(
    state: State, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(state, root, *(file(b"%03d" % number) for number in range(100)))
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    state.commit()

    def on_the_disk() -> int:
        with State(tmp_path, read_only=True) as other:
            return other.counts().done

    for number, todo in enumerate(list(state.todo())[:70]):
        state.record(todo, Outcome(todo.path, "no_face"), state.analysis)
        assert on_the_disk() == (64 if number >= 63 else 0)
    state.commit_if_due()
    assert on_the_disk() == 64
    now[0] = 1.0
    state.commit_if_due()
    assert on_the_disk() == 70


@pytest.mark.parametrize("changed", [file(b"a", size=2), file(b"a", mtime_ns=2), Entry(b"a", "file")])
def test_a_changed_file_is_done_again_and_no_other(state: State, root: Path, changed: Entry) -> None:
    look(state, root, file(b"a"), file(b"b"))
    assert do(state) == [b"a", b"b"]
    look(state, root, changed, file(b"b"))
    assert do(state) == [b"a"]
    assert do(state) == []


def test_another_analysis_does_everything_again_and_the_first_one_nothing(state: State, root: Path) -> None:
    look(state, root, file(b"a"))
    assert do(state) == [b"a"]
    state.use_analysis("second")
    assert state.description == "second"
    assert list(state.todo()) == [Todo(b"a", 1, 1)]
    state.use_analysis("first")
    assert do(state) == []


def test_a_file_that_has_gone_is_missing_and_its_outcome_returns_with_it(state: State, root: Path) -> None:
    look(state, root, file(b"a"), file(b"b"))
    do(state)
    look(state, root, file(b"b"))
    assert recorded(state) == {b"a": "missing", b"b": "no_face"}
    look(state, root)  # an unmounted disk
    assert recorded(state) == {b"a": "missing", b"b": "missing"}
    look(state, root, file(b"a"), file(b"b"))
    assert recorded(state) == {b"a": "no_face", b"b": "no_face"}


def test_a_file_that_has_gone_before_it_was_done_is_missing(state: State, root: Path) -> None:
    look(state, root, file(b"a"), file(b"b"))
    look(state, root, file(b"b"))
    assert do(state) == [b"b"]
    assert recorded(state) == {b"a": "missing", b"b": "no_face"}


def test_a_file_that_is_not_chosen_any_more_is_in_no_result_and_not_forgotten(state: State, root: Path) -> None:
    look(state, root, file(b"a"), file(b"b"))
    do(state)
    look(state, root, file(b"b"), expected=lambda path: path != b"a")
    assert recorded(state) == {b"b": "no_face"}
    look(state, root, file(b"a"), file(b"b"))
    assert do(state) == []


def test_a_file_that_is_there_but_was_not_found_is_in_no_result(state: State, root: Path) -> None:
    look(state, root, file(b"a"))
    do(state)
    (root / "a").symlink_to("nowhere")
    look(state, root)
    assert recorded(state) == {}


def test_a_directory_that_can_be_listed_again_is_no_row_any_more(state: State, root: Path) -> None:
    look(state, root, Entry(b"d/", "unreadable"), Entry(b"e/", "missing"))
    assert recorded(state) == {b"d/": "error:unreadable", b"e/": "missing"}
    assert state.counts().outcomes == {"error:unreadable": 1, "missing": 1}
    look(state, root, file(b"d/a"))
    assert do(state) == [b"d/a"]
    assert recorded(state) == {b"d/a": "no_face"}


def test_a_survey_that_fails_leaves_the_one_before(state: State, root: Path) -> None:
    def broken() -> Iterator[Entry]:
        yield file(b"c")
        raise OSError(5, "Input/output error")

    look(state, root, file(b"a"))
    with pytest.raises(OSError, match="Input/output"):
        survey.survey(state.database, broken(), root, EVERYTHING, EVERYTHING.reaches)
    assert [todo.path for todo in state.todo()] == [b"a"]
    look(state, root, file(b"b"))
    assert [todo.path for todo in state.todo()] == [b"b"]


def test_a_survey_counts_what_is_not_read_and_takes_its_shard_only(state: State, root: Path) -> None:
    paths = [b"%d" % number for number in range(50)]
    entries = [*(file(path) for path in paths), Entry(b"l", "link"), Entry(b"m", "link"), Entry(b"s", "special")]
    chooser = Chooser(Selection(shard=(2, 3)))
    counts = survey.survey(state.database, iter(entries), root, chooser, chooser.reaches)
    assert counts == {"link": 2, "special": 1}
    assert {todo.path for todo in state.todo()} == {path for path in paths if chooser.owns(path)}


def test_a_path_that_is_listed_twice_is_one_row(state: State, root: Path) -> None:
    look(state, root, file(b"a"), Entry(b"a", "file"), Entry(b"a", "file"))
    assert state.counts().total == 1


def test_failures_are_forgotten_as_asked(state: State, root: Path) -> None:
    words = [b"error:timeout", b"error:unreadable", b"missing", b"no_face"]
    look(state, root, *(file(word) for word in words))
    for todo in state.todo():
        state.record(todo, Outcome(todo.path, todo.path.decode()), state.analysis)
    state.commit()
    state.forget_failures(errors=False)
    assert [todo.path for todo in state.todo()] == [b"error:unreadable", b"missing"]
    state.forget_failures(errors=True)
    assert [todo.path for todo in state.todo()] == [b"error:timeout", b"error:unreadable", b"missing"]


def test_counts_are_those_of_the_tables(state: State, root: Path) -> None:
    look(state, root, file(b"a"), file(b"b"), file(b"c"), file(b"d"), Entry(b"e/", "unreadable"))
    for todo, outcome in zip(
        state.todo(),
        (Outcome(b"a", "ok", faces=batch_fakes.analysis(3).faces), Outcome(b"b", "missing"), error(b"c", "timeout")),
        strict=False,
    ):
        state.record(todo, outcome, state.analysis)
    state.commit()
    counts = state.counts()
    assert counts == Counts(5, 3, counts.outcomes)
    assert counts.outcomes == {"ok": 1, "missing": 1, "error:timeout": 1, "error:unreadable": 1}
    assert (counts.done, counts.failed) == (4, 3)


def test_results_of_what_is_not_done_are_refused(state: State, root: Path) -> None:
    look(state, root, file(b"a"))
    with pytest.raises(StateError, match="no outcome for b'a'"):
        list(state.outcomes())


def test_todo_is_complete_over_many_pages_while_outcomes_are_recorded(state: State, root: Path) -> None:
    look(state, root, *(file(b"%04d" % number) for number in range(1500)))
    seen = []
    for todo in state.todo():
        seen.append(todo.path)
        state.record(todo, Outcome(todo.path, "no_face"), state.analysis)
    assert seen == [b"%04d" % number for number in range(1500)]
    state.commit()
    assert do(state) == []


def test_a_survey_takes_no_more_memory_for_more_files(state: State, root: Path) -> None:
    def peak(files: int) -> int:
        tracemalloc.start()
        entries = (file(b"%d/%08d.jpg" % (number % 7, number)) for number in range(files))
        survey.survey(state.database, entries, root, EVERYTHING, EVERYTHING.reaches)
        assert sum(1 for _ in state.todo()) == files
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(40_000) < 1.2 * peak(10_000)


def test_facts_are_remembered(state: State, tmp_path: Path) -> None:
    state.remember(shard=(1, 3), input="é\n")
    state.remember(shard=(2, 3))
    with State(tmp_path, read_only=True) as other:
        assert (other.fact("shard"), other.fact("input"), other.fact("other")) == ([2, 3], "é\n", None)


@pytest.mark.parametrize("content", [b"not a database, by any means" * 10, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_file_is_named_with_the_way_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / database.NAME).write_bytes(content)
    with pytest.raises(StateError, match=r"\.faceattr-batch\.sqlite' is damaged \(.*\)\. Add --fresh to start over"):
        State(tmp_path)


def test_damage_inside_is_found_when_it_is_met(tmp_path: Path, root: Path) -> None:
    with State(tmp_path) as state:
        state.use_analysis("first")
        look(state, root, *(file(b"%05d" % number) for number in range(5000)))
    path = tmp_path / database.NAME
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + os.urandom(len(content) // 2))
    with pytest.raises(StateError, match="is damaged"), State(tmp_path) as state:
        state.counts()


def test_faces_that_cannot_be_read_are_damage(tmp_path: Path, root: Path) -> None:
    with State(tmp_path) as state:
        state.use_analysis("first")
        look(state, root, file(b"a"))
        do(state)
        with state.database.transaction() as connection:
            connection.execute("UPDATE outcomes SET detail = '[[1]]'")
        with pytest.raises(StateError, match="faces of b'a'"):
            list(state.outcomes())


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / database.NAME) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StateError, match="its format is 99, not 1"):
        State(tmp_path)


def test_nothing_of_the_file_is_left_after_remove(tmp_path: Path, root: Path) -> None:
    state = State(tmp_path)
    assert len(list(tmp_path.glob(".faceattr*"))) == 3
    state.database.close()
    database.remove(tmp_path)
    assert list(tmp_path.glob(".faceattr*")) == []
    database.remove(tmp_path)


@pytest.mark.parametrize(
    ("code", "error", "sentence"),
    [
        (sqlite3.SQLITE_FULL, WriteFailed, "No space left on device. Free some space there and run the same"),
        (sqlite3.SQLITE_IOERR_WRITE, WriteFailed, "Once the disk works, run the same command again"),
        (sqlite3.SQLITE_READONLY, CannotWrite, "Choose an --output_dir that you may write to"),
        (sqlite3.SQLITE_CANTOPEN, CannotWrite, "Choose an --output_dir that you may write to"),
        (sqlite3.SQLITE_BUSY, WriteFailed, "is locked by another program"),
        (sqlite3.SQLITE_CORRUPT, StateError, "Add --fresh"),
    ],
)
def test_what_sqlite_says_becomes_a_sentence_of_what_to_do(
    state: State, code: int, error: type[Exception], sentence: str
) -> None:
    cause = sqlite3.OperationalError("database says no")
    cause.sqlite_errorcode = code
    with pytest.raises(error, match=sentence) as caught, state.database.transaction():
        raise cause
    assert type(caught.value) is error
