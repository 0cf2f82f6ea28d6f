"""The service as a process of its own, for tests."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from tests.conftest import BUILT_IN, ROOT


@dataclass
class Service:
    process: subprocess.Popen[str]
    port: int
    log: list[str]
    reader: threading.Thread

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def send_raw(self, data: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            parts = iter(lambda: connection.recv(65536), b"")
            return b"".join(parts)


def environment(**extra: str) -> dict[str, str]:
    outer = {name: value for name, value in os.environ.items() if not name.startswith("FACEATTR_")}
    return {**outer, "FACEATTR_MODELS": str(BUILT_IN), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **extra}


def start(*arguments: str, under: Sequence[str] = (), **extra: str) -> Service:
    """The service, ready. `under`: a command that is to run it."""
    process = subprocess.Popen(
        [*under, sys.executable, "-m", "faceattr", "serve", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(**extra),
    )
    log: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        log.append(line)
        ready = re.search(r"ready on http://127\.0\.0\.1:(\d+)", line)
        if ready:
            # Goes on reading, so that the service never waits for room in the pipe.
            reader = threading.Thread(target=lambda: log.extend(process.stdout or ()), daemon=True)
            reader.start()
            return Service(process, int(ready.group(1)), log, reader)
    raise AssertionError("".join(log))


def stop(service: Service) -> int:
    service.process.send_signal(signal.SIGTERM)
    try:
        return service.process.wait(20)
    finally:
        service.process.kill()
        service.process.wait()
        service.reader.join()
        if service.process.stdout:
            service.process.stdout.close()
