"""Serves the application with waitress: bounded, nothing on disk, every answer in our shape, ended in order."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from functools import partial
from typing import Any

from flask import Flask
from waitress import wasyncore
from waitress.adjustments import Adjustments

from faceattr.errors import SettingsError
from faceattr.memory import bound_allocator, give_back, keep_within_container
from faceattr.settings import Settings
from faceattr.version import __version__
from faceattr.web.access import DOOR
from faceattr.web.adjustments import adjustments_of
from faceattr.web.app import PIN, RELOADER, TOKENS, create_app
from faceattr.web.arrivals import FULL
from faceattr.web.descriptors import fitting_connections
from faceattr.web.drain import Drain
from faceattr.web.lanes import Lanes
from faceattr.web.listener import Listener
from faceattr.web.loop import Loop
from faceattr.web.pin import Pin
from faceattr.web.signals import Signals
from faceattr.web.tokens import Tokens

log = logging.getLogger(__name__)

LANES = "faceattr.lanes"
"""Key of `app.extensions`: the Lanes of a running service, for those who count what waits."""
SWITCH_S = 0.0005
"""How long one thread may keep the others from running Python. A photo's thread needs its turn after each call into a
library, some twenty times; with Python's own 5 ms those that refuse photos would hold up those that analyse them."""
_CROWDED_S = 0.01
"""How long the I/O loop lets things come while no photo more is admitted. Refusing many in one go takes a fifth less of
the processor from those that are analysed than waking up for each."""
_TICK_S = 0.25
"""How often the I/O loop looks after what time alone brings about."""


def serve(settings: Settings, signals: Signals) -> None:
    """Loads and verifies the models, then serves until SIGTERM or Ctrl-C; both end the process with exit code 0.

    Raises SettingsError when the address cannot be listened on, PackError or EngineError before anything listens.
    """
    begin = time.perf_counter()
    sys.setswitchinterval(SWITCH_S)
    bound_allocator()
    app = create_app(settings)
    give_back()
    server = Server(app, settings)
    keep_within_container()
    signals.on_stop(server.stop)
    for secret in (app.extensions[TOKENS], app.extensions[PIN]):
        if secret is not None:
            signals.on(signal.SIGHUP, partial(_reload, secret))
    signals.on(signal.SIGHUP, app.extensions[RELOADER].request)
    log.info("faceattr %s ready on %s after %.2f s", __version__, server.addresses, time.perf_counter() - begin)
    if not server.run():
        # Threads are still in native code, and would be in it while Python takes itself down.
        logging.shutdown()
        os._exit(0)


def _reload(secret: Tokens | Pin) -> None:
    try:
        secret.reload()
    except SettingsError as error:
        kept = "PIN stays as it was" if isinstance(secret, Pin) else "tokens stay as they were"
        log.error("the %s: %s", kept, error)


class Server:
    """Listens from the moment it is made, and answers while it runs: the I/O loop, and all that it looks after."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        """Raises SettingsError when the address cannot be listened on, or threads and open files do not suffice."""
        self._settings = settings
        self._drain = Drain(settings.drain_seconds)
        self._loop = Loop()
        self._next_tick = 0.0
        try:
            self._connections = fitting_connections(settings.connections)
            adjustments = adjustments_of(settings, self._connections, app.extensions[DOOR])
            self.lanes = Lanes(
                settings.inference_slots, settings.waiting, settings.wait_seconds, settings.threads, self._drain
            )
            self.listeners = [self._listen(app, adjustments, socket_info) for socket_info in adjustments.listen]
        except (OSError, ValueError) as error:
            where = f"{settings.host}:{settings.port}"
            cause = getattr(error, "strerror", None) or str(error).rstrip(".")
            raise SettingsError(f"Cannot listen on {where}: {cause}.") from None
        except RuntimeError as error:
            raise SettingsError(f"Cannot start {settings.threads} threads: {error}. Try fewer --threads.") from None
        app.extensions[LANES] = self.lanes

    @property
    def addresses(self) -> str:
        """Where it listens, as addresses of web pages."""
        names = [(listener.effective_host, listener.effective_port) for listener in self.listeners]
        return ", ".join(f"http://{f'[{host}]' if ':' in host else host}:{port}" for host, port in names)

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._loop.channels)

    @property
    def arriving_bytes(self) -> int:
        """What the requests that are still arriving hold of memory."""
        return sum(channel.arriving_bytes for channel in self._loop.channels)

    def stop(self) -> None:
        """Makes `run` end once everything that is there has been answered. May be called from any thread."""
        self.listeners[0].trigger.pull_trigger(self._begin_drain)

    def run(self) -> bool:
        """Answers until stopped; whether every thread has come to its end."""
        while not self._is_over():
            if self.lanes.is_full:
                time.sleep(_CROWDED_S)
            self._loop.turn(_TICK_S)
            self._close_idlest()
            now = time.monotonic()
            if now >= self._next_tick:
                self._next_tick = now + _TICK_S
                self._tend(now)
        left = sum(not channel.is_finished for channel in self._loop.channels)
        # The threads first: until their end they wake the loop through descriptors that are closed after.
        ended = self.lanes.shutdown(max(_TICK_S, self._drain.until - time.monotonic()))
        wasyncore.close_all(self._loop)
        if left:
            log.warning("stopped; %d clients did not get their answer in time", left)
        else:
            log.info("stopped")
        return ended

    def _listen(self, app: Flask, adjustments: Adjustments, socket_info: tuple[Any, ...]) -> Listener:
        listener = Listener(app, map=self._loop, dispatcher=self.lanes, adj=adjustments, sockinfo=socket_info)
        listener.app, listener.lanes, listener.drain = app, self.lanes, self._drain
        return listener

    def _begin_drain(self) -> None:
        log.info("stopping: finishing what is there, for at most %d s", self._settings.drain_seconds)
        self._drain.begin()
        for listener in self.listeners:
            listener.stop()

    def _is_over(self) -> bool:
        if not self._drain.begun:
            return False
        return time.monotonic() > self._drain.until or all(channel.is_finished for channel in self._loop.channels)

    def _tend(self, now: float) -> None:
        settings = self._settings
        for late in self.lanes.take_late():
            late.refuse_waiting()
        for channel in self._loop.channels:
            channel.tend(now, settings.read_seconds, settings.idle_seconds)
        self._bound_uploads()
        self._loop.look_at_all()

    def _close_idlest(self) -> None:
        # The limit keeps nobody out, probes least of all, as long as a connection is not in use.
        if len(self._loop) >= self._connections:
            idle = sorted((c for c in self._loop.channels if c.is_idle), key=lambda channel: channel.last_activity)
            # One that is alone may have come just now, and what it wants not been read yet.
            if len(idle) > 1 or (idle and idle[0].last_activity < time.time() - _TICK_S):
                idle[0].make_room()
                self._loop.look_at_all()

    def _bound_uploads(self) -> None:
        arriving = sorted((c for c in self._loop.channels if c.arriving_bytes), key=lambda c: c.arriving_since)
        held = 0
        for index, channel in enumerate(arriving):
            held += channel.arriving_bytes
            if index and held > self._settings.max_uploads_bytes:
                # Those that began last: what has nearly arrived is not lost.
                held -= channel.arriving_bytes
                channel.refuse(FULL)
