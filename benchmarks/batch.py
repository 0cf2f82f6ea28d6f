"""The batch command beside the textbook loop, on the same folder: `python -m benchmarks.batch --res10 DIR`.

Makes folders of VGA and 1080p JPEGs, of the astronaut or of the photos in --photos, and runs over them, in turn, with
one and with two processes: our batch command, and what a textbook would write (OpenCV, res10, two Levi–Hassner nets
with random weights, a row of CSV a photo). Says photos per second with and without the start, and the memory of the
whole process tree (PSS, so that shared pages count once). From these it computes, on paper, what 100 million photos
take.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.batch_photos import scenes, sources

ROOT = Path(__file__).resolve().parents[1]
SIZES = {"VGA": (640, 480), "1080p": (1920, 1080)}
RESULTS = {"faces.csv", "images.csv", "summary.json", "report.html"}
MANY = 100_000_000
WORKERS = (2, 16, 64, 256, 1024)
HEADING = (
    "| way | photos/s | without the start | start, s | peak of the tree, MB | × textbook, 1 process |\n"
    + "|---" * 6
    + "|"
)


@dataclass(frozen=True)
class Figures:
    """Medians of one way: photos/s in all and without the start, seconds to start, peak megabytes of the tree."""

    rate: float
    steady: float
    start: float
    megabytes: float


@dataclass(frozen=True)
class Bytes:
    """What one more photo adds, in bytes: itself, the state, the tables."""

    photo: float
    state: float
    tables: float


def measured(command: Sequence[str]) -> tuple[float, float]:
    """Seconds that the command takes, and the most megabytes that it and its descendants have at once."""
    peak, over = [0.0], threading.Event()
    begin = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:

        def watch() -> None:
            while not over.wait(0.1):
                peak[0] = max(peak[0], tree_megabytes(process.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        _, said = process.communicate()
        seconds = time.perf_counter() - begin
        over.set()
        watcher.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}: {said.decode()}")
    return seconds, peak[0]


def tree_megabytes(root: int) -> float:
    """Proportional set size of a process and its descendants; those that end meanwhile have none."""
    family, kilobytes = [root], 0
    for pid in family:
        try:
            for task in Path(f"/proc/{pid}/task").iterdir():
                family += map(int, (task / "children").read_text().split())
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            kilobytes += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        except (OSError, StopIteration):
            continue
    return kilobytes / 1024


def commands(folder: Path, out: Path, res10: Path) -> dict[str, list[str]]:
    """Every way to do that folder."""
    ours = [
        sys.executable,
        "cli_batch.py",
        "--input_dir",
        str(folder),
        "--output_dir",
        str(out),
        "--fresh",
        "--workers",
    ]
    loop = [sys.executable, "-m", "benchmarks.batch_loop", str(res10), str(folder), str(out)]
    ways = {f"textbook, {count}": [*loop, str(count)] for count in (1, 2)}
    ways |= {f"faceattr, {count}": [*ours, str(count)] for count in (1, 2)}
    if importlib.util.find_spec("openvino"):
        ways |= {f"faceattr bf16, {count}": [*ours, str(count), "--precision", "bf16"] for count in (1, 2)}
    return ways


def compared(photos: Sequence[bytes], res10: Path, rounds: int, work: Path) -> tuple[dict[str, Figures], Bytes]:
    """Figures of every way over these photos, all ways in turn so that a noisy machine is unfair to none."""
    folders = {count: work / f"photos-{count}" for count in (1, len(photos))}
    for count, folder in folders.items():
        folder.mkdir()
        for number, photo in enumerate(photos[:count]):
            (folder / f"{number:06}.jpg").write_bytes(photo)
    runs: dict[str, list[tuple[float, float, float]]] = {}
    for _ in range(rounds):
        for way in commands(work, work, res10):
            (start, _), (all_of_it, peak) = (
                measured(commands(folder, work / f"{way.split(',')[0]}-{count}", res10)[way])
                for count, folder in folders.items()
            )
            runs.setdefault(way, []).append((start, all_of_it, peak))
    figures = {}
    for way, measurements in runs.items():
        start, all_of_it, peak = (statistics.median(values) for values in zip(*measurements, strict=True))
        steady = (len(photos) - 1) / max(all_of_it - start, 1e-3)
        figures[way] = Figures(len(photos) / all_of_it, steady, start, peak)
    more = len(photos) - 1
    (few_state, few_tables), (state, tables) = (sizes(work / f"faceattr-{count}") for count in folders)
    mean = sum(map(len, photos)) / len(photos)
    return figures, Bytes(mean, (state - few_state) / more, (tables - few_tables) / more)


def sizes(out: Path) -> tuple[int, int]:
    """Bytes of the state and of the results in an output directory."""
    files = {path.name: path.stat().st_size for path in out.iterdir() if path.is_file()}
    results = sum(size for name, size in files.items() if name in RESULTS)
    return sum(files.values()) - results, results


def on_paper(steady: float, each: Bytes) -> None:
    """What many photos take if every worker, a core each, is as fast as one of two here, and the disk keeps up."""
    print(f"\n{MANY / 10**6:.0f} million such photos, on paper, from {1000 / steady:.1f} ms of one core a photo")
    print(f"photos {MANY * each.photo / 1e12:.1f} TB")
    print(f"state {MANY * each.state / 1e9:.1f} GB, {each.state:.0f} B a photo")
    print(f"tables {MANY * each.tables / 1e9:.1f} GB, {each.tables:.0f} B a photo")
    print("| workers | hours | photos/s | MB/s to read |\n|---|---|---|---|")
    for workers in WORKERS:
        rate = steady * workers
        print(f"| {workers} | {MANY / rate / 3600:,.1f} | {rate:,.0f} | {rate * each.photo / 1e6:,.0f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--res10", type=Path, required=True, help="directory with the res10 detector as deploy_face.*")
    parser.add_argument(
        "--photos", type=Path, help="directory of JPEGs to make the folders of (default: the astronaut)"
    )
    parser.add_argument("--count", type=int, default=500, help="photos in each folder (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of which medians are taken (default: %(default)s)")
    parser.add_argument("--only", choices=SIZES, help="only this size")
    parsed = parser.parse_args()
    if parsed.count < 2:
        parser.error("--count must be at least 2")
    images = sources(parsed.photos)
    for name, (width, height) in SIZES.items():
        if parsed.only in (None, name):
            photos = list(itertools.islice(scenes(images, width, height), parsed.count))
            with tempfile.TemporaryDirectory() as work:
                figures, each = compared(photos, parsed.res10.resolve(), parsed.rounds, Path(work))
            print(f"\n{name}, {len(photos)} photos of {each.photo / 1000:.0f} kB\n{HEADING}")
            for way, of in figures.items():
                ratio = of.steady / figures["textbook, 1"].steady
                print(
                    f"| {way} | {of.rate:.1f} | {of.steady:.1f} | {of.start:.2f} | {of.megabytes:.0f} | {ratio:.1f}× |"
                )
            on_paper(figures["faceattr, 2"].steady / 2, each)


if __name__ == "__main__":
    main()
