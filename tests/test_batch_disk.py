"""Output directories that are full, limited, or not to be written to."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.test_batch_cli import batch, recorded, results, start

SMALL = 400_000  # bytes; the state of the folder below, or its tables, need more


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    directory = tmp_path / "folder"
    directory.mkdir()
    for number in range(40):
        (directory / f"{number:02}").write_bytes(b"faces 50")
    return directory


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def mounts() -> list[str]:
    """What to put before a command so that it may mount, for itself only."""
    prefix = ["unshare", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("may not mount a small file system here")
    return prefix


@pytest.mark.parametrize("limit", [1_000, 150_000, SMALL])
def test_file_size_limit_is_74_and_the_same_command_completes_without_it(folder: Path, out: Path, limit: int) -> None:
    process = start(folder, out, prefix=["prlimit", f"--fsize={limit}"])
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 74, stderr
    last = stderr.splitlines()[-1]
    assert last.startswith(f"cli_batch.py: Cannot write to '{out}': ")
    assert last.endswith("Free some space there and run the same command again; it goes on where it stopped.")
    assert "Traceback" not in stderr
    assert results(out) == []
    assert batch(folder, out) == 0
    assert len(recorded(out)) == 40


@pytest.mark.parametrize("kilobytes", [8, 200, 600])
def test_a_full_file_system_is_74_and_says_what_to_do(
    folder: Path, out: Path, mounts: list[str], kilobytes: int
) -> None:
    out.mkdir()
    script = f'mount -t tmpfs -o size={kilobytes}k small "$1" && shift && "$@"; code=$?; ls -A "$OUT"; exit $code'
    process = start(folder, out, prefix=[*mounts, "env", f"OUT={out}", "sh", "-c", script, "sh", str(out)])
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 74, stderr
    assert stderr.splitlines()[-1] == (
        f"cli_batch.py: Cannot write to '{out}': No space left on device. "
        "Free some space there and run the same command again; it goes on where it stopped."
    )
    assert [name for name in stdout.split() if not name.startswith(".faceattr-batch.")] == []


def test_a_read_only_file_system_is_73_though_an_earlier_run_was_there(
    folder: Path, out: Path, mounts: list[str]
) -> None:
    assert batch(folder, out) == 0
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && "$@"'
    process = start(folder, out, prefix=[*mounts, "sh", "-c", script, "sh", str(out)])
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 73
    assert stderr == (
        f"cli_batch.py: Cannot write to '{out}': Read-only file system. Choose an --output_dir that you may write to.\n"
    )


def test_a_state_that_may_not_be_written_is_73(folder: Path, out: Path, unprivileged: list[str]) -> None:
    assert batch(folder, out) == 0
    (out / ".faceattr-batch.sqlite").chmod(0o400)
    process = start(folder, out, prefix=unprivileged)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 73
    assert f"Cannot write to '{out}': " in stderr
    assert stderr.count("\n") == 1


def test_status_needs_no_right_to_write(folder: Path, out: Path, unprivileged: list[str]) -> None:
    assert batch(folder, out) == 0
    out.chmod(0o500)
    for path in out.iterdir():
        path.chmod(0o400)
    process = start(folder, out, "--status", prefix=unprivileged)
    stdout, stderr = process.communicate(timeout=60)
    out.chmod(0o700)
    assert (process.returncode, stderr) == (0, "")
    assert stdout.startswith(f"{out}: finished\n")
