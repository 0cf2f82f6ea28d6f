"""The real thing: three nodes of Ray on this machine, slow to start and to notice the dead."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from faceattr.batch import ray_cluster, status
from faceattr.batch.cli import main
from faceattr.errors import EngineError, FaceAttrError, SettingsError
from tests import batch_fakes
from tests.conftest import ROOT

PHOTOS = 600
TABLES = ("faces.csv", "images.csv", "faces.jsonl", "summary.json", "report.html")
PROGRAM = (
    "import sys; from faceattr.batch.cli import main; from tests.batch_fakes import load; sys.exit(main(load=load))"
)


class Nodes:
    """The cluster, in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.address = self._hear()

    def tell(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        assert self._hear() == "done"

    def _hear(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    pytest.importorskip("ray", reason="install Ray to run this test: pip install -r requirements-ray.txt")
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.ray_nodes"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        yield Nodes(process)  # leaving closes its input, which ends it


def folder_of(directory: Path) -> Path:
    """Photos that take a while, some that fail, and one that ends its worker however often it is tried."""
    for number in range(PHOTOS):
        content = b"truncated" if number % 50 == 7 else b"faces %d" % (number % 4) if number % 3 else b"sleep 0.1"
        (directory / f"{number:04}.jpg").write_bytes(content)
    (directory / "0100.jpg").write_bytes(b"segv")
    return directory


def done(out: Path) -> int:
    try:
        return int(next(iter(status.statuses(out).values()))["done"])
    except FaceAttrError:
        return 0


def test_tables_are_those_of_one_machine_though_a_node_and_a_worker_die(tmp_path: Path, nodes: Nodes) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    words = ["--input_dir", str(folder_of(photos)), "--format", "jsonl", "--output_dir"]
    assert main([*words, str(tmp_path / "one")], load=batch_fakes.load) == 3
    command = [sys.executable, "-c", PROGRAM, *words, str(tmp_path / "many"), "--cluster", nodes.address]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as run:
        for share, disaster in ((0.3, "kill-node"), (0.6, "kill-worker")):
            while done(tmp_path / "many") < PHOTOS * share and run.poll() is None:
                time.sleep(0.05)
            assert run.poll() is None, run.communicate()
            nodes.tell(disaster)
        out, err = run.communicate(timeout=300)
    assert (run.returncode, out) == (3, ""), err
    for table in TABLES:
        assert (tmp_path / "many" / table).read_bytes() == (tmp_path / "one" / table).read_bytes(), table


def test_without_ray_a_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SettingsError, match="--cluster needs Ray .* pip install -r requirements-ray.txt"):
        ray_cluster.RayCluster("auto")


def test_an_address_where_nobody_listens_is_said_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ray itself would go on trying for minutes; `auto` reads what the last cluster of this machine has left behind."""
    monkeypatch.setitem(sys.modules, "ray", ModuleType("ray"))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = f"127.0.0.1:{server.getsockname()[1]}"
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text(place)
    for address in (place, f"ray://{place}", "auto", "127.0.0.1:99999"):
        with pytest.raises(EngineError, match=f"No Ray cluster answers at '{address}' .* ray start --head"):
            ray_cluster.RayCluster(address)
    for address in ("head", "head:", ":6379"):
        with pytest.raises(SettingsError, match="must be auto or HOST:PORT"):
            ray_cluster.RayCluster(address)


def test_ray_is_imported_by_its_own_module_only_and_not_before_it_is_needed() -> None:
    code = "import sys, faceattr.batch.ray_pool, faceattr.batch.ray_worker; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
