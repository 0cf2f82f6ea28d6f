"""Log lines on stdout: UTC time, level, message. Never a photo, nor its name."""

from __future__ import annotations

import logging
import sys
import time


def configure_logging() -> None:
    """Sends the package's log to stdout, and warnings of others with it."""
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("faceattr").setLevel(logging.INFO)
