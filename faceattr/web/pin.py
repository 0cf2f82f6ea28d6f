"""The PIN of a kiosk's staff corner: read from a file, compared in constant time, guessed at a few times a minute."""

from __future__ import annotations

import hashlib
import hmac
import logging
import math
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from faceattr.errors import SettingsError
from faceattr.web.private_files import read_private

log = logging.getLogger(__name__)

WRONG_TRIES, WINDOW_S = 5, 60.0
"""So many wrong ones in so many seconds, of everybody together: a PIN of 4 digits then holds out for a day."""
_PIN = re.compile(r"[0-9]{4,12}")


class Pin:
    """The PIN of a file with a line of 4 to 12 digits; empty lines and lines that begin with `#` are skipped.

    Only its digest is kept. Safe to use from many threads. Raises SettingsError that names the file, never the PIN.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path, clock
        self._digest = _read(path)
        self._lock = threading.Lock()
        self._wrong: deque[float] = deque(maxlen=WRONG_TRIES)

    def reload(self) -> None:
        """Reads the file again. Raises SettingsError when it is wrong; then the PIN stays as it was."""
        self._digest = _read(self._path)
        log.info("PIN read again")

    def check(self, presented: str) -> tuple[bool, int]:
        """Whether this is the PIN, and 0; or False, and the seconds until anything is compared again."""
        digest = _digested(presented)
        with self._lock:
            now = self._clock()
            if len(self._wrong) == WRONG_TRIES and now < self._wrong[0] + WINDOW_S:
                return False, max(1, math.ceil(self._wrong[0] + WINDOW_S - now))
            right = hmac.compare_digest(digest, self._digest)
            if not right:
                self._wrong.append(now)
        return right, 0


def _digested(pin: str) -> bytes:
    return hashlib.sha256(pin.encode("utf-8", "surrogatepass")).digest()


def _read(path: Path) -> bytes:
    lines = [line.strip() for line in read_private(path, "PIN file").splitlines()]
    pins = [line for line in lines if line and not line.startswith("#")]
    if len(pins) != 1:
        raise SettingsError(f"The PIN file {path} must hold one line of 4 to 12 digits; it holds {len(pins)} lines.")
    if not _PIN.fullmatch(pins[0]):
        raise SettingsError(f"The PIN file {path} must hold 4 to 12 digits from 0 to 9, and nothing else.")
    return _digested(pins[0])
