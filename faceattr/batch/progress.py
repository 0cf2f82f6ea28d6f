"""Progress: a bar on a terminal (with tqdm), else a plain line now and then; and what to say at the end."""

from __future__ import annotations

import contextlib
import datetime
import time
from typing import IO, Any

from faceattr.batch import names
from faceattr.batch.outcome import Outcome

_LINE_EVERY = 60.0  # seconds


class Quiet:
    """A text stream whose failures do not matter: a run must outlive its terminal, or a full disk under its log."""

    def __init__(self, stream: IO[str] | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if self._stream is not None:
            with contextlib.suppress(OSError):
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        if self._stream is not None:
            with contextlib.suppress(OSError):
                self._stream.flush()

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """For tqdm, which asks the terminal for its width."""
        if self._stream is None:
            raise OSError("no stream")
        return self._stream.fileno()

    def say(self, line: str) -> None:
        self.write(line + "\n")
        self.flush()


class Progress:
    """Counts outcomes and shows how far a run is."""

    def __init__(self, total: int, stream: Quiet, done: int = 0) -> None:
        """`done` of the `total` files were done before."""
        self.faces = 0
        self.failed = 0
        self._total = total
        self._before = self._done = done
        self._stream = stream
        self._start = self._last_line = time.monotonic()
        self._bar = _bar(total, done, stream)

    def add(self, outcome: Outcome) -> None:
        """Counts one outcome, and says what is noteworthy about it."""
        self._done += 1
        self.faces += len(outcome.faces)
        self.failed += outcome.failed
        if outcome.note:
            self._note(f"{outcome.outcome} {names.exact(outcome.path)}: {outcome.note}")
        if self._bar is not None:
            self._bar.set_postfix(faces=self.faces, failed=self.failed, refresh=False)
            self._bar.update()
        elif time.monotonic() - self._last_line >= _LINE_EVERY:
            self._last_line = time.monotonic()
            self._stream.say(self._line())

    def close(self) -> None:
        """Leaves the bar as it stands."""
        if self._bar is not None:
            self._bar.close()

    def summary(self) -> str:
        """What this run did, on one line."""
        return f"This run: {plural(self._now, 'file')} in {self._seconds:.1f} s ({self._rate:.1f}/s)"

    @property
    def _now(self) -> int:
        return self._done - self._before

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._start

    @property
    def _rate(self) -> float:
        return self._now / max(self._seconds, 1e-6)

    def _line(self) -> str:
        left = datetime.timedelta(seconds=round((self._total - self._done) / self._rate))
        return (
            f"{self._done}/{self._total} files, {self._rate:.1f}/s, {self.faces} faces, {self.failed} failed, "
            f"about {left} left"
        )

    def _note(self, text: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        self._stream.say(text)
        if self._bar is not None:
            self._bar.refresh()


def _bar(total: int, done: int, stream: Quiet) -> Any:
    """tqdm's bar, or None without a terminal or without tqdm, which is optional."""
    if not stream.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm(total=total, initial=done, unit="photo", file=stream, dynamic_ncols=True)


def plural(count: int, word: str) -> str:
    """The count with its word, as people say it."""
    return f"{count} {word}{'' if count == 1 else 's'}"
