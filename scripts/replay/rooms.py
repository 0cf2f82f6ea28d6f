"""Programs in a root: one after the other, or one as process 1 of namespaces of its own, as in a container."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from scripts.replay import enter
from scripts.replay.enter import Room

_ENTER = [sys.executable, "-I", str(Path(enter.__file__).resolve())]
_SHARED = ("--mount", "--pid", "--ipc", "--uts")
PATIENCE_S = 120.0


def run_in(room: Room, command: Sequence[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs a command in a room with this machine's network; what it says is read. Raises SystemExit when it fails."""
    inside = ["unshare", *_SHARED, "--fork", "--kill-child", *_ENTER, room.as_json(), *command]
    ran = subprocess.run(inside, capture_output=True, text=True, check=False)
    if check and ran.returncode:
        said = (ran.stdout + ran.stderr)[-3000:]
        raise SystemExit(f"replay-image: exit code {ran.returncode} of {' '.join(command)}\n{said}")
    return ran


class Container:
    """A command as process 1 in a room, without any network but its own loopback. Its log is kept in `log`."""

    def __init__(self, room: Room, command: Sequence[str]) -> None:
        self._room = room
        self.log: list[str] = []
        inside = ["unshare", *_SHARED, "--net", "--fork", "--kill-child", *_ENTER, room.as_json(), *command]
        self._unshare = subprocess.Popen(inside, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._reader = threading.Thread(target=lambda: self.log.extend(self._unshare.stdout or ()), daemon=True)
        self._reader.start()

    def __enter__(self) -> Container:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        # Not left to --kill-child: a process that has changed its user no longer hears of its parent's end.
        number = self.process
        if number:
            os.kill(number, signal.SIGKILL)
        else:
            self._unshare.kill()
        self._unshare.wait()
        self._reader.join()
        if self._unshare.stdout:
            self._unshare.stdout.close()

    @property
    def process(self) -> int:
        """The process id, outside, of its process 1; 0 while there is none."""
        number = self._unshare.pid
        children = Path(f"/proc/{number}/task/{number}/children")
        found = children.read_text().split() if children.exists() else []
        return int(found[0]) if found else 0

    def status(self) -> dict[str, str]:
        """What the system says of its process 1."""
        text = Path(f"/proc/{self.process}/status").read_text()
        return dict(re.findall(r"(?m)^(\w+):\s+(.*)$", text))

    def wait_for(self, sentence: str) -> bool:
        """Waits until its log has a sentence; False when it ends without, or it takes too long."""
        end = time.monotonic() + PATIENCE_S
        while not any(sentence in line for line in list(self.log)):
            if self._unshare.poll() is not None or time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def execute(self, command: Sequence[str], *, outside: bool = False) -> subprocess.CompletedProcess[str]:
        """Runs a command beside it, as `docker exec` does; `outside`: a program of this machine in its network."""
        namespaces = ("--net",) if outside else (*_SHARED, "--net")
        room = dataclasses.replace(self._room, mounted=True)
        inside = [] if outside else [*_ENTER, room.as_json()]
        joined = ["nsenter", "--target", str(self.process), *namespaces, *inside, *command]
        return subprocess.run(joined, capture_output=True, text=True, check=False, timeout=PATIENCE_S)

    def stop(self, name: str = "SIGTERM") -> int:
        """Its exit code after that signal."""
        os.kill(self.process, signal.Signals[name])
        return self.end()

    def end(self) -> int:
        """Its exit code once it has ended of itself."""
        code = self._unshare.wait(PATIENCE_S)
        self._reader.join()
        return code
