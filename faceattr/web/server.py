"""Serves the application with waitress: nothing on disk, every answer in our shape, stopped by SIGTERM."""

from __future__ import annotations

import logging
import signal
import time
from types import FrameType
from typing import NoReturn

from flask import Flask
from waitress import create_server

from faceattr.analyzer import FaceAnalyzer
from faceattr.errors import SettingsError
from faceattr.memory import bound_allocator, give_back
from faceattr.settings import Settings
from faceattr.version import __version__
from faceattr.web.app import create_app
from faceattr.web.channel import ProblemChannel

log = logging.getLogger(__name__)

_NEVER_SPILL = 2**40
"""Above this many bytes waitress moves bodies to temporary files; photos never touch the disk."""


def serve(settings: Settings) -> None:
    """Loads and verifies the models, then serves until SIGTERM or Ctrl-C.

    Raises SettingsError when the address cannot be listened on, PackError or EngineError before anything listens.
    """
    begin = time.perf_counter()
    bound_allocator()
    app = create_app(settings, analyzer=FaceAnalyzer.from_settings(settings))
    give_back()
    run(app, settings, begin)


def run(app: Flask, settings: Settings, begin: float) -> None:
    """Listens and answers. `begin`: when start-up began, on time.perf_counter's clock."""
    channels: dict[int, object] = {}
    try:
        server = create_server(
            app,
            map=channels,
            host=settings.host,
            port=settings.port,
            threads=settings.threads,
            max_request_body_size=settings.max_body_bytes,
            max_request_header_size=16 * 1024,
            inbuf_overflow=_NEVER_SPILL,
            outbuf_overflow=_NEVER_SPILL,
            ident=None,
            connection_limit=512,
            # Idle connections, and those that send half a request, do not keep others out for longer.
            channel_timeout=15,
        )
    except (OSError, ValueError) as error:
        raise SettingsError(f"Cannot listen on {settings.host}:{settings.port}: {str(error).rstrip('.')}.") from None
    except RuntimeError as error:
        raise SettingsError(f"Cannot start {settings.threads} threads: {error}. Try fewer --threads.") from None
    for listener in list(channels.values()):
        if hasattr(listener, "channel_class"):
            listener.channel_class = ProblemChannel
    signal.signal(signal.SIGTERM, _stop)
    addresses = getattr(server, "effective_listen", None) or [(server.effective_host, server.effective_port)]
    where = ", ".join(f"http://{f'[{host}]' if ':' in host else host}:{port}" for host, port in addresses)
    log.info("faceattr %s ready on %s after %.2f s", __version__, where, time.perf_counter() - begin)
    server.run()
    log.info("stopped")


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    # waitress ends its loop and its threads on SystemExit; as PID 1 the default action would be to ignore the signal.
    raise SystemExit(0)
