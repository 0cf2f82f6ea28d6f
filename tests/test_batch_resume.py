"""What a second run does with what the first one left."""

from __future__ import annotations

import io
import json
import os
import signal
from pathlib import Path

import pytest

from faceattr.batch import database
from faceattr.batch.cli import main
from tests import batch_fakes
from tests.test_batch_cli import batch, recorded, results, start, wait_for

ALL = ["faces.csv", "images.csv", "report.html", "summary.json"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    directory = tmp_path / "folder"
    directory.mkdir()
    return directory


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def counter(tmp_path: Path) -> Path:
    """A file that grows by a byte for each analysis of a photo `count <this>`."""
    path = tmp_path / "counter"
    path.touch()
    return path


def counted(folder: Path, counter: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b"count %s" % bytes(counter))


def test_what_is_done_is_not_done_again(
    folder: Path, out: Path, counter: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counted(folder, counter, "a", "b")
    assert batch(folder, out) == 0
    first = {name: (out / name).read_bytes() for name in ALL}
    assert "done already" not in capsys.readouterr().err
    counted(folder, counter, "c")
    assert batch(folder, out) == 0
    assert counter.stat().st_size == 3
    assert "2 of 3 files are done already." in capsys.readouterr().err
    (folder / "c").unlink()
    assert batch(folder, out, "--fresh") == 0
    assert counter.stat().st_size == 5
    assert {name: (out / name).read_bytes() for name in ALL} == first


@pytest.mark.parametrize(
    ("words", "load", "again"),
    [
        ([], batch_fakes.load, False),
        (["--workers", "1", "--timeout", "60", "--format", "jsonl", "--retry-errors"], batch_fakes.load, False),
        (["--conf", "0.5"], batch_fakes.load, True),
        (["--annotate"], batch_fakes.load, True),
        (["--fresh"], batch_fakes.load, True),
        ([], batch_fakes.load_other, True),
    ],
)
def test_only_what_changes_an_answer_has_a_file_done_again(
    folder: Path, out: Path, counter: Path, words: list[str], load: object, again: bool
) -> None:
    counted(folder, counter, "a")
    batch(folder, out)
    assert batch(folder, out, *words, load=load) == 0  # type: ignore[arg-type]
    assert counter.stat().st_size == 1 + again


def test_a_killed_run_goes_on_where_it_stopped(folder: Path, out: Path, counter: Path, tmp_path: Path) -> None:
    counted(folder, counter, *(f"a{number:03}" for number in range(80)))
    (folder / "b").write_bytes(b"segv-unless %s" % bytes(tmp_path / "marker"))
    (folder / "c").write_bytes(b"mark %s" % bytes(tmp_path / "started"))
    process = start(folder, out, "--workers", "1")
    wait_for((tmp_path / "started").exists)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert results(out) == []
    (folder / "c").write_bytes(b"faces 0")
    assert batch(folder, out) == 0
    assert 80 <= counter.stat().st_size <= 80 + 80 - 64  # what was not committed yet is done again
    assert len(recorded(out)) == 82


def test_unfinished_files_of_a_killed_run_are_removed(folder: Path, out: Path) -> None:
    out.mkdir()
    (out / ".faces.csv.0a0a0a0a.part").write_text("half")
    (out / ".0a0a.part").write_text("half a picture")
    assert batch(folder, out) == 0
    assert list(out.glob(".*.part")) == []


def test_failures_are_kept_until_asked_for_but_unreadable_files_are_tried_each_time(
    folder: Path, out: Path, tmp_path: Path
) -> None:
    (folder / "a").write_bytes(b"engine")
    (folder / "b").symlink_to("x")
    (folder / "c").write_bytes(b"unlink %s" % bytes(folder / "d"))
    (folder / "d").write_bytes(b"faces 1")
    for number in range(40):  # or "d" might be read ahead, before it has gone
        (folder / f"c{number:02}").write_bytes(b"faces 0")
    assert batch(folder, out, "--workers", "1") == 3
    first = recorded(out)
    assert [first[name] for name in (b"a", b"c", b"d")] == ["error:engine", "ok", "missing"]
    status = (folder / "a").stat()
    (folder / "a").write_bytes(b"notes!")  # what made it fail has gone, and size and time do not tell
    os.utime(folder / "a", ns=(1, status.st_mtime_ns))
    assert batch(folder, out) == 3
    assert recorded(out)[b"a"] == "error:engine"
    (folder / "d").write_bytes(b"faces 1")
    assert batch(folder, out, "--retry-errors") == 3
    again = recorded(out)
    assert [again[name] for name in (b"a", b"c", b"d")] == ["error:unsupported_image", "ok", "ok"]


def test_a_file_that_has_gone_is_missing(folder: Path, out: Path) -> None:
    (folder / "a").write_bytes(b"faces 1")
    (folder / "b").write_bytes(b"faces 1")
    assert batch(folder, out) == 0
    (folder / "a").unlink()
    assert batch(folder, out) == 3
    assert recorded(out) == {b"a": "missing", b"b": "ok"}


def test_two_runs_at_once_are_75_for_the_second_and_nothing_for_the_first(
    folder: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a").write_bytes(b"slow-mark %s" % bytes(tmp_path / "started"))
    process = start(folder, out)
    wait_for((tmp_path / "started").exists)
    assert batch(folder, out) == 75
    assert capsys.readouterr().err == (
        f"cli_batch.py: '{out}' is in use by process {process.pid}. Wait for it, or choose another --output_dir.\n"
    )
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert batch(folder, out) == 0


def test_a_damaged_state_is_74_and_fresh_the_way_out(
    folder: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a").write_bytes(b"faces 1")
    out.mkdir()
    (out / database.NAME).write_bytes(b"rubbish" * 1000)
    assert batch(folder, out) == 74
    message = capsys.readouterr().err
    assert f"'{out / database.NAME}' is damaged (file is not a database). Add --fresh to start over" in message
    assert message.count("\n") == 1
    assert batch(folder, out, "--fresh") == 0


def test_results_of_another_directory_are_not_mixed_in(
    folder: Path, out: Path, tmp_path: Path, counter: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counted(folder, counter, "a")
    batch(folder, out)
    capsys.readouterr()
    moved = folder.rename(tmp_path / "moved")
    assert batch(moved, out) == 64
    assert f"has the results of another directory, {folder}." in capsys.readouterr().err
    assert batch(moved, out, "--moved") == 0
    assert batch(moved, out) == 0
    assert counter.stat().st_size == 1


def test_a_hanging_photo_and_a_fifo_cost_only_themselves(folder: Path, out: Path) -> None:
    (folder / "a").write_bytes(b"sleep 60")
    (folder / "b").write_bytes(b"segv")
    (folder / "c").write_bytes(b"faces 1")
    os.mkfifo(folder / "d")
    assert batch(folder, out, "--timeout", "2", "--workers", "1") == 3
    assert recorded(out) == {b"a": "error:timeout", b"b": "error:worker_died", b"c": "ok"}


def test_links_in_a_loop_are_counted_not_followed(folder: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "loop").symlink_to("..")
    (folder / "sub" / "a").write_bytes(b"faces 1")
    assert batch(folder, out, "--recursive") == 0
    assert recorded(out) == {b"sub/a": "ok"}
    assert "Not read – symbolic links: 1." in capsys.readouterr().err


def test_globs_choose_and_results_follow_the_choice(
    folder: Path, out: Path, counter: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counted(folder, counter, "a.jpg", "b.jpg", "c.txt")
    assert batch(folder, out, "--include", "*.jpg", "--include", "*.txt", "--exclude", "b*") == 0
    assert recorded(out) == {b"a.jpg": "ok", b"c.txt": "ok"}
    assert "left out by --include and --exclude: 1" in capsys.readouterr().err
    assert batch(folder, out, "--include", "*.jpg") == 0
    assert recorded(out) == {b"a.jpg": "ok", b"b.jpg": "ok"}
    assert counter.stat().st_size == 3


def test_a_list_of_files_comes_from_a_file_or_standard_input(folder: Path, out: Path, tmp_path: Path) -> None:
    names = [b"\xff\n.jpg", b"sub/a"]
    (folder / "sub").mkdir()
    for name in (*names, b"other"):
        (folder / os.fsdecode(name)).write_bytes(b"faces 1")
    (tmp_path / "list").write_bytes(b"\0".join(names))
    assert batch(folder, out, "--files-from", str(tmp_path / "list")) == 0
    assert list(recorded(out)) == [b"sub/a", b"\xff\n.jpg"]
    process = start(folder, tmp_path / "out2", "--files-from", "-", stdin=b"other\0gone")
    process.communicate(timeout=20)
    assert process.returncode == 3
    assert recorded(tmp_path / "out2") == {b"gone": "missing", b"other": "ok"}


def test_a_list_with_a_path_outside_is_64(folder: Path, out: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"../counter")
    assert batch(folder, out, "--files-from", str(tmp_path / "list")) == 64
    assert results(out) == []


def test_status_says_how_far_a_batch_is(folder: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a").write_bytes(b"faces 2")
    (folder / "b").write_bytes(b"notes")
    batch(folder, out)
    capsys.readouterr()
    assert main(["--status", "--output_dir", str(out)]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{out}: finished\n  files ")
    assert "error:unsupported_image        1\n" in text
    assert main(["--status", "--json", "--output_dir", str(out)]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "directory": str(out),
        "running": False,
        "finished": True,
        "files": 2,
        "done": 2,
        "failed": 1,
        "faces": 2,
        "outcomes": {"error:unsupported_image": 1, "ok": 1},
    }


def test_status_of_a_run_under_way_names_its_process(
    folder: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a").write_bytes(b"mark %s" % bytes(tmp_path / "started"))
    process = start(folder, out)
    wait_for((tmp_path / "started").exists)
    assert main(["--status", "--output_dir", str(out)]) == 0
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert capsys.readouterr().out.startswith(f"{out}: running (process {process.pid})\n")
    wait_for(lambda: main(["--status", "--output_dir", str(out)]) == 0 and "not finished" in capsys.readouterr().out)


def test_status_of_shards_is_a_line_each(folder: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for which in ("1/2", "2/2"):
        batch(folder, out, "--shard", which)
    capsys.readouterr()
    assert main(["--status", "--json", "--output_dir", str(out)]) == 0
    lines = [json.loads(line) for line in io.StringIO(capsys.readouterr().out)]
    assert [Path(line["directory"]).name for line in lines] == ["shard-1-of-2", "shard-2-of-2"]


def test_status_of_nothing_is_64(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--status", "--output_dir", str(out)]) == 64
    assert capsys.readouterr().err == f"cli_batch.py: '{out}' holds no state of a batch.\n"
    assert not out.exists()
