"""waitress's settings, from ours."""

from __future__ import annotations

from collections.abc import Callable

from flask import Request
from waitress.adjustments import Adjustments

from faceattr.settings import Settings

MAX_HEADER_BYTES = 16 * 1024
"""As nginx and Apache allow in all; browsers send a tenth of it."""
_NO_LIMIT = 2**40
"""For waitress's limits above which it moves bodies to temporary files (photos never touch the disk), or makes a thread
wait until a client has read (it never has to: see Lanes.add_task)."""


def adjustments_of(settings: Settings, connections: int, lets_in: Callable[[Request], bool]) -> Adjustments:
    """What each connection and its requests are held to. Raises ValueError for an address that cannot be."""
    adjustments = Adjustments(
        host=settings.host,
        port=settings.port,
        threads=settings.threads,
        max_request_body_size=settings.max_body_bytes,
        max_request_header_size=MAX_HEADER_BYTES,
        inbuf_overflow=_NO_LIMIT,
        outbuf_overflow=_NO_LIMIT,
        outbuf_high_watermark=_NO_LIMIT,
        # A photo of common size in one go.
        recv_bytes=2**17,
        ident=None,
        connection_limit=connections,
        # Reading on while a request is answered tells when its client has left.
        channel_request_lookahead=1,
    )
    # Not waitress's own: see Arrival.parse_header.
    adjustments.max_batch_body_size = settings.max_batch_bytes
    adjustments.lets_in = lets_in
    return adjustments
