"""How long the client of a request waits for its photo's turn."""

from __future__ import annotations

import time

from flask import request

from faceattr.slots import Patience

QUEUED = "faceattr.queued"
"""In the WSGI environment, from a server that queues requests: since when this one waits, on time.monotonic's clock."""


def patience_of_client(wait_seconds: float, *, anew: bool = False) -> Patience:
    """The patience of the current request; `anew`: counted from now on, as for the second of several photos."""
    since = time.monotonic() if anew else request.environ.get(QUEUED, time.monotonic())
    gone = request.environ.get("waitress.client_disconnected")
    return Patience(since + wait_seconds, gone) if gone else Patience(since + wait_seconds)
