"""The memory of a process and all its descendants, watched while a command runs."""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes of a tree: `rss` counts a page in every process that has it, `pss` shares it among them."""

    rss: float
    pss: float


@dataclass(frozen=True, slots=True)
class Watched:
    """What a command did: its exit code, the end of what it said, seconds, and its memory from first to last."""

    code: int
    said: str
    seconds: float
    samples: tuple[Memory, ...]

    @property
    def peak(self) -> Memory:
        return Memory(max(sample.rss for sample in self.samples), max(sample.pss for sample in self.samples))


def family(root: int) -> list[int]:
    """The process and its descendants at this moment, by their ids."""
    members = [root]
    for pid in members:
        with suppress(OSError):
            for task in Path(f"/proc/{pid}/task").iterdir():
                members += map(int, (task / "children").read_text().split())
    return members


def memory(root: int) -> Memory:
    """Memory of a process and its descendants at this moment; those that end meanwhile have none."""
    rss, pss = 0, 0
    for pid in family(root):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
        except OSError:
            continue
        kilobytes = {name: int(value.split()[0]) for name, _, value in (line.partition(":") for line in lines)}
        rss += kilobytes.get("Rss", 0)
        pss += kilobytes.get("Pss", 0)
    return Memory(rss / 1024, pss / 1024)


def watched(command: Sequence[str], every: float, looks: int = 0) -> Watched:
    """Runs the command from the root of the checkout, looking at its memory every so many seconds.

    Prints a line after so many looks, so that long runs can be followed; 0: never.
    """
    samples, over = [Memory(0, 0)], threading.Event()
    begin = time.perf_counter()
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=said) as process,
    ):

        def watch() -> None:
            while not over.wait(every):
                samples.append(memory(process.pid))
                if looks and len(samples) % looks == 0:
                    seconds = time.perf_counter() - begin
                    print(f"{seconds:.0f} s: {samples[-1].rss:.0f} MB RSS, {samples[-1].pss:.0f} MB PSS", flush=True)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            process.wait()
        finally:
            over.set()
            watcher.join()
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    return Watched(process.returncode, text[-4000:], time.perf_counter() - begin, tuple(samples))
