"""A listening socket that neither spins without file descriptors nor lets idle connections keep others out."""

from __future__ import annotations

import errno
import logging
import socket
import time

from flask import Flask
from waitress import wasyncore
from waitress.server import TcpWSGIServer

from faceattr.web.channel import Channel
from faceattr.web.drain import Drain
from faceattr.web.lanes import Lanes

log = logging.getLogger(__name__)

PAUSE_S = 1.0
"""How long nothing is accepted when the system refuses: the waiting connection would wake the loop at once again."""
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """waitress's server for one address; what its connections share are its attributes."""

    channel_class = Channel
    app: Flask
    lanes: Lanes
    drain: Drain
    _accepts_from = 0.0

    def readable(self) -> bool:
        """Whether the I/O loop is to accept: not above the limit of connections, nor soon after the system refused."""
        is_full = len(self._map) >= self.adj.connection_limit
        return self.accepting and not is_full and time.monotonic() >= self._accepts_from

    def accept(self) -> tuple[socket.socket, object] | None:
        """The next connection, None when there is none or the system has no room for it."""
        try:
            accepted: tuple[socket.socket, object] | None = super().accept()
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            self._accepts_from = time.monotonic() + PAUSE_S
            log.warning("no connection can be accepted for %g s: %s", PAUSE_S, error.strerror)
            return None
        return accepted

    def handle_accept(self) -> None:
        """Takes all connections that wait; with one a turn of the loop, under overload the last would wait long."""
        while self.readable():
            before = len(self._map)
            super().handle_accept()
            if len(self._map) == before:
                break

    def pull_trigger(self) -> None:
        """Wakes the I/O loop for what a thread has done; what the loop itself has done it knows."""
        if not self.lanes.on_io_thread:
            super().pull_trigger()

    def stop(self) -> None:
        """Takes the connections that are already made, so that they are told, and listens no more."""
        self.handle_accept()
        # Not self.close(): that would take the trigger away, by which the threads wake the loop for their answers.
        wasyncore.dispatcher.close(self)
