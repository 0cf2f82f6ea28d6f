"""The file of diagnostics: what --debug asks for, an hour a file, packed when the hour is over, deleted after days."""

from __future__ import annotations

import contextlib
import gzip
import logging
import os
import re
import shutil
import threading
import time
from pathlib import Path

from faceattr.errors import SettingsError

log = logging.getLogger(__name__)

NAME = "face_analyze.log"
_HOUR_S = 3600
_HOUR = "%Y-%m-%d-%H"
_ROLLED = re.compile(re.escape(NAME) + r"\.(\d{4}-\d{2}-\d{2}-\d{2})(\.gz)?")


def diagnostics_file(directory: str, days: int) -> logging.Handler:
    """A handler that writes to `face_analyze.log` in a directory. Raises SettingsError when it cannot."""
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
        return HourlyFile(Path(directory), days)
    except OSError as error:
        raise SettingsError(f"Cannot write diagnostics to {directory}: {error.strerror}.") from None


class HourlyFile(logging.FileHandler):
    """Writes lines to `face_analyze.log`; those of past hours (UTC) go to `face_analyze.log.YYYY-MM-DD-HH.gz`.

    Packing takes seconds after a busy hour and is done by a thread of its own, so that no request waits for it. Files
    of hours longer ago than `days` are deleted. A disk that cannot be written costs lines, never requests.
    """

    def __init__(self, directory: Path, days: int) -> None:
        self._directory, self._kept_s = directory, days * 24 * _HOUR_S
        self._failing = False
        self._one_at_a_time = threading.Lock()
        super().__init__(directory / NAME, encoding="utf-8", errors="backslashreplace")
        left = (directory / NAME).stat()
        self._hour = int(left.st_mtime if left.st_size else time.time()) // _HOUR_S
        self._tidy_beside(time.time())

    def emit(self, record: logging.LogRecord) -> None:
        try:
            hour = int(record.created) // _HOUR_S
            if hour > self._hour:
                self._roll(hour)
            super().emit(record)
        except OSError:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - as logging has it
        # Said once an hour: the warning itself comes back here, and must not be said again.
        if not self._failing:
            self._failing = True
            log.warning("diagnostics cannot be written to %s", self._directory)

    def _roll(self, hour: int) -> None:
        past, self._hour, self._failing = self._hour, hour, False
        stream, self.stream = self.stream, None  # emit opens it anew
        if stream:
            with contextlib.suppress(OSError):
                stream.close()
        name = f"{NAME}.{time.strftime(_HOUR, time.gmtime(past * _HOUR_S))}"
        (self._directory / NAME).replace(self._directory / name)
        self._tidy_beside(hour * _HOUR_S)

    def _tidy_beside(self, now: float) -> None:
        # Nobody waits for it, not even at the end: what it leaves half done, the next start does.
        self.tidying = threading.Thread(target=self._tidy, args=(now,), name="diagnostics", daemon=True)
        self.tidying.start()

    def _tidy(self, now: float) -> None:
        """Packs what past hours left, and deletes what is too old."""
        oldest = time.strftime(_HOUR, time.gmtime(now - self._kept_s))
        try:
            with self._one_at_a_time:
                for path in sorted(self._directory.iterdir()):
                    rolled = _ROLLED.fullmatch(path.name)
                    if rolled and rolled[1] < oldest:
                        path.unlink()
                    elif rolled and not rolled[2]:
                        _pack(path)
        except OSError as error:
            log.warning("diagnostics of past hours cannot be packed in %s: %s", self._directory, error.strerror)


def _pack(path: Path) -> None:
    """Replaces a file by its `.gz`; never by half of one. Lines that are in that already stay in it."""
    packed = path.with_name(path.name + ".gz")
    part = packed.with_name(packed.name + ".part")
    with part.open("wb") as out:
        if packed.exists():
            # Files of gzip one after the other are one file of gzip (RFC 1952, section 2.2).
            with packed.open("rb") as earlier:
                shutil.copyfileobj(earlier, out)
        with path.open("rb") as lines, gzip.GzipFile("", "wb", fileobj=out, mtime=0) as writer:
            shutil.copyfileobj(lines, writer)
        out.flush()
        os.fsync(out.fileno())
    part.replace(packed)
    path.unlink()
