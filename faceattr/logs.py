"""Log lines on stdout: UTC time, level, message. Never a photo, nor its name."""

from __future__ import annotations

import logging
import os
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


def mute_native_libraries() -> None:
    """Points file descriptor 2 at nothing; Python's own messages keep the real standard error.

    libpng and libjpeg write there what they find in a damaged photo: words of the photo, outside of any log.
    """
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
