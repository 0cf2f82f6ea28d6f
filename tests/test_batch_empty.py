from __future__ import annotations

from pathlib import Path

import pytest

from faceattr.analyzer import FaceAnalyzer
from faceattr.batch.empty import glance
from faceattr.batch.outcome import Outcome
from faceattr.batch.photo import Work
from faceattr.batch.state import Todo
from faceattr.errors import EmptyImage
from faceattr.options import Options
from faceattr.settings import Settings
from tests import batch_fakes


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path, Settings(), Options(), batch_fakes.load)


def test_an_empty_file_has_the_outcome_that_a_worker_gives_it(
    work: Work, tmp_path: Path, analyzer: FaceAnalyzer
) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(EmptyImage):
        analyzer.analyze(b"", work.options)
    assert glance(Todo(b"a", 0, 1), work) == Outcome(b"a", "error:empty_image", 0)


def test_a_file_that_is_not_empty_any_more_is_for_a_worker(work: Work, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"faces 1")
    assert glance(Todo(b"a", 0, 1), work) is None


@pytest.mark.parametrize("size", [1, None])
def test_other_files_are_not_even_opened(work: Work, size: int | None) -> None:
    assert glance(Todo(b"nowhere", size, 1), work) is None


def test_an_empty_file_that_has_vanished_or_become_something_else_is_told(work: Work, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("a")
    assert glance(Todo(b"gone", 0, 1), work) == Outcome(b"gone", "missing")
    found = glance(Todo(b"link", 0, 1), work)
    assert found is not None
    assert found.outcome == "error:unreadable"
