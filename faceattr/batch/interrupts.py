"""Ctrl-C and its like as something a run looks at between two steps, never in the middle of one."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from multiprocessing import resource_tracker
from types import FrameType

_INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Within the context, SIGINT, SIGTERM and SIGHUP are noted, not acted on; those ignored before (nohup) stay so."""

    def __init__(self) -> None:
        self._noted = 0
        self._before = {number: signal.getsignal(number) for number in _INTERRUPTS}

    def __enter__(self) -> Interrupts:
        for number, handler in self._before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def wanted(self) -> bool:
        """Whether the user wants to stop."""
        return self._noted > 0

    @property
    def insisted(self) -> bool:
        """Whether the user has said so again."""
        return self._noted > 1

    def check(self) -> None:
        """Raises KeyboardInterrupt when the user wants to stop."""
        if self.wanted:
            raise KeyboardInterrupt

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._noted += 1


@contextlib.contextmanager
def deaf_children() -> Iterator[None]:
    """Processes started in this context never see an interrupt: a terminal sends it to all, only the parent decides.

    They inherit the signals blocked, and so are deaf from their first moment, before they run any code of ours.
    """
    resource_tracker.ensure_running()  # multiprocessing starts it with the first process, and then unblocks SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _INTERRUPTS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
