"""What a client of the service sends, and what it sees of the answers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

HOST = "127.0.0.1"
ANSWER_WITHIN_S = 40.0
"""A client gives up after that; it is counted as no answer. Longer than the service lets a request arrive."""
BAD_SHARE = 0.2
KEEP_S = 5.0
"""A connection that was idle for longer is not used again: the service may be closing it at that moment."""


@dataclass(frozen=True, slots=True)
class Request:
    """Bytes to send, and the codes that may come back besides 503.

    No codes at all: the client leaves without an answer once it has sent them. `drip`: seconds from each byte of the
    last `dripped` to the next.
    """

    data: bytes
    expected: frozenset[int] = frozenset({200})
    drip: float = 0.0
    dripped: int = 0


@dataclass(slots=True)
class Tally:
    """What many clients saw."""

    codes: Counter[str] = field(default_factory=Counter)
    """Answers by status; `none` for a connection that ended without one."""
    unexpected: Counter[str] = field(default_factory=Counter)
    accepted_ms: list[float] = field(default_factory=list)
    """Of each 200, from its first byte sent to its last received."""
    processor_s: float = 0.0
    """What the clients themselves took of a core."""

    def note(self, request: Request, status: int | None, milliseconds: float) -> None:
        name = str(status) if status else "none"
        self.codes[name] += 1
        if status == 200:
            self.accepted_ms.append(milliseconds)
        if status not in request.expected and status != 503:
            self.unexpected[name] += 1


def answer_in(received: bytes) -> tuple[int, bool] | None:
    """Status of an answer, and whether the connection stays; None while it is not whole.

    Reads what the service writes, and is no parser of HTTP in general.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    begin = received.find(b"Content-Length: ", 0, end)
    length = int(received[begin + 16 : received.find(b"\r\n", begin)]) if begin >= 0 else 0
    if len(received) < end + 4 + length:
        return None
    return int(received[9:12]), received.find(b"Connection: close", 0, end) < 0
