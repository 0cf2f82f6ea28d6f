"""Start-up, memory and throughput of the real service over HTTP: `python -m benchmarks.service [--photo FILE]`.

Starts `python -m faceattr serve`, waits until it says that it is ready, warms it up, then keeps 1, 2, 4 and 16 clients
busy. Clients are processes of their own and keep their connection.
"""

from __future__ import annotations

import argparse
import http.client
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.textbook import vga_photo
from faceattr import Settings

HOST = "127.0.0.1"


@contextmanager
def service(*arguments: str, module: str = "faceattr") -> Iterator[tuple[int, int, float]]:
    """A running service, or a module that starts one: its port, its process id, and the seconds from exec to ready."""
    begin = time.perf_counter()
    command = [sys.executable, "-m", module, "serve", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                ready = re.search(r"ready on http://[^:]+:(\d+)", line)
                if ready:
                    taken = time.perf_counter() - begin
                    drain = multiprocessing.Process(target=_drain, args=(process.stdout.fileno(),), daemon=True)
                    drain.start()
                    try:
                        yield int(ready.group(1)), process.pid, taken
                    finally:
                        process.terminate()
                        process.wait()
                        drain.terminate()
                    return
            raise SystemExit("the service did not become ready")
        finally:
            process.terminate()
            process.wait()


def _drain(descriptor: int) -> None:
    with open(descriptor, "rb", closefd=False) as log:
        while log.read(65536):
            pass


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024


def client(
    port: int, photo: bytes, annotate: str, seconds: float, times: multiprocessing.SimpleQueue[list[float]]
) -> None:
    """Sends the photo again and again; reports the milliseconds of each request."""
    connection = http.client.HTTPConnection(HOST, port)
    taken: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        connection.request("POST", f"/analyze?annotate={annotate}", photo, {"Content-Type": "image/jpeg"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"status {answer.status}")
        taken.append((time.perf_counter() - begin) * 1000)
    times.put(taken)


def load(port: int, photo: bytes, annotate: str, clients: int, seconds: float) -> list[float]:
    """Milliseconds of every request that so many clients get answered in that time."""
    times: multiprocessing.SimpleQueue[list[float]] = multiprocessing.SimpleQueue()
    workers = [
        multiprocessing.Process(target=client, args=(port, photo, annotate, seconds, times)) for _ in range(clients)
    ]
    for worker in workers:
        worker.start()
    collected = [taken for _ in workers for taken in times.get()]
    for worker in workers:
        worker.join()
    return collected


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=Path, help="JPEG to send (default: a VGA photo with one face)")
    parser.add_argument("--models", default="")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--threads-per-inference", default=str(Settings().threads_per_inference))
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--starts", type=int, default=5)
    parsed = parser.parse_args()
    # Sixteen clients may all wait here; what is refused under load is for benchmarks.load to measure.
    os.environ |= {"FACEATTR_WAITING": "16", "FACEATTR_WAIT_SECONDS": "30"}
    photo = parsed.photo.read_bytes() if parsed.photo else vga_photo()
    arguments = ["--engine", parsed.engine, "--threads-per-inference", parsed.threads_per_inference]
    arguments += ["--models", parsed.models] if parsed.models else []
    starts = []
    for _ in range(parsed.starts):
        with service(*arguments) as (_, _, taken):
            starts.append(taken)
    print(f"start to ready: median {statistics.median(starts):.2f} s of {[round(s, 2) for s in starts]}")
    with service(*arguments) as (port, pid, _):
        load(port, photo, "png", 2, 1.0)
        print(f"resident after warm-up: {resident_mb(pid):.0f} MB")
        for annotate in ("none", "png"):
            print(f"\nannotate={annotate}\n| clients | requests/s | × one client | median ms | p99 ms |")
            print("|---|---|---|---|---|")
            alone = 0.0
            for clients in (1, 2, 4, 16):
                times = sorted(load(port, photo, annotate, clients, parsed.seconds))
                rate = len(times) / parsed.seconds
                alone = alone or rate
                p99 = times[int(len(times) * 0.99)]
                print(f"| {clients} | {rate:.0f} | {rate / alone:.2f} | {statistics.median(times):.1f} | {p99:.1f} |")
        print(f"\nresident after the load: {resident_mb(pid):.0f} MB")


if __name__ == "__main__":
    main()
