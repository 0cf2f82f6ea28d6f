"""What becomes of a command whose standard output goes nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
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
