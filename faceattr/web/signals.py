"""SIGTERM and Ctrl-C: the first ends the service in order, the second at once. Imported first, so it imports little."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

log = logging.getLogger(__name__)

_STOPPING = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """Hears signals on a thread of its own, whatever the main thread is doing: loading takes seconds in native code.

    As the process's handlers are set, the signals also arrive where their default would be ignored: as PID 1. Make one
    per process, on the main thread.
    """

    def __init__(self, leave: Callable[[int], None] = os._exit) -> None:
        """`leave`: ends the process at once with an exit code."""
        self._leave = leave
        self._actions: dict[int, list[Callable[[], None]]] = {}
        self._stop: Callable[[], None] | None = None
        self._stopping = False
        self._pipe, write = os.pipe()
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in _STOPPING:
            # What was ignored before, as nohup and shells do for jobs in the background, stays ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _heard)
        threading.Thread(target=self._listen, name="signals", daemon=True).start()

    def on_stop(self, action: Callable[[], None]) -> None:
        """Calls `action` at the first SIGTERM or SIGINT from now on. Before, they end the process with exit code 0."""
        self._stop = action

    def on(self, number: signal.Signals, action: Callable[[], None]) -> None:
        """Calls `action` too, on the thread of signals, at each signal of that number. Main thread only."""
        self._actions.setdefault(number, []).append(action)
        signal.signal(number, _heard)

    def _listen(self) -> None:
        while True:
            for number in os.read(self._pipe, 64):
                self.hear(number)

    def hear(self, number: int) -> None:
        """What a signal of that number does."""
        for action in self._actions.get(number, ()):
            try:
                action()
            except Exception:
                # Whatever it was: the next SIGTERM must still be heard.
                log.exception("signal %d could not be acted on", number)
        if number not in _STOPPING:
            return
        if self._stopping:
            log.warning("stopped at once by a second signal")
            self._leave(128 + number)
        else:
            self._stopping = True
            if self._stop is None:
                log.info("stopped before it was ready")
                self._leave(0)
            else:
                self._stop()


def _heard(_number: int, _frame: FrameType | None) -> None:
    # The number is in the pipe: Python's own part of the handling, on the main thread, has nothing left to do.
    pass
