from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from faceattr.batch import lock
from faceattr.batch.lock import Lock
from faceattr.errors import Busy, CannotWrite


def test_a_second_one_is_told_who_is_at_work(tmp_path: Path) -> None:
    with Lock(tmp_path):
        with pytest.raises(Busy, match=rf"is in use by process {os.getpid()}\. Wait for it"):
            Lock(tmp_path)
        assert lock.is_held(tmp_path)
    assert not lock.is_held(tmp_path)
    with Lock(tmp_path):
        pass


def test_a_holder_on_another_machine_is_named_with_it(tmp_path: Path) -> None:
    with Lock(tmp_path):
        (tmp_path / lock.NAME).write_text("7 elsewhere\n")
        with pytest.raises(Busy, match="process 7 on elsewhere"):
            Lock(tmp_path)


@pytest.mark.parametrize("content", ["", "x", "nobody here", "\0"])
def test_a_holder_that_has_not_written_its_name_is_another_process(tmp_path: Path, content: str) -> None:
    with Lock(tmp_path):
        (tmp_path / lock.NAME).write_text(content)
        with pytest.raises(Busy, match="another process"):
            Lock(tmp_path)


def test_the_death_of_its_holder_frees_it(tmp_path: Path) -> None:
    program = (
        "import os; from pathlib import Path; from faceattr.batch.lock import Lock; "
        f"Lock(Path({str(tmp_path)!r})); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert (tmp_path / lock.NAME).exists()
    assert not lock.is_held(tmp_path)
    with Lock(tmp_path):
        pass


def test_a_place_without_a_lock_is_not_held(tmp_path: Path) -> None:
    assert not lock.is_held(tmp_path / "nowhere")
    assert lock.owner(tmp_path) == ""


def test_a_lock_that_cannot_be_made_is_said_with_its_directory() -> None:
    with pytest.raises(CannotWrite, match="Cannot write to '/proc'"):
        Lock(Path("/proc"))
