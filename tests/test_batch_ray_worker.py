from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from faceattr.batch import ray_worker
from faceattr.batch.photo import Analyzer, Pictures, Work
from faceattr.batch.ray_worker import Analysed, Loaded, Node, RayWorker, Unfit
from faceattr.batch.worker import Failed
from faceattr.options import Options
from faceattr.settings import Settings
from tests import batch_fakes

Load = Callable[[Settings], Analyzer]


@pytest.fixture(autouse=True)
def _this_process_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_worker, "mute_native_libraries", lambda: None)
    monkeypatch.setattr("faceattr.memory.bound_allocator", lambda: True)
    monkeypatch.setattr("socket.gethostname", lambda: "host")


def node_name() -> str:
    return "n1"


def worker_for(root: Path, load: Load = batch_fakes.load, pictures: Pictures | None = None) -> RayWorker:
    return RayWorker(Work(root, Settings(), Options(), load, pictures, growth=10**9), node_name)


def test_a_worker_says_where_it_is_and_what_it_has_loaded(tmp_path: Path) -> None:
    assert worker_for(tmp_path).load(()) == Loaded(Node("n1", "host"), batch_fakes.load(Settings()).identity)


def test_photos_become_outcomes_in_their_order(tmp_path: Path) -> None:
    paths = [b"%d" % number for number in range(9)]
    for number, path in enumerate(paths):
        (tmp_path / path.decode()).write_bytes(b"faces %d" % (number % 3))
    worker = worker_for(tmp_path)
    worker.load([b"0"])
    answer = worker.analyse([*paths, b"gone"])
    assert isinstance(answer, Analysed)
    assert [outcome.path for outcome in answer.outcomes] == [*paths, b"gone"]
    assert [len(outcome.faces) for outcome in answer.outcomes] == [0, 1, 2] * 3 + [0]
    assert answer.outcomes[-1].outcome == "missing"
    assert not answer.grown


@pytest.mark.parametrize(
    ("load", "sentence"),
    [
        (batch_fakes.load_bad_pack, "age_net.caffemodel is a Git LFS pointer (130 bytes)."),
        (batch_fakes.load_without_library, "Cannot load the analyzer: ImportError: No module named 'cv2'"),
    ],
)
def test_a_node_that_cannot_load_the_models_is_unfit(tmp_path: Path, load: Load, sentence: str) -> None:
    assert worker_for(tmp_path, load).load(()) == Unfit(Node("n1", "host"), sentence)


def test_a_node_without_the_photos_is_unfit(tmp_path: Path) -> None:
    """An empty directory is what a share that is not mounted looks like."""
    (tmp_path / "a.jpg").touch()
    assert isinstance(worker_for(tmp_path).load([b"b.jpg", b"a.jpg"]), Loaded)
    for worker, witnesses in ((worker_for(tmp_path), [b"b.jpg"]), (worker_for(tmp_path / "nowhere"), [])):
        answer = worker.load(witnesses)
        assert isinstance(answer, Unfit)
        assert answer.sentence.startswith("It does not have the photos: '")


def test_a_node_without_the_directory_for_pictures_is_unfit(tmp_path: Path) -> None:
    answer = worker_for(tmp_path, pictures=Pictures(tmp_path / "annotated", tmp_path)).load(())
    assert isinstance(answer, Unfit)
    assert "annotated pictures" in answer.sentence


def test_output_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"faces 1")
    worker = worker_for(tmp_path, pictures=Pictures(Path("/proc"), Path("/proc")))
    worker.load(())
    assert isinstance(worker.analyse([b"a"]), Failed)


def test_a_worker_that_has_grown_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = iter([100, 100, 2 * 10**9, 2 * 10**9])
    monkeypatch.setattr(ray_worker, "resident", lambda: next(sizes))
    worker = worker_for(tmp_path)
    worker.load(())
    answers = [worker.analyse([b"gone"]), worker.analyse([b"gone"])]
    assert [isinstance(answer, Analysed) and answer.grown for answer in answers] == [False, True]


def hang(root: Path) -> None:
    worker = RayWorker(Work(root, Settings(), Options(), batch_fakes.load, timeout=0.2), node_name)
    worker.load(())
    worker.analyse([b"long"])


def test_a_photo_that_takes_too_long_ends_the_process(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"sleep 60")
    process = multiprocessing.get_context("spawn").Process(target=hang, args=(tmp_path,))
    process.start()
    process.join(50)
    assert process.exitcode == 1
    process.close()


def test_the_limit_is_for_each_photo_and_ends_with_the_batch(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / str(number)).write_bytes(b"sleep 0.8")
    worker = RayWorker(Work(tmp_path, Settings(), Options(), batch_fakes.load, timeout=3.0), node_name)
    worker.load(())
    assert isinstance(worker.analyse([b"0", b"1", b"2", b"3"]), Analysed)
    time.sleep(3.1)
