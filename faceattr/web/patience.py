"""How long the client of a request waits for its photo's turn."""

from __future__ import annotations

import math
import time

from flask import request

from faceattr.slots import Patience

QUEUED = "faceattr.queued"
"""In the WSGI environment, from a server that queues requests: since when this one waits, on time.monotonic's clock."""

TIME_LEFT = "faceattr.time_left"
"""In the WSGI environment, from a server that can be stopped: a function for the seconds that are left to answer in."""


def time_left() -> float:
    """Seconds until the answer to the current request must be there; infinite in general."""
    left: float = request.environ.get(TIME_LEFT, lambda: math.inf)()
    return left


def patience_of_client(wait_seconds: float, *, anew: bool = False) -> Patience:
    """The patience of the current request; `anew`: counted from now on, as for the second of several photos."""
    since = time.monotonic() if anew else request.environ.get(QUEUED, time.monotonic())
    gone = request.environ.get("waitress.client_disconnected")
    return Patience(since + wait_seconds, gone) if gone else Patience(since + wait_seconds)
