from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from faceattr.batch import photo, worker
from faceattr.batch.empty import glance
from faceattr.batch.outcome import Outcome
from faceattr.batch.photo import Pictures, Work
from faceattr.batch.pool import Pool
from faceattr.batch.run import run, wait_until_loaded
from faceattr.batch.state import Todo
from faceattr.errors import CannotWrite, EngineError, PackError, SettingsError, TruncatedImage
from faceattr.options import Options
from faceattr.settings import Settings
from faceattr.types import Analysis
from tests import batch_fakes


@dataclass
class Wish:
    """What the user wants."""

    wanted: bool = False
    insisted: bool = False


def nothing() -> None:
    """Nobody interrupts."""


def work_on(directory: Path, *photos: bytes, timeout: float = 60.0) -> tuple[Work, list[Todo]]:
    for number, content in enumerate(photos):
        (directory / f"{number:03}").write_bytes(content)
    todo = [Todo(b"%03d" % number, len(content), 1) for number, content in enumerate(photos)]
    return Work(directory, Settings(), Options(), batch_fakes.load, timeout=timeout), todo


def outcomes(work: Work, todo: Sequence[Todo], workers: int) -> list[Outcome]:
    """The outcomes, in the order of the paths."""
    with Pool(work, workers) as pool:
        found = list(run(todo, pool, nothing, Wish()))
    assert [(one.path, outcome.path) for one, outcome in found] == [(one.path, one.path) for one, _ in found]
    return sorted((outcome for _, outcome in found), key=lambda outcome: outcome.path)


def test_every_file_has_one_outcome_whichever_worker_is_first(tmp_path: Path) -> None:
    work, todo = work_on(tmp_path, b"sleep 0.3", *[b"faces %d" % (n % 3) for n in range(20)])
    found = outcomes(work, todo, workers=2)
    assert [outcome.path for outcome in found] == [one.path for one in todo]
    assert [len(outcome.faces) for outcome in found[1:]] == [n % 3 for n in range(20)]


def test_a_photo_that_kills_its_worker_costs_only_itself(tmp_path: Path) -> None:
    work, todo = work_on(tmp_path, *[b"segv" if n == 3 else b"faces 1" for n in range(12)])
    found = outcomes(work, todo, workers=2)
    assert [outcome.outcome for outcome in found] == ["error:worker_died" if n == 3 else "ok" for n in range(12)]
    assert found[3].note == "the worker process was killed by SIGSEGV"


def test_a_photo_whose_worker_died_once_is_tried_again(tmp_path: Path) -> None:
    work, todo = work_on(tmp_path, b"segv-unless %s" % bytes(tmp_path / "marker"), b"faces 1")
    assert [outcome.outcome for outcome in outcomes(work, todo, workers=1)] == ["ok", "ok"]


def test_a_photo_that_hangs_its_worker_costs_only_itself(tmp_path: Path) -> None:
    work, todo = work_on(tmp_path, *[b"sleep 60" if n == 1 else b"faces 1" for n in range(6)], timeout=2.0)
    found = outcomes(work, todo, workers=1)
    assert [outcome.outcome for outcome in found] == ["error:timeout" if n == 1 else "ok" for n in range(6)]
    assert found[1].note == "not done in 2 s, the second time"


def test_a_photo_that_hung_once_is_tried_again(tmp_path: Path) -> None:
    work, todo = work_on(tmp_path, b"sleep-unless %s" % bytes(tmp_path / "marker"), timeout=2.0)
    assert [outcome.outcome for outcome in outcomes(work, todo, workers=1)] == ["ok"]


def test_a_photo_does_not_pay_for_the_slow_one_before_it(tmp_path: Path) -> None:
    work, todo = work_on(tmp_path, *[b"sleep 0.8"] * 4, timeout=3.0)
    assert [outcome.outcome for outcome in outcomes(work, todo, workers=1)] == ["ok"] * 4


def test_a_worker_that_has_grown_is_replaced_and_no_photo_pays(tmp_path: Path) -> None:
    photos = [b"process"] * 22 + [b"grow 30000000"] + [b"process"] * 5
    work, todo = work_on(tmp_path, *photos)
    found = outcomes(replace(work, growth=20_000_000), todo, workers=1)
    assert [outcome.outcome for outcome in found] == ["ok"] * len(photos)
    processes = [outcome.faces[0].detection.confidence for outcome in found]
    assert len(set(processes[:22])) == 1
    assert len(set(processes[23:])) == 1
    assert processes[0] != processes[-1]


def test_files_under_way_are_bounded(tmp_path: Path) -> None:
    work, todo = work_on(tmp_path, *[b"faces 1"] * 40)
    drawn = []

    def drawing() -> Iterator[Todo]:
        for one in todo:
            drawn.append(one)
            yield one

    with Pool(work, 2) as pool:
        leads = [len(drawn) - taken for taken, _ in enumerate(run(drawing(), pool, nothing, Wish()))]
    assert len(leads) == 40
    assert max(leads) <= 5


def test_empty_files_take_no_worker_and_lose_no_photo(tmp_path: Path) -> None:
    work, todo = work_on(tmp_path, *[b"" if n % 50 else b"faces 1" for n in range(200)])
    given = []

    class Counted(Pool):
        def submit(self, place: int, path: bytes) -> None:
            given.append(path)
            super().submit(place, path)

    with Counted(work, 1) as pool:
        found = dict(run(todo, pool, nothing, Wish(), partial(glance, work=work)))
    assert given == [b"000", b"050", b"100", b"150"]
    assert [found[one].outcome for one in todo] == ["error:empty_image" if n % 50 else "ok" for n in range(200)]


def test_who_wants_to_stop_is_heard_among_empty_files(tmp_path: Path) -> None:
    work, todo = work_on(tmp_path, *[b""] * 20)
    wish = Wish()

    def stopping(one: Todo) -> Outcome | None:
        wish.wanted = one.path == b"004"
        return glance(one, work)

    with Pool(work, 1) as pool:
        found = [one.path for one, _ in run(todo, pool, nothing, wish, stopping)]
    assert found == [one.path for one in todo[:5]]


def test_nothing_to_do_is_done(tmp_path: Path) -> None:
    assert outcomes(*work_on(tmp_path), workers=1) == []


def test_who_wants_to_stop_gets_what_is_under_way_and_nothing_more(tmp_path: Path) -> None:
    work, todo = work_on(tmp_path, *[b"sleep 0.1"] * 20)
    wish = Wish()
    found = []
    with Pool(work, 1) as pool:
        for _, outcome in run(todo, pool, nothing, wish):
            found.append(outcome)
            wish.wanted = True
    assert [outcome.outcome for outcome in found] in (["ok"] * 2, ["ok"] * 3)


def test_who_insists_waits_for_nothing(tmp_path: Path) -> None:
    work, todo = work_on(tmp_path, b"faces 1", b"sleep 60")
    wish = Wish()
    found = []
    with Pool(work, 1) as pool:
        for _, outcome in run(todo, pool, nothing, wish):
            found.append(outcome)
            wish.wanted = wish.insisted = True
    assert [outcome.path for outcome in found] == [todo[0].path]


def test_a_photo_that_takes_its_time_is_not_waited_for_when_stopping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("faceattr.batch.run._GRACE", 0.1)
    work, todo = work_on(tmp_path, b"faces 1", b"sleep 60")
    wish = Wish()
    found = []
    with Pool(work, 1) as pool:
        for one, _ in run(todo, pool, nothing, wish):
            found.append(one)
            wish.wanted = True
    assert found == todo[:1]


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
        wait_until_loaded(pool, nothing)


def test_a_worker_with_other_models_ends_the_run(tmp_path: Path) -> None:
    work, todo = work_on(tmp_path, *[b"sleep 0.2"] * 20)
    other = replace(work, load=batch_fakes.load_another_each_time)
    with pytest.raises(PackError, match="has other models than the first worker: fake 1 on none in f32, digest"):
        outcomes(other, todo, workers=2)


def test_output_that_cannot_be_written_by_a_worker_ends_the_run(tmp_path: Path) -> None:
    work, todo = work_on(tmp_path, b"faces 1")
    nowhere = Path("/proc/nowhere")
    with pytest.raises(CannotWrite, match="/proc/nowhere"):
        outcomes(replace(work, pictures=Pictures(nowhere, nowhere)), todo, workers=1)


def test_what_loading_logged_reaches_the_parent_once(tmp_path: Path) -> None:
    work, _ = work_on(tmp_path)
    with Pool(work, 2) as pool:
        wait_until_loaded(pool, nothing)
        assert pool.log == ("pack fake 1",)
        assert pool.identity == batch_fakes.FakeAnalyzer().identity


def test_few_photos_need_few_workers(tmp_path: Path) -> None:
    work, todo = work_on(tmp_path, b"faces 1")
    with Pool(work, 50) as pool:
        assert len(list(run(todo, pool, nothing, Wish()))) == 1
        assert len(pool._workers) == 1


def test_leaving_the_pool_ends_its_processes_even_in_the_middle_of_a_photo(tmp_path: Path) -> None:
    work, todo = work_on(tmp_path, b"sleep 60")
    with Pool(work, 1) as pool:
        wait_until_loaded(pool, nothing)
        processes = [each.process for each in pool._workers]
        pool.submit(0, todo[0].path)
    assert [process.exitcode for process in processes] == [-9]


def test_the_next_photo_is_read_while_one_is_analysed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, _ = work_on(tmp_path, b"first", b"second")
    second_is_read = threading.Event()
    real = photo.read

    def read(path: bytes, work: Work) -> photo.Photo | Outcome:
        found = real(path, work)
        if path == b"001":
            second_is_read.set()
        return found

    class Waiting(batch_fakes.FakeAnalyzer):
        def analyze(self, photo: bytes, *_: object, **__: object) -> Analysis:
            if photo == b"first" and not second_is_read.wait(20):
                raise TruncatedImage("Nobody has read the second photo.")
            return batch_fakes.analysis(1)

    monkeypatch.setattr(photo, "read", read)
    ours, theirs = multiprocessing.Pipe()
    ours.send(b"000")
    ours.send(b"001")
    serving = threading.Thread(target=worker._serve, args=(theirs, work, Waiting()))
    serving.start()
    assert [ours.recv().outcome, ours.recv().outcome] == ["ok", "ok"]
    ours.close()
    serving.join()
    theirs.close()
