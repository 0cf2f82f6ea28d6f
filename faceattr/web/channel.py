"""One connection: cut off when its request takes too long, and not closed before its client has the answer."""

from __future__ import annotations

import math
import socket
import time

from waitress.channel import HTTPChannel

from faceattr.web.arrivals import DRAINING, Arrival, Refusal
from faceattr.web.drain import unacknowledged
from faceattr.web.records import access_log
from faceattr.web.tasks import AnswerTask, ProblemTask

LINGER_S = 5.0
"""How long a refused client may go on sending. Closing at once would reset the connection, and the answer be lost."""


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection of a Listener. Its methods run on the I/O loop, `service` also on the threads of a lane."""

    task_class = AnswerTask
    error_task_class = ProblemTask
    parser_class = Arrival
    request: Arrival | None
    will_close: bool
    refused = False
    """Whether the last answer was one for which the client need not have stopped sending."""
    answers_at_once = False
    """Set by the lanes: the first request is answered by the I/O loop itself."""
    is_held_back = False
    """Set by the lanes: the next request waits until the client has read the last answer."""
    _closes_at = math.inf
    """When it closes at the latest, once everything has been sent."""

    def handle_read(self) -> None:
        """Reads what has come, or, once everything is said, throws it away."""
        if self._is_closing or self._is_cut:
            try:
                # An end of input closes the channel from within recv.
                self.recv(2**16)
            except OSError:
                super().handle_close()
            return
        try:
            super().handle_read()
            if self._comes_too_late():
                self.refuse(DRAINING)
        except MemoryError:
            # No room for what comes in: this client's connection ends, the service goes on.
            access_log.warning("request client=%s code=out_of_memory: connection closed", self.addr[0])
            super().handle_close()
        else:
            self._answer_at_once()

    def handle_write(self) -> None:
        """Writes what the client takes, and goes on with its next request when it has taken all."""
        super().handle_write()
        if self.is_held_back and self.connected and not self.total_outbufs_len:
            with self.requests_lock:
                self.is_held_back = False
                if self.requests:
                    self.server.add_task(self)
            self._answer_at_once()

    def refuse(self, refusal: Refusal) -> None:
        """Refuses the request that is arriving; the answer comes after those to the requests before it."""
        with self.requests_lock:
            request, self.request = self.request, None
            if request is None:
                return
            request.error = refusal
            self.requests.append(request)
            if len(self.requests) == 1:
                self.server.add_task(self)
        self._answer_at_once()

    def refuse_waiting(self) -> None:
        """Answers a request that was taken out of the line because it has waited too long."""
        self.server.lanes.refuse_if_late(self.requests[0])
        self.service()
        self._answer_at_once()

    def service(self) -> None:
        """Answers the first request."""
        request, lanes = self.requests[0], self.server.lanes
        lanes.refuse_if_late(request)
        try:
            super().service()
        finally:
            lanes.leave(request)

    def tend(self, now: float, read_seconds: float, idle_seconds: float) -> None:
        """What time alone brings about. `now` is on time.monotonic's clock."""
        if self._is_closing:
            if now > self._closes_at or not (self.refused or unacknowledged(self.socket)):
                super().handle_close()
        elif self.request is not None and not self.requests:
            if now > self.request.begun + read_seconds:
                sentence = f"The request was not complete within {read_seconds:g} seconds."
                self.refuse(Refusal("request_timeout", sentence))
        elif self.total_outbufs_len or not self.requests:
            # Between two requests, or with an answer that the client does not read.
            self.will_close = self.will_close or self.last_activity < time.time() - idle_seconds

    @property
    def is_idle(self) -> bool:
        """Whether nothing would be lost if the connection ended now."""
        if self._is_closing:
            return self.refused and not unacknowledged(self.socket)
        return not (self.requests or self.request or self.total_outbufs_len)

    def make_room(self) -> None:
        """Ends an idle connection."""
        if self._is_closing:
            super().handle_close()
        else:
            self.will_close = True

    @property
    def is_at_rest(self) -> bool:
        """Whether only what its client does, or time, can change what it waits for."""
        flushing = self.total_outbufs_len or self.will_close or self.close_when_flushed
        return not (self.requests or flushing or self.is_held_back or self._is_closing)

    @property
    def arriving_since(self) -> float:
        """When the request that is arriving began; infinity when there is none."""
        return self.request.begun if self.request is not None else math.inf

    @property
    def arriving_bytes(self) -> int:
        """What the request that is arriving holds of memory."""
        request = self.request
        return request.header_bytes_received + request.body_bytes_received if request is not None else 0

    @property
    def is_finished(self) -> bool:
        """Whether a shutdown need not wait for it."""
        arrives = self.arriving_since <= self.server.drain.since < math.inf
        busy = self.requests or arrives or self.total_outbufs_len or self._is_closing
        return not busy and not unacknowledged(self.socket)

    def handle_close(self) -> None:
        """Closes, unless the client might lose its answer by that: then says that no more comes, and waits."""
        drain = self.server.drain
        is_first = self.connected and not self._is_closing and not self.total_outbufs_len
        if not is_first or not (self.refused or (drain.begun and unacknowledged(self.socket))):
            super().handle_close()
            return
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            super().handle_close()
        else:
            self._closes_at = time.monotonic() + LINGER_S if self.refused else drain.until
            self.will_close = self.close_when_flushed = False

    def readable(self) -> bool:
        """Whether the I/O loop is to read."""
        return self._is_closing or bool(super().readable())

    def writable(self) -> bool:
        """Whether the I/O loop is to write."""
        return not self._is_closing and bool(self.is_held_back or super().writable())

    @property
    def _is_closing(self) -> bool:
        return self._closes_at < math.inf

    @property
    def _is_cut(self) -> bool:
        # In one step: a thread that has answered the last one takes it out at any moment.
        return any(request.is_cut for request in self.requests[-1:])

    def _comes_too_late(self) -> bool:
        request = self.request
        return request is not None and request.headers_finished and self.server.drain.is_new(request.begun)

    def _answer_at_once(self) -> None:
        while self.answers_at_once:
            self.answers_at_once = False
            self.service()
