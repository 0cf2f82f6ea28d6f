"""The loop over a folder that a textbook would write: `python -m benchmarks.batch_loop RES10 FOLDER OUT PROCESSES`."""

from __future__ import annotations

import argparse
import csv
import multiprocessing
from collections.abc import Sequence
from pathlib import Path

from benchmarks.textbook import Textbook


def textbook_loop(res10: Path, threads: int, photos: Sequence[Path], table: Path) -> None:
    """What a textbook writes: one photo after the other, a row for each."""
    textbook = Textbook(res10, threads)
    with table.open("w", newline="") as file:
        rows = csv.writer(file)
        for photo in photos:
            rows.writerow([photo.name, textbook.analyze(photo.read_bytes(), None)["total"]])


def textbook_processes(res10: Path, processes: int, folder: Path, out: Path) -> None:
    """The loop over a folder, in equal parts; two threads when it is alone, as OpenCV then takes both cores."""
    photos = sorted(folder.iterdir())
    out.mkdir(exist_ok=True)
    spawn = multiprocessing.get_context("spawn")
    parts = [
        spawn.Process(
            target=textbook_loop, args=(res10, 3 - min(processes, 2), photos[part::processes], out / f"{part}.csv")
        )
        for part in range(processes)
    ]
    for part in parts:
        part.start()
    for part in parts:
        part.join()
    if any(part.exitcode for part in parts):
        raise SystemExit("a process of the textbook loop failed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("res10", type=Path, help="directory with the res10 detector as deploy_face.*")
    parser.add_argument("folder", type=Path, help="photos")
    parser.add_argument("out", type=Path, help="where a table for each process goes")
    parser.add_argument("processes", type=int)
    parsed = parser.parse_args()
    textbook_processes(parsed.res10, parsed.processes, parsed.folder, parsed.out)


if __name__ == "__main__":
    main()
