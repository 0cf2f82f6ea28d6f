"""Kills a batch again and again, at random moments, and compares what it ends with to an undisturbed run's results.

`python -m benchmarks.kills [--kills 100] [--files 2000] [--workers 2] [--span SECONDS] [--seed 1]`. Prints one line per
ten kills and a verdict; exits 1 when a byte differs.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from faceattr.batch.lock import is_held
from faceattr.batch.state import State
from faceattr.errors import FaceAttrError

ROOT = Path(__file__).parents[1]
HOSTILE = (
    b"=cmd|' /C calc'!A0.jpg",
    "naïve\n名.jpg".encode(),
    b"\xff\xfe.jpg",
    b"-1.jpg",
    b"--help",
    b'",".jpg',
    b"\r\n",
)
RESULTS = ("faces.csv", "images.csv", "faces.jsonl", "summary.json", "report.html")


@dataclass(frozen=True, slots=True)
class Kill:
    """What a killed run left behind: its exit code (-9, or that of a run that was faster) and the files then done."""

    code: int
    done: int


def hostile_folder(directory: Path, contents: Sequence[bytes], files: int, rng: random.Random) -> None:
    """Fills a directory, and directories in it, with that many files of hostile names, with these contents in turn."""
    for number in range(files):
        parent = directory / os.fsdecode(rng.choice((b"", b"a/", b"a/\xfe/", b"=a/", b"z\n/")))
        parent.mkdir(parents=True, exist_ok=True)
        name = HOSTILE[number] if number < len(HOSTILE) else _name(rng) + b"%d" % number
        path = parent / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)  # one of the names has a slash in it
        path.write_bytes(contents[number % len(contents)])


def disturb(command: Sequence[str], out: Path, kills: int, span: float, rng: random.Random) -> Iterator[Kill]:
    """Starts the command that often, each time killing its whole process group after up to `span` seconds."""
    for _ in range(kills):
        process = _start(command)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0, span))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        yield Kill(process.wait(), _done(out))


def finish(command: Sequence[str]) -> int:
    """Runs the command undisturbed. Returns its exit code."""
    return _start(command).wait()


def _timed(command: Sequence[str]) -> tuple[int, float]:
    begin = time.monotonic()
    return finish(command), time.monotonic() - begin


def difference(one: Path, other: Path, names: Sequence[str]) -> list[str]:
    """Names of results that are not the same to the byte, or not in both directories."""
    return [name for name in names if _content(one / name) is None or _content(one / name) != _content(other / name)]


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        list(command), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def _done(out: Path) -> int:
    while is_held(out):  # a killed process lets go of its files a moment after it is dead
        time.sleep(0.01)
    try:
        with State(out) as state:
            return state.counts().done
    except FaceAttrError:
        return 0  # not even the output directory is there yet


def _name(rng: random.Random) -> bytes:
    letters = bytes(number for number in range(1, 256) if number != ord("/"))
    return bytes(rng.choices(letters, k=rng.randrange(1, 30)))


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--span", type=float, help="seconds after which a run is killed, at most (default: measured)")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> int:
    args = _arguments()
    rng = random.Random(args.seed)
    photo = (ROOT / "tests" / "data" / "astronaut.jpg").read_bytes()
    with tempfile.TemporaryDirectory() as place:
        folder, calm, disturbed = (Path(place, name) for name in ("folder", "calm", "disturbed"))
        hostile_folder(folder, [photo, photo, photo[:40_000], b"", b"no photo"], args.files, rng)

        def command(out: Path) -> list[str]:
            words = ["--recursive", "--format", "jsonl", "--workers", str(args.workers)]
            return [sys.executable, "cli_batch.py", "--input_dir", str(folder), "--output_dir", str(out), *words]

        code, whole = _timed(command(calm))
        _, empty = _timed(command(calm))
        print(
            f"undisturbed: exit code {code}, {args.files} files, {whole:.1f} s; nothing to do: {empty:.1f} s",
            flush=True,
        )
        # The kills should fall into every part of the work, and the work not be done long before the last of them.
        span = args.span or empty + 4 * (whole - empty) / args.kills
        killed = 0
        for number, kill in enumerate(disturb(command(disturbed), disturbed, args.kills, span, rng), start=1):
            killed += kill.code == -signal.SIGKILL
            if number % 10 == 0:
                print(f"{number} runs, {killed} killed before their end; {kill.done} files done", flush=True)
        last = finish(command(disturbed))
        differing = difference(calm, disturbed, RESULTS)
        print(f"after {killed} kills: exit code {last}; differing: {', '.join(differing) or 'nothing'}")
        return int(bool(differing) or last != code)


if __name__ == "__main__":
    sys.exit(main())
