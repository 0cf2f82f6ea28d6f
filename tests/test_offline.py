"""That no library does on its own what this project promises not to do."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.conftest import ROOT
from tests.running import until
from tests.services import environment, start, stop


def test_no_library_keeps_anything_in_the_home_directory(tmp_path: Path) -> None:
    # As ONNX Runtime does from 1.31 on, to report to its makers, unless it is told not to.
    homes = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "XDG_CONFIG_HOME": str(tmp_path / "etc")}
    command = [sys.executable, "-m", "faceattr", "analyze", str(ROOT / "tests/data/astronaut.jpg")]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment(**homes), check=False, timeout=120)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert list(tmp_path.rglob("*")) == []


def test_the_service_opens_no_file_to_write_and_no_connection(tmp_path: Path) -> None:
    service = start(HOME=str(tmp_path))
    try:
        photo = (ROOT / "tests/data/astronaut.jpg").read_bytes()
        assert service.request("POST", "/analyze", photo, Content_Type="image/jpeg")[0] == 200
        # The connection that was answered goes only once the service has seen it closed.
        until(lambda: sum(name.startswith("socket:") for name in opened(service.process.pid)) <= 2)
        files = [name for name in opened(service.process.pid) if name.startswith("/") and not name.startswith("/dev/")]
    finally:
        assert stop(service) == 0
    assert files == []


def opened(pid: int) -> list[str]:
    """What a process has open; a file that it closes meanwhile is left out."""
    names = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            names.append(str(link.readlink()))
    return names
