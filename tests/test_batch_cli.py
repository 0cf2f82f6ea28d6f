from __future__ import annotations

import csv
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from faceattr.batch.arguments import parser, require_input
from faceattr.batch.cli import main
from faceattr.batch.helptext import EPILOG
from faceattr.batch.state import State
from faceattr.errors import PhotoError
from faceattr.settings import Settings
from faceattr.version import __version__
from tests import batch_fakes

ROOT = Path(__file__).parent.parent
Load = Callable[[Settings], batch_fakes.FakeAnalyzer]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    directory = tmp_path / "folder"
    directory.mkdir()
    return directory


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def batch(folder: Path | str, out: Path | str, *words: str, load: Load = batch_fakes.load) -> int:
    """The command's exit code, run in this process."""
    try:
        return main(["--input_dir", str(folder), "--output_dir", str(out), *words], load=load)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1


def start(
    folder: Path, out: Path, *words: str, prefix: list[str] | None = None, stdin: bytes = b""
) -> subprocess.Popen[str]:
    """The command in a process, and process group, of its own, where every warning is an error."""
    program = (
        "import sys; from faceattr.batch.cli import main; from tests.batch_fakes import load; sys.exit(main(load=load))"
    )
    command = [sys.executable, "-W", "error", "-c", program, "--input_dir", str(folder), "--output_dir", str(out)]
    with tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        return subprocess.Popen(
            [*(prefix or []), *command, *words],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=given,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A parent that ignores Ctrl-C (nohup, a script's background job) would pass that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


def results(out: Path) -> list[str]:
    """Names of what a user finds in the output directory."""
    return sorted(path.name for path in out.iterdir() if not path.name.startswith("."))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def recorded(out: Path) -> dict[bytes, str]:
    return {unquote_to_bytes(row["path"]): row["outcome"] for row in rows(out / "images.csv")}


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def running(group: int) -> list[str]:
    """The state of every process of the group, but for those that are dead and only wait to be reaped."""
    states = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, found, *_ = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(found) == group and state != "Z":
            states.append(state)
    return states


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--conf", "1.5"], "argument --conf/--min-confidence: must be a number from 0 to 1, not '1.5'"),
        (["--conf", "-0.1"], "argument --conf/--min-confidence: must be a number from 0 to 1, not '-0.1'"),
        (["--conf", "nan"], "argument --conf/--min-confidence: must be a number from 0 to 1, not 'nan'"),
        (["--conf", "half"], "argument --conf/--min-confidence: must be a number from 0 to 1, not 'half'"),
        (["--workers", "0"], "argument --workers: must be a whole number of at least 1, not '0'"),
        (["--workers", "-1"], "argument --workers: must be a whole number of at least 1, not '-1'"),
        (["--workers", "1.5"], "argument --workers: must be a whole number of at least 1, not '1.5'"),
        (["--timeout", "0"], "argument --timeout: must be a number of seconds from 0.1 to 1,000,000, not '0'"),
        (["--timeout", "inf"], "argument --timeout: must be a number of seconds from 0.1 to 1,000,000, not 'inf'"),
        (["--format", "csv,xls"], "argument --format: must be of csv, jsonl, parquet, not 'xls'"),
        (["--include", "[z-a]"], "must be a glob such as '*.jpg', not '[z-a]': bad character range z-a. See"),
        (["--exclude", ""], "argument --exclude: must not be empty"),
        (["--shard", "4/3"], "argument --shard: must be I/N with I from 1 to N, not '4/3'"),
        (["--shard", "0/3"], "argument --shard: must be I/N with I from 1 to N, not '0/3'"),
        (["--shard", "1"], "argument --shard: must be I/N with I from 1 to N, not '1'"),
        (["--json"], "argument --json: only with --status"),
        (["--fresh", "--retry-errors"], "argument --retry-errors: not with --fresh"),
        (["--files-from", "nowhere"], "--files-from 'nowhere' cannot be read: No such file or directory"),
        (["--models", ""], "argument --models: must not be empty"),
        (["--recurse"], "unrecognized arguments: --recurse"),
        (["--rec"], "unrecognized arguments: --rec"),
        (["--input_dir", ""], "argument --input_dir/--input-dir: must not be empty"),
        (["--input_dir", "nowhere"], "--input_dir 'nowhere' cannot be read: No such file or directory"),
        (["--input_dir", __file__], "cannot be read: Not a directory"),
    ],
)
def test_wrong_usage_is_64_with_one_sentence_and_no_work(
    folder: Path, out: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert batch(folder, out, *words) == 64
    stdout, stderr = capsys.readouterr()
    assert stdout == ""
    assert stderr.startswith("cli_batch.py: ")
    assert sentence in stderr
    assert stderr.count("\n") == 1
    assert not out.exists()


def test_directories_may_be_spelt_like_all_other_words(folder: Path, out: Path) -> None:
    (folder / "a").write_bytes(b"faces 1")
    assert main(["--input-dir", str(folder), "--output-dir", str(out)], load=batch_fakes.load) == 0


def test_examples_of_the_help_are_words_that_are_understood() -> None:
    lines = EPILOG.partition("examples:\n")[2].partition("\n\n")[0].splitlines()
    assert len(lines) >= 3
    for line in lines:
        *_, words = line.partition("cli_batch.py ")
        require_input(parser(), parser().parse_args(shlex.split(words)))


def test_results_of_one_run_are_no_photos_of_the_next(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a").write_bytes(b"faces 1")
    assert batch(folder, folder / "first", "--recursive", "--annotate") == 0
    assert batch(folder, folder / "second", "--recursive") == 0
    assert recorded(folder / "second") == {b"a": "ok"}
    assert "results of other runs: " in capsys.readouterr().err
    assert batch(folder, tmp_path / "third", "--recursive") == 0
    assert recorded(tmp_path / "third") == {b"a": "ok"}


def test_pictures_of_shards_are_no_photos_of_another_run(folder: Path, tmp_path: Path) -> None:
    (folder / "a").write_bytes(b"faces 1")
    for which in ("1/2", "2/2"):
        assert batch(folder, folder / "parts", "--annotate", "--shard", which) == 0
    assert (folder / "parts" / "annotated" / "a.jpg").exists()
    assert batch(folder, tmp_path / "second", "--recursive") == 0
    assert recorded(tmp_path / "second") == {b"a": "ok"}


def test_summary_and_report_name_what_made_the_answers(folder: Path, out: Path) -> None:
    (folder / "a").write_bytes(b"faces 1")
    assert batch(folder, out, "--min-face", "40") == 0
    made_by = json.loads((out / "summary.json").read_bytes())["made_by"]
    assert made_by["pack"] == {"name": "fake", "version": "1", "digest": "d1", "manifest": "m"}
    assert (made_by["faceattr"], made_by["options"]["min_face"]) == (__version__, 40)
    assert "min_face 40" in (out / "report.html").read_text()


def test_missing_words_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="64"):
        main([])
    assert "required: --output_dir" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="64"):
        main(["--output_dir", "x"])
    assert "required: --input_dir" in capsys.readouterr().err


def test_bad_variable_is_64(folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEATTR_MIN_SIDE", "wide")
    assert batch(folder, out) == 64


def test_results_among_the_photos_are_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    assert batch(folder, link) == 64
    assert "must be another directory" in capsys.readouterr().err
    (tmp_path / "annotated" / "deep").mkdir(parents=True)
    assert batch(tmp_path / "annotated" / "deep", tmp_path, "--annotate") == 64
    assert "among the photos" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("place", ["file", "file/out", "dir", "/proc/nowhere"])
def test_output_that_cannot_be_written_is_73_before_any_work(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    (folder / "a").write_bytes(b"boom")
    (tmp_path / "file").touch()
    (tmp_path / "dir" / "images.csv").mkdir(parents=True)
    assert batch(folder, tmp_path / place) == 73
    message = capsys.readouterr().err
    assert message.startswith("cli_batch.py: Cannot write to")
    assert message.count("\n") == 1


@pytest.mark.parametrize(
    ("contents", "code", "expected"),
    [
        ([], 0, []),
        ([b"faces 1", b"faces 0"], 0, ["ok", "no_face"]),
        ([b"faces 1", b"truncated", b"notes"], 3, ["ok", "error:truncated_image", "error:unsupported_image"]),
        ([b"boom", b"faces 1"], 3, ["error:internal", "ok"]),
    ],
)
def test_exit_code_says_whether_every_file_was_analysed(
    folder: Path, out: Path, contents: list[bytes], code: int, expected: list[str]
) -> None:
    for number, content in enumerate(contents):
        (folder / str(number)).write_bytes(content)
    assert batch(folder, out) == code
    assert list(recorded(out).values()) == expected


@pytest.mark.parametrize(
    ("load", "code"),
    [(batch_fakes.load_bad_pack, 78), (batch_fakes.load_bad_engine, 78), (batch_fakes.load_bad_setting, 64)],
)
def test_models_that_cannot_be_used_are_told_once_even_without_photos(
    folder: Path, out: Path, capsys: pytest.CaptureFixture[str], load: Load, code: int
) -> None:
    assert batch(folder, out, load=load) == code
    assert capsys.readouterr().err.count("\n") == 1
    assert results(out) == []


def test_hostile_names_survive_the_whole_way(folder: Path, out: Path) -> None:
    names = [b"=cmd|' /C calc'!A0.jpg", "naïve\n名.jpg".encode(), b"\xff\xfe.jpg", b"-1.jpg", b"plain.jpg"]
    for name in names:
        (folder / os.fsdecode(name)).parent.mkdir(exist_ok=True)  # the first holds a slash, and so a directory
        (folder / os.fsdecode(name)).write_bytes(b"faces 2")
    assert batch(folder, out, "--annotate", "--recursive") == 0
    assert [unquote_to_bytes(row["path"]) for row in rows(out / "images.csv")] == sorted(names)
    assert [unquote_to_bytes(row["path"]) for row in rows(out / "faces.csv")] == sorted(names * 2)
    assert {row["file"][0] for row in rows(out / "faces.csv")}.isdisjoint("=-+@")
    drawn = [os.fsencode(path.relative_to(out / "annotated")) for path in out.rglob("*.jpg")]
    assert list(out.rglob("*.part")) == []
    assert sorted(drawn) == sorted(name + b".jpg" for name in names)


def test_tables_are_the_same_bytes_whatever_the_number_of_workers(folder: Path, tmp_path: Path) -> None:
    for number in range(30):
        directory = folder / f"{number % 4}"
        directory.mkdir(exist_ok=True)
        (directory / f"{number}.jpg").write_bytes([b"faces 3", b"faces 0", b"truncated", b"sleep 0.05"][number % 4])
    tables = []
    for workers in ("1", "3"):
        assert batch(folder, tmp_path / workers, "--recursive", "--workers", workers) == 3
        tables.append([(tmp_path / workers / name).read_bytes() for name in ("faces.csv", "images.csv")])
    assert tables[0] == tables[1]
    assert tables[0][1].count(b"\r\n") == 31


def test_what_is_not_a_file_and_what_is_deeper_is_counted_not_read(
    folder: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(folder / "fifo.jpg")
    (folder / "link.jpg").symlink_to("fifo.jpg")
    (folder / "sub").mkdir()
    (folder / "sub" / "a.jpg").write_bytes(b"faces 1")
    assert batch(folder, out) == 0
    assert recorded(out) == {}
    assert capsys.readouterr().err.splitlines()[-2] == (
        "Not read – symbolic links: 1; FIFOs, sockets or devices: 1; sub-directories, without --recursive: 1."
    )


def test_output_inside_the_input_is_left_out_of_the_next_run(folder: Path) -> None:
    (folder / "a.jpg").write_bytes(b"faces 1")
    for _ in range(2):
        assert batch(folder, folder / "results", "--recursive", "--annotate") == 0
        assert recorded(folder / "results") == {b"a.jpg": "ok"}


@pytest.mark.parametrize(
    ("words", "confidence"), [(["--conf", "0.25"], "0.2500"), (["--conf", "0"], "0.0000"), ([], "0.1234")]
)
def test_conf_reaches_the_analyzer_and_is_the_packs_own_by_default(
    folder: Path, out: Path, words: list[str], confidence: str
) -> None:
    (folder / "a").write_bytes(b"options")
    assert batch(folder, out, *words) == 0
    assert rows(out / "faces.csv")[0]["confidence"] == confidence
    assert not (out / "annotated").exists()


def test_file_that_vanishes_during_the_run_is_missing(folder: Path, out: Path) -> None:
    last = b"z"  # the next ones have been read when the first is analysed
    (folder / "a").write_bytes(b"unlink %s" % bytes(folder / last.decode()))
    for name in "bcdefgz":
        (folder / name).write_bytes(b"faces 1")
    assert batch(folder, out, "--workers", "1") == 3
    assert recorded(out)[last] == "missing"


def test_summary_tells_counts_and_where_the_tables_are(
    folder: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a").write_bytes(b"faces 2")
    (folder / "b").write_bytes(b"truncated")
    batch(folder, out)
    log = capsys.readouterr().err.splitlines()
    assert log[0] == "pack fake 1"
    assert log[1].startswith("2 files: error:truncated_image 1, ok 1; 2 faces, 1 failed. This run: 2 files in ")
    names = ("faces.csv", "images.csv", "summary.json", "report.html")
    assert log[2:] == [f"Results: {', '.join(str(out / name) for name in names)}"]


def test_help_tells_every_error_code_of_a_photo(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    text = capsys.readouterr().out
    assert [kind.code for kind in PhotoError.__subclasses__() if kind.code not in text] == []
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_is_130_and_leaves_what_is_done_and_no_processes(
    folder: Path, out: Path, tmp_path: Path, number: signal.Signals
) -> None:
    (folder / "a").write_bytes(b"faces 1")
    (folder / "b").write_bytes(b"slow-mark %s" % bytes(tmp_path / "started"))
    (folder / "c").write_bytes(b"faces 2")
    for name in range(20):
        (folder / f"d{name}").write_bytes(b"sleep 0.2")
    process = start(folder, out, "--workers", "1")
    wait_for((tmp_path / "started").exists)
    os.killpg(process.pid, number)
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == (
        "cli_batch.py: Interrupted. What is done is kept; run the same command again to go on from there."
    )
    assert "Traceback" not in stderr + stdout
    assert results(out) == []
    wait_for(lambda: not running(process.pid))
    with State(out, read_only=True) as state:
        assert 2 <= state.counts().outcomes["ok"] <= 5  # b was finished


def test_second_interrupt_ends_at_once(folder: Path, out: Path, tmp_path: Path) -> None:
    (folder / "a").write_bytes(b"mark %s" % bytes(tmp_path / "started"))
    process = start(folder, out)
    wait_for((tmp_path / "started").exists)
    for _ in range(2):
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.3)
    process.communicate(timeout=5)
    assert process.returncode == 130
    wait_for(lambda: not running(process.pid))


def test_workers_end_soon_when_the_parent_is_killed(folder: Path, out: Path, tmp_path: Path) -> None:
    (folder / "a").write_bytes(b"segv-unless %s" % bytes(tmp_path / "started"))
    (folder / "b").write_bytes(b"sleep 0.5")
    process = start(folder, out, "--workers", "1")
    wait_for((tmp_path / "started").exists)
    assert len(running(process.pid)) >= 2
    process.kill()
    process.communicate()
    wait_for(lambda: not running(process.pid))


def test_undisturbed_run_has_no_warnings(folder: Path, out: Path) -> None:
    (folder / "a").write_bytes(b"faces 1")
    stdout, stderr = start(folder, out, "--annotate").communicate(timeout=20)
    assert stdout == ""
    assert [line.split(" ")[0] for line in stderr.splitlines()] == ["pack", "1", "Results:"]


def test_unreadable_files_and_directories_are_rows(folder: Path, out: Path, unprivileged: list[str]) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "x").write_bytes(b"faces 1")
    for name in ("a", "b", "z"):
        (folder / name).write_bytes(b"faces 1")
    (folder / "b").chmod(0)
    (folder / "sub").chmod(0)
    process = start(folder, out, "--recursive", prefix=unprivileged)
    _, stderr = process.communicate(timeout=20)
    (folder / "sub").chmod(0o755)
    assert process.returncode == 3
    assert list(recorded(out).items()) == [
        (b"a", "ok"),
        (b"b", "error:unreadable"),
        (b"sub/", "error:unreadable"),
        (b"z", "ok"),
    ]
    assert "error:unreadable b: Permission denied" in stderr


@pytest.mark.parametrize(
    ("which", "mode", "code", "sentence"),
    [
        ("folder", 0o300, 64, "folder' cannot be read: Permission denied"),
        ("out", 0o500, 73, "out': Permission denied. Choose an --output_dir that you may write to"),
    ],
)
def test_directories_without_permission_are_refused_at_once(
    folder: Path, out: Path, unprivileged: list[str], which: str, mode: int, code: int, sentence: str
) -> None:
    out.mkdir()
    directory = {"folder": folder, "out": out}[which]
    directory.chmod(mode)
    process = start(folder, out, prefix=unprivileged)
    _, stderr = process.communicate(timeout=20)
    directory.chmod(0o755)
    assert process.returncode == code
    assert sentence in stderr
    assert stderr.count("\n") == 1
