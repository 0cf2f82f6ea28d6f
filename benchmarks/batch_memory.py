"""The batch's memory over very many photos: `python -m benchmarks.batch_memory [--count 20000] [--photos DIR]`.

Makes a few hundred small JPEGs, of the astronaut or of the photos in --photos, links them under as many names as asked
for, runs the batch command over them with two workers, and looks at the memory of its whole process tree every two
seconds. It must never exceed 600 MB, and be flat: the median of the run's last fifth at most 20 MB above that of its
second fifth. Both are RSS, although that counts shared pages twice: PSS changes with what other programs share. Exits
1 when a bound is broken. With --leak the workers keep every photo, and the same check must find it. Says nothing about
speed: run it in the background, with nice.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.batch_photos import scenes, sources
from benchmarks.load import Bound, growth
from benchmarks.tree import Watched, watched

DIFFERENT = 300  # photos; all others are links to one of them
SIZE = (480, 360)
IN_ONE_DIRECTORY = 1000
MEGABYTES, GROWTH = 600, 20
EVERY_S, LOOKS = 2.0, 60  # a line every two minutes
LEAKING = (
    "import sys; from benchmarks.batch_leaking import load; from faceattr.batch.cli import main; "
    "sys.exit(main(load=load))"
)


def fill(folder: Path, photos: Sequence[bytes], count: int) -> None:
    """Files of so many names: the photos, and links to them."""
    paths = [folder / f"{number // IN_ONE_DIRECTORY:03}" / f"{number:06}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        if number < len(photos):
            path.write_bytes(photos[number])
        else:
            os.link(paths[number % len(photos)], path)


def bounds(run: Watched, count: int, done: int) -> list[Bound]:
    """What was measured against what it may be."""
    return [
        Bound("exit code", run.code, 0),
        Bound("photos analysed", done, count, least=True),
        Bound("peak memory of the tree (RSS)", run.peak.rss, MEGABYTES, "MB"),
        Bound("growth of memory", growth([sample.rss for sample in run.samples]), GROWTH, "MB"),
    ]


def main() -> int:
    """The exit code: 0 when every bound holds, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000, help="photos (default: %(default)s)")
    parser.add_argument("--photos", type=Path, help="directory of JPEGs to make them of (default: the astronaut)")
    parser.add_argument("--workers", type=int, default=2, help="worker processes (default: %(default)s)")
    parser.add_argument("--leak", action="store_true", help="measure workers that leak: a bound must break")
    parsed = parser.parse_args()
    photos = list(itertools.islice(scenes(sources(parsed.photos), *SIZE), min(DIFFERENT, parsed.count)))
    with tempfile.TemporaryDirectory() as place:
        folder, out = Path(place, "folder"), Path(place, "out")
        folder.mkdir()
        fill(folder, photos, parsed.count)
        print(f"{parsed.count} photos of {sum(map(len, photos)) / len(photos) / 1000:.0f} kB made", flush=True)
        words = ["--recursive", "--input_dir", str(folder), "--output_dir", str(out), "--workers", str(parsed.workers)]
        program = ["-c", LEAKING] if parsed.leak else ["cli_batch.py"]
        run = watched([sys.executable, *program, *words], EVERY_S, LOOKS)
        print(run.said)
        summary = out / "summary.json"
        done = json.loads(summary.read_text())["analysed"] if summary.exists() else 0
    tenth = max(1, len(run.samples) // 10)
    path = ", ".join(f"{sample.rss:.0f}" for sample in run.samples[tenth // 2 :: tenth])
    print(f"{len(run.samples)} looks in {run.seconds:.0f} s; MB at each tenth of the run: {path}")
    print("\n| | measured | bound | |\n|---|---|---|---|", *(found := bounds(run, parsed.count, done)), sep="\n")
    return 0 if all(bound.holds for bound in found) else 1


if __name__ == "__main__":
    sys.exit(main())
