"""Shows how far a download is: a bar on a terminal, else a plain line now and then."""

from __future__ import annotations

import shutil
import time
from typing import TextIO

_BAR_EVERY = 0.1  # seconds
_LINE_EVERY = 5.0
_BAR_WIDTH = 24


class Progress:
    """One download after another on one stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar = stream.isatty()
        self._name = ""
        self._total = self._first = self._received = 0
        self._began = self._shown = 0.0
        self._open = False

    def begin(self, name: str, received: int, total: int) -> None:
        """A download starts, or goes on with what was received before."""
        self._name, self._first, self._received, self._total = name, received, received, total
        self._began = self._shown = time.monotonic()
        kept = f", {megabytes(received)} of it already here" if received else ""
        self.say(f"{name}: {megabytes(total)}{kept}")

    def at(self, received: int) -> None:
        """So many bytes of the file are here now."""
        if received < self._first:
            # Begun again: what was here before is no longer part of it.
            self._first, self._began = received, time.monotonic()
        self._received = received
        now = time.monotonic()
        if now - self._shown >= (_BAR_EVERY if self._bar else _LINE_EVERY):
            self._shown = now
            self._show(now)

    def end(self) -> None:
        """The download is over, complete or not: what it came to stays readable."""
        if self._received > self._first or self._open:
            self._show(time.monotonic())
        self._close_bar()

    def say(self, sentence: str) -> None:
        """A line of its own."""
        self._close_bar()
        self._stream.write(sentence + "\n")
        self._stream.flush()

    def _close_bar(self) -> None:
        if self._open:
            self._stream.write("\n")
            self._stream.flush()
            self._open = False

    def _show(self, now: float) -> None:
        part = min(1.0, self._received / self._total) if self._total else 1.0
        rate = (self._received - self._first) / max(now - self._began, 1e-3)
        line = f"{part:4.0%}  {self._received / 1e6:.1f} of {megabytes(self._total)}, {rate / 1e6:.1f} MB/s"
        if not self._bar:
            self.say(f"  {self._name}: {line.strip()}")
            return
        filled = round(part * _BAR_WIDTH)
        line = f"  [{'#' * filled}{'.' * (_BAR_WIDTH - filled)}] {line}"
        width = shutil.get_terminal_size().columns - 1
        self._stream.write("\r" + line[:width].ljust(min(width, 79)))
        self._stream.flush()
        self._open = True


def megabytes(size: int) -> str:
    """A size for people, in units of a million bytes."""
    return f"{size / 1e6:.1f} MB"
