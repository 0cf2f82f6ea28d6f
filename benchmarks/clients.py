"""Many clients of the service in one thread: each keeps a connection, sends at its own pace and notes every answer."""

from __future__ import annotations

import asyncio
import base64
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

HOST = "127.0.0.1"
ANSWER_WITHIN_S = 30.0
"""A client gives up after that; it is counted as no answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """Bytes to send, and the codes that may come back besides 503; none at all: the client leaves without an answer."""

    data: bytes
    expected: frozenset[int] = frozenset({200})


@dataclass(slots=True)
class Tally:
    """What many clients saw."""

    codes: Counter[str] = field(default_factory=Counter)
    """Answers by status; `none` for a connection that ended without one."""
    unexpected: Counter[str] = field(default_factory=Counter)
    accepted_ms: list[float] = field(default_factory=list)
    """Of each 200, from its first byte sent to its last received."""

    def note(self, request: Request, status: int | None, milliseconds: float) -> None:
        name = str(status) if status else "none"
        self.codes[name] += 1
        if status == 200:
            self.accepted_ms.append(milliseconds)
        if status not in request.expected and status != 503:
            self.unexpected[name] += 1


def good_request(photo: bytes) -> Request:
    """A photo to analyse, without a picture in the answer."""
    return Request(_post("/analyze?annotate=none", "image/jpeg", photo))


def bad_requests(photo: bytes) -> tuple[Request, ...]:
    """What careless and hostile clients send, each with the codes that the service has for it."""
    cut = base64.b64encode(photo[: len(photo) // 2]).decode()
    return (
        Request(_post("/analyze", "image/jpeg", photo[: len(photo) // 2]), frozenset({422})),
        Request(_post("/analyze", "application/json", f'{{"image":"{cut}"}}'.encode()), frozenset({422})),
        Request(_post("/analyze", "application/json", b'{"image":"not base64!"}'), frozenset({400})),
        Request(_post("/analyze", "application/json", b'{"image":' * 1000), frozenset({400})),
        Request(_post("/analyze?colour=1", "image/jpeg", photo), frozenset({400})),
        Request(_post("/analyze", "image/jpeg", b"%PDF-1.7\n"), frozenset({415})),
        Request(_post("/analyze", "text/plain", photo), frozenset({415})),
        Request(_post("/nothing", "image/jpeg", photo), frozenset({404})),
        Request(b"nonsense\r\n\r\n", frozenset({400})),
        Request(b"POST /analyze HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n", frozenset({413})),
        Request(_post("/analyze", "image/jpeg", photo)[: len(photo) // 2], frozenset()),
        Request(_post("/analyze", "image/jpeg", photo), frozenset()),
    )


def _post(path: str, kind: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def run_clients(
    port: int, good: Request, bad: Sequence[Request], *, clients: int, rate: float, seconds: float
) -> Tally:
    """Lets clients send together `rate` requests a second (0: each as soon as it can), one in five of them bad if any.

    A client whose answer takes longer than its pace leaves out what it should have sent meanwhile.
    """
    chance = random.Random(0)

    def choose() -> Request:
        return chance.choice(bad) if bad and chance.random() < 0.2 else good

    async def run() -> Tally:
        tally, end = Tally(), time.perf_counter() + seconds
        pace = clients / rate if rate else 0.0
        async with asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(_client(port, choose, pace, chance.random() * pace, end, tally))
        return tally

    return asyncio.run(run())


async def _client(
    port: int, choose: Callable[[], Request], pace: float, delay: float, end: float, tally: Tally
) -> None:
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    due = time.perf_counter() + delay
    while due < end:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        request, begin, status, stays = choose(), time.perf_counter(), None, False
        try:
            connection = connection or await asyncio.open_connection(HOST, port)
            connection[1].write(request.data)
            if request.expected:
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    status, stays = await _answer(connection[0])
        except (OSError, EOFError, TimeoutError):
            pass
        if request.expected:
            tally.note(request, status, (time.perf_counter() - begin) * 1000.0)
        if not stays and connection:
            connection[1].close()
            connection = None
        missed = max(0, int((time.perf_counter() - due) / pace)) if pace else 0
        due = due + pace * (missed + 1) if pace else time.perf_counter()
    if connection:
        connection[1].close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status of the next answer, and whether the connection stays."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    await reader.readexactly(int(length[1]) if length else 0)
    return int(head.split(None, 2)[1]), re.search(rb"(?i)\r\nconnection: close", head) is None
