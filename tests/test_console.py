"""What becomes of a command whose standard output goes nowhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from faceattr.console import printable
from tests.conftest import DATA, ROOT
from tests.services import environment

COMMANDS = {
    "models": [sys.executable, "-m", "faceattr", "models", "list"],
    "status": [sys.executable, "cli_batch.py", "--status", "--json", "--output_dir"],
}


@pytest.fixture(params=COMMANDS)
def command(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """A command that prints something and succeeds."""
    if request.param == "models":
        return COMMANDS["models"]
    (tmp_path / "photos").mkdir()
    batch = [sys.executable, "cli_batch.py", "--input_dir", str(tmp_path / "photos"), "--output_dir", str(tmp_path)]
    subprocess.run(batch, cwd=ROOT, env=environment(), check=True, capture_output=True)
    return [*COMMANDS["status"], str(tmp_path)]


def test_a_full_disk_is_said_and_is_74(command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(command, cwd=ROOT, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True)
    assert ran.returncode == os.EX_IOERR
    assert ran.stderr == "Standard output cannot be written: No space left on device.\n"


def test_a_reader_that_has_gone_is_no_error_to_speak_of(command: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        ran = subprocess.run(command, cwd=ROOT, env=environment(), stdout=pipe, stderr=subprocess.PIPE, text=True)
    assert (ran.returncode, ran.stderr) == (1, "")


def test_without_a_standard_output_a_command_ends_as_it_would(command: list[str]) -> None:
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    ran = subprocess.run(closed, cwd=ROOT, env=environment(), stderr=subprocess.PIPE, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_an_error_of_something_else_is_not_taken_for_one_of_the_output() -> None:
    program = (
        "from faceattr.console import finish\ndef fail(): raise ConnectionRefusedError(111, 'refused')\nfinish(fail)"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert ran.returncode == 1
    assert "ConnectionRefusedError" in ran.stderr


@pytest.mark.parametrize("closing", ["2>&-", "<&- >&- 2>&-"])
def test_without_a_standard_error_a_command_ends_as_it_would(command: list[str], closing: str) -> None:
    closed = ["sh", "-c", f'exec "$@" {closing}', "sh", *command]
    ran = subprocess.run(closed, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)
    assert ran.returncode == 0
    assert bool(ran.stdout) == (">&-" not in closing.split())


def test_without_a_standard_error_photos_are_analysed(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    photo = tmp_path / "photos" / "a.jpg"
    photo.write_bytes((DATA / "astronaut.jpg").read_bytes())
    closed = ["sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable]
    analyze = [*closed, "-m", "faceattr", "analyze", "--json", str(photo)]
    ran = subprocess.run(analyze, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True)
    assert ran.returncode == 0
    assert len(json.loads(ran.stdout)["faces"]) == 1
    batch = [*closed, "cli_batch.py", "--input_dir", str(photo.parent), "--output_dir", str(tmp_path / "out")]
    assert subprocess.run(batch, cwd=ROOT, env=environment()).returncode == 0
    assert "a.jpg" in (tmp_path / "out" / "faces.csv").read_text()


@pytest.mark.parametrize("words", [["-m", "faceattr", "models", "list"], ["cli_batch.py", "--help"]])
def test_ctrl_c_while_modules_are_imported_is_no_error_of_theirs(words: list[str], tmp_path: Path) -> None:
    # NumPy's place is taken by a module that is interrupted while it is imported, as by a Ctrl-C at that moment.
    for name in ("numpy", "cv2"):
        (tmp_path / f"{name}.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    (tmp_path / "http").mkdir()
    (tmp_path / "http" / "__init__.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    environ = environment(PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    ran = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert ran.returncode == -signal.SIGINT  # 130 for a shell
    assert ran.stderr == ""


def test_what_could_drive_a_terminal_is_escaped() -> None:
    assert printable("naïve 名.jpg") == "naïve 名.jpg"
    assert printable("a\x1b[31m\nb\udcff") == "a\\x1b[31m\\nb\\udcff"
