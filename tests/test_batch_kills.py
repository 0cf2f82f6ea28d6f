"""A batch that is killed at random moments ends with the bytes of an undisturbed one; see benchmarks/kills.py."""

from __future__ import annotations

import random
import signal
import sys
from pathlib import Path

from benchmarks import kills

PROGRAM = (
    "import sys; from faceattr.batch.cli import main; from tests.batch_fakes import load; sys.exit(main(load=load))"
)
PHOTOS = [b"sleep 0.02", b"faces 2", b"truncated", b"notes", b"faces 0"]


def test_random_kills_cost_no_result(tmp_path: Path) -> None:
    rng = random.Random(5)
    folder, calm, disturbed = tmp_path / "folder", tmp_path / "calm", tmp_path / "disturbed"
    kills.hostile_folder(folder, PHOTOS, 300, rng)

    def command(out: Path) -> list[str]:
        words = ["--input_dir", str(folder), "--output_dir", str(out), "--recursive", "--format", "jsonl"]
        return [sys.executable, "-c", PROGRAM, *words, "--workers", "2"]

    assert kills.finish(command(calm)) == 3
    disturbances = list(kills.disturb(command(disturbed), disturbed, kills=6, span=4.0, rng=rng))
    assert any(kill.code == -signal.SIGKILL for kill in disturbances)
    assert [kill.done for kill in disturbances] == sorted(kill.done for kill in disturbances)  # nothing is ever lost
    assert kills.finish(command(disturbed)) == 3
    assert kills.difference(calm, disturbed, kills.RESULTS) == []
    assert [path.name for path in disturbed.iterdir() if path.name.endswith(".part")] == []
