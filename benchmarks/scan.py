"""The batch over very many empty files: `python -m benchmarks.scan [--files 1000000]`.

Makes them in directories of a thousand, hostile names among them, runs the batch command over them and looks at the
memory of its whole process tree until the tables are written. Every file is a row of images.csv, with an error. Exits 1
when a bound is broken. Takes an inode a file where temporary files go (TMPDIR), and removes them at the end.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

from benchmarks.kills import HOSTILE
from benchmarks.load import Bound
from benchmarks.tree import watched

IN_ONE_DIRECTORY = 1000
SOME_FAILED = 3
MEGABYTES = 250
EVERY_S, LOOKS = 0.25, 240  # a line a minute
_PARENTS = (b"%06d/", b"%06d/\xfe/", b"=%06d/", b"%06d\n/", b"a/b/c/%06d/", b"")


def names(files: int) -> Iterator[bytes]:
    """Paths of that many files, all different; a few hostile ones in each directory."""
    for number in range(files):
        directory, place = divmod(number, IN_ONE_DIRECTORY)
        parent = _PARENTS[directory % len(_PARENTS)]
        parent = parent % directory if parent else b""
        name = HOSTILE[place].replace(b"/", b"%2F") if place < len(HOSTILE) else b"%d.jpg" % place
        yield parent + (name if parent else b"%d " % directory + name)


def make(folder: Path, paths: Iterable[bytes]) -> Iterator[bytes]:
    """Makes an empty file for each path, which it passes on."""
    base, made = os.fsencode(folder) + b"/", b""
    for path in paths:
        parent = path[: path.rfind(b"/") + 1]
        if parent != made:
            Path(os.fsdecode(base + parent)).mkdir(parents=True, exist_ok=True)
            made = parent
        os.close(os.open(base + path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))
        yield path


def fingerprint(paths: Iterable[bytes]) -> tuple[int, int]:
    """How many paths there are, and a sum of their hashes: the same for the same paths in any order."""
    count = total = 0
    for path in paths:
        count += 1
        total += int.from_bytes(hashlib.blake2b(path, digest_size=16).digest(), "big")
    return count, total


def recorded(table: Path, outcome: str) -> Iterator[bytes]:
    """Paths of the rows of images.csv that have that outcome."""
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, strict=True):
            if row["outcome"] == outcome:
                yield unquote_to_bytes(row["path"])


def main() -> int:
    """The exit code: 0 when every bound holds, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1_000_000, help="how many (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="worker processes of the batch (default: %(default)s)")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder, out = Path(place, "folder"), Path(place, "out")
        folder.mkdir()
        made = fingerprint(make(folder, names(parsed.files)))
        print(f"{made[0]} empty files made", flush=True)
        words = ["--recursive", "--input_dir", str(folder), "--output_dir", str(out), "--workers", str(parsed.workers)]
        run = watched([sys.executable, "cli_batch.py", *words], EVERY_S, LOOKS)
        print(run.said)
        table = out / "images.csv"
        found = fingerprint(recorded(table, "error:empty_image")) if table.exists() else (0, 0)
    print(f"{run.seconds:.0f} s; peak of the tree {run.peak.rss:.0f} MB RSS, {run.peak.pss:.0f} MB PSS")
    bounds = [
        Bound("exit code, if not 3", 0 if run.code == SOME_FAILED else run.code, 0),
        Bound("rows", found[0], parsed.files, least=True),
        Bound("rows for other paths than were made", 0 if found == made else 1, 0),
        Bound("peak memory of the tree (RSS)", run.peak.rss, MEGABYTES, "MB"),
    ]
    print("\n| | measured | bound | |\n|---|---|---|---|", *bounds, sep="\n")
    return 0 if all(bound.holds for bound in bounds) else 1


if __name__ == "__main__":
    sys.exit(main())
