"""Many clients of the service in one thread, as cheap as can be: they share the processor with what they measure.

Each keeps a connection and sends ready-made bytes at its own pace; of an answer nothing is looked at but its status,
its length, and whether the connection stays.
"""

from __future__ import annotations

import heapq
import itertools
import random
import select
import socket
import time
from collections.abc import Sequence

from benchmarks.traffic import ANSWER_WITHIN_S, BAD_SHARE, HOST, KEEP_S, Request, Tally, answer_in

_SWEEP_S = 1.0
_CHUNK = 2**18


def run_clients(
    port: int, good: Request, bad: Sequence[Request], *, clients: int, rate: float, seconds: float
) -> Tally:
    """Lets clients send together `rate` requests a second (0: each as soon as it can), one in five of them bad if any.

    A client whose answer takes longer than its pace leaves out what it should have sent meanwhile. What is under way at
    the end is waited for.
    """
    return _Crowd(port, good, bad, time.perf_counter() + seconds, clients / rate if rate else 0.0).run(clients)


class _Crowd:
    """The clients' common loop: their sockets, and the times at which one has something to do."""

    def __init__(self, port: int, good: Request, bad: Sequence[Request], end: float, pace: float) -> None:
        self.port, self.end, self.pace, self.tally = port, end, pace, Tally()
        self.poll = select.epoll()
        self.by_descriptor: dict[int, _Client] = {}
        self._good, self._bad = good, bad
        self._chance = random.Random(0)
        self._times: list[tuple[float, int, _Client, int]] = []
        self._order = itertools.count()
        self.living = 0

    def choose(self) -> Request:
        return self._chance.choice(self._bad if self._bad and self._chance.random() < BAD_SHARE else (self._good,))

    def at(self, moment: float, client: _Client) -> None:
        """Has the client act at that time, unless its request has ended by then."""
        heapq.heappush(self._times, (moment, next(self._order), client, client.turn))

    def run(self, count: int) -> Tally:
        before, swept = time.process_time(), time.perf_counter()
        self.living = count
        clients = [_Client(self, swept + self._chance.random() * self.pace) for _ in range(count)]
        while self.living:
            now = time.perf_counter()
            while self._times and self._times[0][0] <= now:
                _, _, due, turn = heapq.heappop(self._times)
                if due.turn == turn:
                    due.act(now)
            if now > swept + _SWEEP_S:
                swept = now
                for client in clients:
                    client.give_up(now)
            wait = min(_SWEEP_S, max(0.0, self._times[0][0] - time.perf_counter())) if self._times else _SWEEP_S
            for descriptor, mask in self.poll.poll(wait):
                ready = self.by_descriptor.get(descriptor)
                if ready is not None:
                    ready.ready(mask)
        for client in clients:
            client.close()
        self.poll.close()
        self.tally.processor_s = time.process_time() - before
        return self.tally


class _Client:
    """One client: idle until it is due, then sending, then waiting for its answer."""

    def __init__(self, crowd: _Crowd, due: float) -> None:
        self._crowd, self._due = crowd, due
        self._socket: socket.socket | None = None
        self._request: Request | None = None
        self._left = memoryview(b"")
        self._received = b""
        self._begin = self._ended = 0.0
        self._dripped = 0
        self._waits_for_room = False
        self.turn = 0
        crowd.at(due, self)

    def act(self, now: float) -> None:
        """Begins the next request, or sends another byte of one that drips."""
        if self._request is not None:
            self._drip(now)
        elif now >= self._crowd.end:
            self._crowd.living -= 1
        else:
            self._request, self._begin, self._received = self._crowd.choose(), now, b""
            self._dripped = 0
            data = memoryview(self._request.data)
            self._left = data[: len(data) - self._request.dripped]
            if now > self._ended + KEEP_S:
                self.close()
            try:
                self._connect()
                self._send()
            except OSError:
                self._finish(None, stays=False)
                return
            if self._request is not None and self._request.drip:
                self._crowd.at(now + self._request.drip, self)

    def ready(self, mask: int) -> None:
        """Reads and writes what can be."""
        try:
            if mask & ~select.EPOLLOUT:
                self._receive()
            if mask & select.EPOLLOUT and self._request is not None:
                self._send()
        except OSError:
            self._finish(None, stays=False)

    def give_up(self, now: float) -> None:
        """Ends a request whose answer has not come in time."""
        if self._request is not None and now > self._begin + ANSWER_WITHIN_S:
            self._finish(None, stays=False)

    def close(self) -> None:
        if self._socket is not None:
            self._crowd.by_descriptor.pop(self._socket.fileno(), None)
            self._socket.close()
            self._socket = None

    def _connect(self) -> None:
        if self._socket is None:
            self._socket = socket.create_connection((HOST, self._crowd.port), timeout=ANSWER_WITHIN_S)
            self._socket.setblocking(False)
            self._waits_for_room = False
            self._crowd.by_descriptor[self._socket.fileno()] = self
            self._crowd.poll.register(self._socket, select.EPOLLIN)

    def _send(self) -> None:
        assert self._socket is not None
        assert self._request is not None
        try:
            while self._left:
                self._left = self._left[self._socket.send(self._left[:_CHUNK]) :]
        except BlockingIOError:
            pass
        waits = bool(self._left)
        if waits != self._waits_for_room:
            self._waits_for_room = waits
            self._crowd.poll.modify(self._socket, select.EPOLLIN | (select.EPOLLOUT if waits else 0))
        if not waits and not self._request.expected:
            self._finish(None, stays=False)

    def _drip(self, now: float) -> None:
        assert self._socket is not None
        assert self._request is not None
        at = len(self._request.data) - self._request.dripped + self._dripped
        try:
            self._socket.send(self._request.data[at : at + 1])
        except OSError:
            # Cut off, as it should be; what was said before that is still to be read.
            return
        self._dripped += 1
        if self._dripped < self._request.dripped:
            self._crowd.at(now + self._request.drip, self)

    def _receive(self) -> None:
        assert self._socket is not None
        data = self._socket.recv(_CHUNK)
        if not data or self._request is None:
            # The service has ended the connection: between two requests it may.
            self._finish(None, stays=False)
            return
        self._received += data
        found = answer_in(self._received)
        if found is not None:
            self._finish(*found)

    def _finish(self, status: int | None, stays: bool) -> None:
        request, self._request = self._request, None
        if not stays or self._left:
            self.close()
        if request is None:
            return
        now = self._ended = time.perf_counter()
        self.turn += 1
        if request.expected:
            self._crowd.tally.note(request, status, (now - self._begin) * 1000.0)
        pace = self._crowd.pace
        missed = max(0, int((now - self._due) / pace)) if pace else 0
        self._due = self._due + pace * (missed + 1) if pace else now
        self._crowd.at(min(self._due, self._crowd.end), self)
