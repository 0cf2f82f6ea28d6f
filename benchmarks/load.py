"""The service under more load than it can bear: `python -m benchmarks.load [--leak] [--soak MINUTES]`.

First a few clients find its capacity; then 200 clients together send four times that for a minute. It must answer as
many as before, the rest with 503, its probes at once, and not grow. With --soak one request in five is bad. With --leak
a service that leaks is measured instead, and the same check must find it. Exits 1 when a bound is broken.
"""

from __future__ import annotations

import argparse
import http.client
import multiprocessing
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path

from benchmarks.clients import HOST, bad_requests, good_request, run_clients
from benchmarks.service import resident_mb, service
from benchmarks.textbook import vga_photo
from faceattr import Settings

PROBE_EVERY_S = 0.05
SAMPLE_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Sample:
    """What the service holds at one moment."""

    resident_mb: float
    descriptors: int
    threads: int


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


def probe(port: int, stop: Event, times: multiprocessing.SimpleQueue[list[float]]) -> None:
    """Asks how the service is, each time on a new connection; the milliseconds of each answer, infinite for none."""
    taken: list[float] = []
    while not stop.wait(PROBE_EVERY_S):
        begin = time.perf_counter()
        connection = http.client.HTTPConnection(HOST, port, timeout=10)
        try:
            connection.request("GET", ("/healthz", "/readyz")[len(taken) % 2])
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            connection.close()
        taken.append((time.perf_counter() - begin) * 1000.0 if status == 200 else float("inf"))
    times.put(taken)


def watch(pid: int, stop: threading.Event, samples: list[Sample]) -> None:
    """Notes what the process holds until told to stop."""
    process = Path(f"/proc/{pid}")
    while not stop.wait(SAMPLE_EVERY_S):
        tasks = sum(1 for _ in (process / "task").iterdir())
        samples.append(Sample(resident_mb(pid), sum(1 for _ in (process / "fd").iterdir()), tasks))


def growth(values: Sequence[float]) -> float:
    """How far the median of the last fifth is above that of the second fifth; the first is still the way up."""
    fifth = max(1, len(values) // 5)
    return statistics.median(values[-fifth:]) - statistics.median(values[fifth : 2 * fifth] or values[:1])


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all does not exceed; infinite when there are none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("inf")


def measure(parsed: argparse.Namespace, photo: bytes) -> list[Bound]:
    """Loads the service, prints what came back, and holds it against the bounds."""
    settings, good = Settings.load(), good_request(photo)
    bad = bad_requests(photo) if parsed.soak else ()
    seconds = parsed.soak * 60.0 if parsed.soak else parsed.seconds
    arguments = ["--engine", parsed.engine, *(["--models", parsed.models] if parsed.models else [])]
    with service(*arguments, module="benchmarks.leaking" if parsed.leak else "faceattr") as (port, pid, _):
        few = 2 * settings.inference_slots
        run_clients(port, good, (), clients=few, rate=0, seconds=min(2.0, seconds))
        alone = run_clients(port, good, (), clients=few, rate=0, seconds=min(10.0, seconds))
        capacity = alone.codes["200"] / min(10.0, seconds)
        print(f"capacity: {capacity:.1f} photos/s with {few} clients")
        times: multiprocessing.SimpleQueue[list[float]] = multiprocessing.SimpleQueue()
        over, samples, watched = multiprocessing.Event(), list[Sample](), threading.Event()
        prober = multiprocessing.Process(target=probe, args=(port, over, times))
        watcher = threading.Thread(target=watch, args=(pid, watched, samples))
        prober.start()
        watcher.start()
        rate = capacity * parsed.factor
        tally = run_clients(port, good, bad, clients=parsed.clients, rate=rate, seconds=seconds)
        watched.set()
        over.set()
        probes = times.get()
        prober.join()
        watcher.join()
    sent = sum(tally.codes.values())
    print(f"{parsed.clients} clients, {seconds:g} s: {sent / seconds:.1f} requests/s, codes {dict(tally.codes)}")
    if tally.unexpected:
        print(f"unexpected: {dict(tally.unexpected)}")
    late = (settings.wait_seconds + 1) * 1000.0
    bounds = [
        Bound("goodput ÷ capacity", tally.codes["200"] / seconds / capacity * 100, 90, "%", least=True),
        Bound("p99 of the accepted", percentile(tally.accepted_ms, 0.99), late, "ms"),
        Bound("unexpected answers", tally.unexpected.total(), 0),
        Bound("p99 of the probes", percentile(probes, 0.99), 100, "ms"),
        Bound("growth of memory", growth([sample.resident_mb for sample in samples]), 20, "MB"),
        Bound("growth of threads", growth([sample.threads for sample in samples]), 0),
        # Connections come and go by a few; the clients' own are there from the beginning.
        Bound("growth of open files", growth([sample.descriptors for sample in samples]), parsed.clients * 0.1),
    ]
    # With bad requests among them there are fewer good ones, and no telling how many would fit.
    return bounds[1:] if parsed.soak else bounds


def main() -> int:
    """The exit code: 0 when every bound holds, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=Path, help="JPEG to send (default: a VGA photo with one face)")
    parser.add_argument("--models", default="")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--factor", type=float, default=4.0, help="requests sent ÷ capacity (default 4)")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--soak", type=float, default=0.0, metavar="MINUTES", help="so long, one request in five bad")
    parser.add_argument("--leak", action="store_true", help="measure a service that leaks: a bound must break")
    parsed = parser.parse_args()
    bounds = measure(parsed, parsed.photo.read_bytes() if parsed.photo else vga_photo())
    print("\n| | measured | bound | |\n|---|---|---|---|", *bounds, sep="\n")
    return 0 if all(bound.holds for bound in bounds) else 1


if __name__ == "__main__":
    sys.exit(main())
