"""What a running process holds, how much of the processors it takes, and how a service answers its probes meanwhile."""

from __future__ import annotations

import multiprocessing
import os
import re
import socket
import threading
import time
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path

from benchmarks.traffic import HOST, answer_in

PROBE_EVERY_S = 0.05
_PROBES = tuple(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for path in ("/healthz", "/readyz"))


@dataclass(frozen=True, slots=True)
class Sample:
    """What a process holds at one moment."""

    resident_mb: float
    descriptors: int
    threads: int


def sample(pid: int) -> Sample:
    """Memory, open files and threads of a process. Raises OSError when it has ended."""
    process = Path(f"/proc/{pid}")
    status = (process / "status").read_text()
    resident, threads = (int(re.findall(rf"{name}:\s+(\d+)", status)[0]) for name in ("VmRSS", "Threads"))
    return Sample(resident / 1024, sum(1 for _ in (process / "fd").iterdir()), threads)


def processor_s(pid: int) -> float:
    """Seconds of processor time that a process has taken, all threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watch(pid: int, every_s: float, stop: threading.Event, samples: list[Sample]) -> None:
    """Notes what the process holds until told to stop."""
    while not stop.wait(every_s):
        samples.append(sample(pid))


def probe(port: int, stop: Event, times: multiprocessing.SimpleQueue[list[float]]) -> None:
    """Asks how the service is, each time on a new connection; the milliseconds of each answer, infinite for none."""
    taken: list[float] = []
    while not stop.wait(PROBE_EVERY_S):
        begin = time.perf_counter()
        status = _ask(port, _PROBES[len(taken) % 2])
        taken.append((time.perf_counter() - begin) * 1000.0 if status == 200 else float("inf"))
    times.put(taken)


def _ask(port: int, request: bytes) -> int:
    received = b""
    try:
        with socket.create_connection((HOST, port), timeout=10) as connection:
            connection.sendall(request)
            while (answer := answer_in(received)) is None:
                data = connection.recv(65536)
                if not data:
                    return 0
                received += data
    except OSError:
        return 0
    return answer[0]
