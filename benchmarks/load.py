"""The service under more load than it can bear: `python -m benchmarks.load [--leak]`.

A few clients find its capacity; then 200 clients together send four times that for a minute; then come the few once
more, as machines change their pace. It must answer nearly as many as before and after, the rest with 503, its probes at
once, and not grow. The clients are on the same cores: what they and the service took of these is printed, too. With
--leak a service that leaks is measured instead, and the same check must find it. Exits 1 when a bound is broken.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clients import run_clients
from benchmarks.requests import good_request
from benchmarks.service import service
from benchmarks.textbook import vga_photo
from benchmarks.traffic import Request, Tally
from benchmarks.watching import Sample, probe, processor_s, watch
from faceattr import Settings

SAMPLE_EVERY_S = 0.5
_WARM_S = 2.0


@dataclass(frozen=True, slots=True)
class Bound:
    """A measured value and what it may be at most, or with `least` at least."""

    name: str
    value: float
    limit: float
    unit: str = ""
    least: bool = False

    @property
    def holds(self) -> bool:
        return self.value >= self.limit if self.least else self.value <= self.limit

    def __str__(self) -> str:
        kind = "at least" if self.least else "at most"
        verdict = "ok" if self.holds else "BROKEN"
        return f"| {self.name} | {self.value:.1f} {self.unit} | {kind} {self.limit:g} {self.unit} | {verdict} |"


def growth(values: Sequence[float]) -> float:
    """How far the median of the last fifth is above that of the second fifth; the first is still the way up."""
    fifth = max(1, len(values) // 5)
    return statistics.median(values[-fifth:]) - statistics.median(values[fifth : 2 * fifth] or values[:1])


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all does not exceed; infinite when there are none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("inf")


def refusal_ms(alone: Tally, alone_s: float, loaded: Tally, loaded_s: float) -> float:
    """What the service takes of a core for each refusal, in ms, if an answer takes as much as it does without them."""
    answer_s = alone_s / max(1, alone.codes["200"])
    return (loaded_s - answer_s * loaded.codes["200"]) / max(1, loaded.codes["503"]) * 1000.0


def _loaded(port: int, pid: int, good: Request, clients: int, rate: float, seconds: float) -> tuple[Tally, float]:
    """What the clients saw, and what of a core the service took for it, in seconds."""
    before = processor_s(pid)
    tally = run_clients(port, good, (), clients=clients, rate=rate, seconds=seconds)
    return tally, processor_s(pid) - before


def measure(parsed: argparse.Namespace, photo: bytes) -> list[Bound]:
    """Loads the service, prints what came back, and holds it against the bounds."""
    settings, good, seconds = Settings.load(), good_request(photo), parsed.seconds
    arguments = ["--engine", parsed.engine, *(["--models", parsed.models] if parsed.models else [])]
    with service(*arguments, module="benchmarks.leaking" if parsed.leak else "faceattr") as (port, pid, _):
        few, alone_s = 2 * settings.inference_slots, min(parsed.alone, seconds)
        run_clients(port, good, (), clients=few, rate=0, seconds=_WARM_S)
        alone, alone_taken = _loaded(port, pid, good, few, 0, alone_s)
        print(f"capacity: {alone.codes['200'] / alone_s:.1f} photos/s with {few} clients")
        times: multiprocessing.SimpleQueue[list[float]] = multiprocessing.SimpleQueue()
        over, samples, watched = multiprocessing.Event(), list[Sample](), threading.Event()
        prober = multiprocessing.Process(target=probe, args=(port, over, times))
        watcher = threading.Thread(target=watch, args=(pid, SAMPLE_EVERY_S, watched, samples))
        prober.start()
        watcher.start()
        rate = alone.codes["200"] / alone_s * parsed.factor
        tally, taken = _loaded(port, pid, good, parsed.clients, rate, seconds)
        watched.set()
        over.set()
        probes = times.get()
        prober.join()
        watcher.join()
        again, again_taken = _loaded(port, pid, good, few, 0, alone_s)
        print(f"capacity: {again.codes['200'] / alone_s:.1f} photos/s afterwards")
    alone.codes.update(again.codes)
    alone_taken, capacity = alone_taken + again_taken, alone.codes["200"] / alone_s / 2
    sent = sum(tally.codes.values())
    print(f"{parsed.clients} clients, {seconds:g} s: {sent / seconds:.1f} requests/s, codes {dict(tally.codes)}")
    if tally.unexpected:
        print(f"unexpected: {dict(tally.unexpected)}")
    print(
        f"of a core, in ms: the service takes {alone_taken / max(1, alone.codes['200']) * 1000:.2f} for an answer and "
        f"{refusal_ms(alone, alone_taken, tally, taken):.2f} for a refusal, the clients "
        f"{tally.processor_s / max(1, sent) * 1000:.2f} for a request"
    )
    late = (settings.wait_seconds + 1) * 1000.0
    return [
        Bound("goodput ÷ capacity", tally.codes["200"] / seconds / capacity * 100, 90, "%", least=True),
        Bound("p99 of the accepted", percentile(tally.accepted_ms, 0.99), late, "ms"),
        Bound("unexpected answers", tally.unexpected.total(), 0),
        Bound("p99 of the probes", percentile(probes, 0.99), 100, "ms"),
        Bound("growth of memory", growth([sample.resident_mb for sample in samples]), 20, "MB"),
        Bound("growth of threads", growth([sample.threads for sample in samples]), 0),
        # Connections come and go by a few; the clients' own are there from the beginning.
        Bound("growth of open files", growth([sample.descriptors for sample in samples]), parsed.clients * 0.1),
    ]


def main() -> int:
    """The exit code: 0 when every bound holds, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=Path, help="JPEG to send (default: a VGA photo with one face)")
    parser.add_argument("--models", default="")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--factor", type=float, default=4.0, help="requests sent ÷ capacity (default 4)")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--alone", type=float, default=20.0, help="seconds to find the capacity in (default 20)")
    parser.add_argument("--leak", action="store_true", help="measure a service that leaks: a bound must break")
    parsed = parser.parse_args()
    bounds = measure(parsed, parsed.photo.read_bytes() if parsed.photo else vga_photo())
    print("\n| | measured | bound | |\n|---|---|---|---|", *bounds, sep="\n")
    return 0 if all(bound.holds for bound in bounds) else 1


if __name__ == "__main__":
    sys.exit(main())
