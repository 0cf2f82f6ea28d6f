from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from faceattr.batch.outcome import Outcome
from faceattr.batch.photo import Work
from faceattr.batch.pool import Pool
from faceattr.batch.run import run, wait_until_loaded
from faceattr.batch.scan import Entry
from faceattr.errors import CannotWrite, EngineError, PackError, SettingsError
from faceattr.options import Options
from faceattr.settings import Settings
from tests import batch_fakes


def never() -> None:
    """Nobody interrupts."""


def work_on(directory: Path, *photos: bytes, pictures: Path | None = None) -> tuple[Work, list[Entry]]:
    entries = []
    for number, content in enumerate(photos):
        (directory / f"{number:03}").write_bytes(content)
        entries.append(Entry(b"%03d" % number, "file"))
    return Work(directory, Settings(), Options(), batch_fakes.load, pictures), entries


def outcomes(work: Work, entries: Sequence[Entry], workers: int) -> list[Outcome]:
    with Pool(work, workers) as pool:
        return list(run(entries, pool, never))


def test_outcomes_come_in_the_order_of_the_entries_though_later_ones_finish_first(tmp_path: Path) -> None:
    work, entries = work_on(tmp_path, b"sleep 0.3", *[b"faces %d" % (n % 3) for n in range(20)])
    found = outcomes(work, entries, workers=2)
    assert [outcome.path for outcome in found] == [entry.path for entry in entries]
    assert [len(outcome.faces) for outcome in found[1:]] == [n % 3 for n in range(20)]


def test_a_photo_that_kills_its_worker_costs_only_itself(tmp_path: Path) -> None:
    work, entries = work_on(tmp_path, *[b"segv" if n == 3 else b"faces 1" for n in range(12)])
    found = outcomes(work, entries, workers=2)
    assert [outcome.outcome for outcome in found] == ["error:worker_died" if n == 3 else "ok" for n in range(12)]
    assert found[3].note == "the worker process was killed by SIGSEGV"


def test_a_photo_whose_worker_died_once_is_tried_again(tmp_path: Path) -> None:
    work, entries = work_on(tmp_path, b"segv-unless %s" % bytes(tmp_path / "marker"), b"faces 1")
    assert [outcome.outcome for outcome in outcomes(work, entries, workers=1)] == ["ok", "ok"]


def test_photos_in_flight_and_waiting_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceattr.batch.run._WINDOW", 10)
    work, entries = work_on(tmp_path, b"sleep 0.3", *[b"faces 1"] * 40)
    drawn = []

    def drawing() -> Iterator[Entry]:
        for entry in entries:
            drawn.append(entry)
            yield entry

    with Pool(work, 2) as pool:
        leads = [len(drawn) - taken for taken, _ in enumerate(run(drawing(), pool, never))]
    assert len(leads) == 41
    assert max(leads) <= 10


def test_directories_that_cannot_be_listed_are_outcomes_and_links_are_not(tmp_path: Path) -> None:
    work, entries = work_on(tmp_path, b"faces 1")
    entries += [Entry(b"a/", "unreadable"), Entry(b"b/", "missing"), Entry(b"c", "link"), Entry(b"d", "special")]
    found = [(outcome.path, outcome.outcome) for outcome in outcomes(work, entries, workers=1)]
    assert found == [(b"000", "ok"), (b"a/", "error:unreadable"), (b"b/", "missing")]


def test_nothing_to_do_is_done(tmp_path: Path) -> None:
    assert outcomes(*work_on(tmp_path), workers=1) == []


@pytest.mark.parametrize(
    ("load", "error", "sentence"),
    [
        (batch_fakes.load_bad_pack, PackError, "Git LFS pointer"),
        (batch_fakes.load_bad_engine, EngineError, "OpenCV 5 cannot"),
        (batch_fakes.load_bad_setting, SettingsError, "not allowed"),
        (batch_fakes.load_without_library, EngineError, "ImportError: No module named 'cv2'"),
        (batch_fakes.load_dying, EngineError, "killed by SIGKILL while it loaded the models"),
    ],
)
def test_analyzer_that_cannot_be_loaded_ends_the_run(
    tmp_path: Path, load: Callable[[Settings], batch_fakes.FakeAnalyzer], error: type[Exception], sentence: str
) -> None:
    work = Work(tmp_path, Settings(), Options(), load)
    with Pool(work, 2) as pool, pytest.raises(error, match=sentence):
        wait_until_loaded(pool, never)


def test_output_that_cannot_be_written_by_a_worker_ends_the_run(tmp_path: Path) -> None:
    work, entries = work_on(tmp_path, b"faces 1", pictures=Path("/proc/nowhere"))
    with pytest.raises(CannotWrite, match="/proc/nowhere"):
        outcomes(work, entries, workers=1)


def test_what_loading_logged_reaches_the_parent_once(tmp_path: Path) -> None:
    work, _ = work_on(tmp_path)
    with Pool(work, 2) as pool:
        wait_until_loaded(pool, never)
        assert pool.log == ("pack fake 1",)


def test_leaving_the_pool_ends_its_processes_even_in_the_middle_of_a_photo(tmp_path: Path) -> None:
    work, entries = work_on(tmp_path, b"sleep 60")
    with Pool(work, 1) as pool:
        wait_until_loaded(pool, never)
        processes = [worker.process for worker in pool._workers]
        pool.submit(0, entries[0].path)
    assert [process.exitcode for process in processes] == [-9]
