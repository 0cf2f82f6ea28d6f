"""The end of a service: what is there is finished, what comes anew is refused, and then it is over."""

from __future__ import annotations

import math
import socket
import time


class Drain:
    """Whether the service is shutting down, and until when it may. Times are on time.monotonic's clock."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.since = self.until = math.inf

    def begin(self) -> None:
        """From now on only what is there already is answered."""
        self.since = time.monotonic()
        self.until = self.since + self._seconds

    def time_left(self) -> float:
        """Seconds until everything must be answered; infinite as long as the service is not shutting down."""
        return self.until - time.monotonic()

    @property
    def begun(self) -> bool:
        """Whether the service is shutting down."""
        return self.since < math.inf

    def is_new(self, begun: float) -> bool:
        """Whether what began at that time came after the shutdown began."""
        return begun > self.since


def unacknowledged(connection: socket.socket) -> int:
    """Bytes that were sent and have not reached the other side; 0 where the system does not tell.

    They are lost when a container's network ends with its last process.
    """
    try:
        from fcntl import ioctl
        from termios import TIOCOUTQ

        return int.from_bytes(ioctl(connection, TIOCOUTQ, b"\0\0\0\0"), "little")
    except (ImportError, OSError, ValueError):
        return 0
