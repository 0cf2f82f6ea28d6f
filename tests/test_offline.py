"""That no library does on its own what this project promises not to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT
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
        opened = [str(link.readlink()) for link in Path(f"/proc/{service.process.pid}/fd").iterdir()]
    finally:
        assert stop(service) == 0
    files = [name for name in opened if name.startswith("/") and not name.startswith("/dev/")]
    assert files == []
    assert sum(name.startswith("socket:") for name in opened) <= 2
