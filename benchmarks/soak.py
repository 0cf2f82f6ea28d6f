"""The service under full load for half an hour, one request in five bad: `python -m benchmarks.soak [--leak]`.

200 clients send twice what it can bear. One request in five is nonsense, cut short, too large or aimed at nothing, or
drips until it is cut off. What the service holds is noted every ten seconds, and must be flat: in the last third of the
time the median of its memory may be at most 5 MB above that of the second third, that of its open files at most 20 and
that of its threads at most 2; the first third is the way up. With --leak a service that leaks is measured instead, and
the same rule must find it. Prints a table, and with --out writes the samples as CSV. Exits 1 when it is not flat, or an
answer was wrong.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.clients import run_clients
from benchmarks.load import Bound
from benchmarks.requests import bad_requests, good_request, slow_requests
from benchmarks.service import service
from benchmarks.textbook import vga_photo
from benchmarks.watching import Sample, watch
from faceattr import Settings

SAMPLE_EVERY_S = 10.0
LEAST_SAMPLES = 9
"""Three in each third, so that a median is one."""
FLAT: tuple[tuple[str, str, float, Callable[[Sample], float]], ...] = (
    ("memory", "MB", 5, lambda sample: sample.resident_mb),
    ("open files", "", 20, lambda sample: sample.descriptors),
    ("threads", "", 2, lambda sample: sample.threads),
)
"""What must be flat, and how much more the last third may have: connections come and go with those who misbehave."""
_OVERLOAD = 2.0


def thirds(values: Sequence[float]) -> tuple[float, float, float]:
    """The median of each third."""
    third = len(values) // 3
    return (
        statistics.median(values[:third]),
        statistics.median(values[third : 2 * third]),
        statistics.median(values[2 * third :]),
    )


def judge(samples: Sequence[Sample]) -> list[Bound]:
    """How much more the last third has than the second. Raises ValueError for fewer samples than LEAST_SAMPLES."""
    if len(samples) < LEAST_SAMPLES:
        raise ValueError(f"{len(samples)} samples are too few to judge, at least {LEAST_SAMPLES} are needed")
    bounds = []
    for name, unit, most, value_of in FLAT:
        _, second, last = thirds([value_of(sample) for sample in samples])
        bounds.append(Bound(f"growth of {name}", last - second, most, unit))
    return bounds


def table(samples: Sequence[Sample]) -> str:
    """The median of each third and the extremes, in Markdown."""
    lines = ["| | first third | second | last | least | most |", "|---|---|---|---|---|---|"]
    for name, unit, _, value_of in FLAT:
        values = [value_of(sample) for sample in samples]
        shown = " | ".join(f"{value:.1f}" for value in (*thirds(values), min(values), max(values)))
        lines.append(f"| {f'{name} {unit}'.strip()} | {shown} |")
    return "\n".join(lines)


def soak(parsed: argparse.Namespace, photo: bytes) -> tuple[list[Sample], list[Bound]]:
    """Loads the service and prints what came back; the samples, and what they are held against."""
    settings, good, samples, over = Settings.load(), good_request(photo), list[Sample](), threading.Event()
    bad = (*bad_requests(photo), *slow_requests(photo))
    with service(module="benchmarks.leaking" if parsed.leak else "faceattr") as (port, pid, _):
        few = 2 * settings.inference_slots
        capacity = run_clients(port, good, (), clients=few, rate=0, seconds=10.0).codes["200"] / 10.0
        print(f"capacity now: {capacity:.1f} photos/s", flush=True)
        watcher = threading.Thread(target=watch, args=(pid, parsed.every, over, samples))
        watcher.start()
        rate = max(1.0, capacity * _OVERLOAD)
        try:
            tally = run_clients(port, good, bad, clients=parsed.clients, rate=rate, seconds=parsed.minutes * 60.0)
        finally:
            over.set()
            watcher.join()
    print(f"{sum(tally.codes.values()):,} answers: {dict(sorted(tally.codes.items()))}")
    if tally.unexpected:
        print(f"unexpected: {dict(tally.unexpected)}")
    return samples, [*judge(samples), Bound("unexpected answers", tally.unexpected.total(), 0)]


def main() -> int:
    """The exit code: 0 when all was flat and every answer as expected, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--every", type=float, default=SAMPLE_EVERY_S, help="seconds between samples (default 10)")
    parser.add_argument("--leak", action="store_true", help="measure a service that leaks: the rule must find it")
    parser.add_argument("--out", type=Path, help="CSV to write the samples to")
    parsed = parser.parse_args()
    if parsed.minutes * 60.0 < parsed.every * (LEAST_SAMPLES + 1):
        parser.error(f"at least {LEAST_SAMPLES + 1} samples are needed: a longer time, or a smaller --every")
    samples, bounds = soak(parsed, vga_photo())
    if parsed.out:
        with parsed.out.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("seconds", "resident_mb", "open_files", "threads"))
            for index, each in enumerate(samples, start=1):
                rows.writerow((index * parsed.every, round(each.resident_mb, 1), each.descriptors, each.threads))
    print(f"\n{table(samples)}\n\n| | measured | bound | |\n|---|---|---|---|", *bounds, sep="\n")
    return 0 if all(bound.holds for bound in bounds) else 1


if __name__ == "__main__":
    sys.exit(main())
