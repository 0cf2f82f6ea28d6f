"""Where complete requests go: photos to few threads behind a short line, the rest to threads of their own."""

from __future__ import annotations

import logging
import threading
import time

from waitress.task import ThreadedTaskDispatcher

from faceattr.web.arrivals import DRAINING, OVERLOADED, Arrival
from faceattr.web.channel import Channel
from faceattr.web.drain import Drain

THREADS_PER_SLOT = 2
"""While one photo of a slot is analysed, the next is read and the last one's answer written."""


class _Lane(ThreadedTaskDispatcher):  # type: ignore[misc]
    """waitress's threads and their queue. That somebody waits in it is no news for the log."""

    queue_logger = logging.Logger("waitress.queue", logging.CRITICAL)

    def __init__(self, threads: int) -> None:
        super().__init__()
        self.set_thread_count(threads)


class Lanes:
    """waitress's task dispatcher: never holds more analyses than can be answered in time, and refuses the others.

    Made on the thread of the I/O loop, which answers itself what needs no thread: probes and refusals.
    """

    def __init__(self, slots: int, waiting: int, wait_seconds: float, threads: int, drain: Drain) -> None:
        """`slots` photos are analysed at once, `waiting` more per slot wait; `threads` answer everything else."""
        self._most = slots * (1 + waiting)
        self._wait_seconds = wait_seconds
        self._drain = drain
        self._slots = slots
        self._inside = self._batches = 0
        self._lock = threading.Lock()
        self._io_thread = threading.get_ident()
        self._photos = _Lane(THREADS_PER_SLOT * slots)
        self._others = _Lane(threads)

    @property
    def inside(self) -> int:
        """Analyses that wait or run."""
        return self._inside

    @property
    def is_full(self) -> bool:
        """Whether the next analysis would be refused."""
        return self._inside >= self._most

    @property
    def on_io_thread(self) -> bool:
        """Whether the I/O loop is asking."""
        return threading.get_ident() == self._io_thread

    def add_task(self, channel: Channel) -> None:
        """Takes the first request of a channel. waitress calls it, with the channel's requests locked."""
        if channel.total_outbufs_len:
            # A client that does not read holds no thread, and of its answers there is never more than one in memory.
            channel.is_held_back = True
            return
        request = channel.requests[0]
        self._judge(request)
        if request.is_admitted:
            self._photos.add_task(channel)
        elif (request.error or request.is_probe) and self.on_io_thread:
            channel.answers_at_once = True
        else:
            self._others.add_task(channel)

    def _judge(self, request: Arrival) -> None:
        request.queued = time.monotonic()
        if request.error:
            return
        if self._drain.is_new(request.begun) and request.path != "/healthz":
            request.error = DRAINING
        elif request.is_analysis:
            with self._lock:
                # With one batch per slot, there is always a thread for those who send one photo.
                has_room = not request.is_batch or self._batches < self._slots
                request.is_admitted = has_room and self._inside < self._most
                self._inside += request.is_admitted
                self._batches += request.is_admitted and request.is_batch
            if not request.is_admitted:
                request.error = OVERLOADED

    def leave(self, request: Arrival) -> None:
        """Gives the place of a request back, if it has one."""
        if request.is_admitted:
            request.is_admitted = False
            with self._lock:
                self._inside -= 1
                self._batches -= request.is_batch

    def refuse_if_late(self, request: Arrival) -> None:
        """Refuses an admitted request that has waited too long."""
        if request.is_admitted and not request.error and time.monotonic() > request.queued + self._wait_seconds:
            request.error = OVERLOADED

    def take_late(self) -> list[Channel]:
        """Takes the channels out of the line that have waited too long while every thread was busy."""
        late: list[Channel] = []
        before = time.monotonic() - self._wait_seconds
        with self._photos.lock:
            queue = self._photos.queue
            while queue and queue[0].requests[0].queued < before:
                late.append(queue.popleft())
        return late

    def shutdown(self, timeout: float) -> bool:
        """Ends the threads; whether all have ended in time, in seconds."""
        self._photos.shutdown(timeout=timeout)
        self._others.shutdown(timeout=timeout)
        return not self._photos.threads and not self._others.threads
