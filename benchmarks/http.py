"""The textbook service beside ours, over HTTP: `python -m benchmarks.http --res10 DIR`.

One client with one connection to each sends the same base64 JSON to all of them in turn, and waits for each answer.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import importlib.util
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.service import HOST, service
from benchmarks.textbook import large_photo, vga_photo

WAYS = {
    "ours": ("faceattr", ()),
    "ours, openvino": ("faceattr", ("--engine", "openvino")),
    "ours, openvino bf16": ("faceattr", ("--precision", "bf16")),
}


def asked(connection: http.client.HTTPConnection, body: bytes) -> float:
    """Milliseconds from the request to the whole answer."""
    begin = time.perf_counter()
    connection.request("POST", "/analyze", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise SystemExit(f"status {answer.status}")
    return (time.perf_counter() - begin) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--res10", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=100)
    parsed = parser.parse_args()
    ways = {"textbook": ("benchmarks.textbook_service", ("--res10", str(parsed.res10)))} | {
        name: way for name, way in WAYS.items() if "openvino" not in name or importlib.util.find_spec("openvino")
    }
    with contextlib.ExitStack() as stack:
        connections = {}
        for name, (module, arguments) in ways.items():
            port, _, _ = stack.enter_context(service(*arguments, module=module))
            connections[name] = http.client.HTTPConnection(HOST, port)
        for photo_name, photo in (("VGA, one face", vga_photo()), ("3.6 Mpx, two faces", large_photo())):
            body = json.dumps({"image": base64.b64encode(photo).decode(), "annotate": "none"}).encode()
            asks: dict[str, Callable[[], float]] = {
                name: partial(asked, connection, body) for name, connection in connections.items()
            }
            print(f"\n{photo_name}, without a picture, over HTTP\n| service | median ms | ratio |\n|---|---|---|")
            taken: dict[str, list[float]] = {name: [] for name in asks}
            for index in range(parsed.rounds + 5):
                for name, ask in asks.items():
                    milliseconds = ask()
                    if index >= 5:
                        taken[name].append(milliseconds)
            medians = {name: statistics.median(each) for name, each in taken.items()}
            for name, median in medians.items():
                print(f"| {name} | {median:.1f} | {medians['textbook'] / median:.1f}× |")


if __name__ == "__main__":
    main()
