"""Downloads one file over HTTP: resumes, outlives lost connections, and names the file only when it is proved.

What has arrived lies in `NAME.part` beside its place, so that a later run can go on with it (RFC 9110, range requests).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from faceattr.errors import CannotWrite, PackError, Unreachable
from faceattr.packs.known import KnownFile
from faceattr.packs.progress import Progress, megabytes
from faceattr.packs.request import Lost, ask

_MAX_EXCESS = 2**20
"""Read beyond the expected size, to say what the answer is instead of the file; an endless one is cut off there."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for a network."""

    timeout: float = 30.0
    """Seconds without a byte after which a connection counts as lost."""
    delays: tuple[float, ...] = (1.0, 2.0, 4.0)
    """Seconds before each further attempt; a connection that brought something new starts them again."""


def download(file: KnownFile, address: str, directory: Path, progress: Progress, patience: Patience) -> None:
    """Puts a file in a directory, mode 644, complete and verified; nothing else ever stands under its name.

    Raises Unreachable (what has arrived is kept), CannotWrite, or PackError when the address has another file (which is
    removed).
    """
    part = directory / f"{file.name}.part"
    with _writing(part), part.open("a+b") as stream:
        _lock(stream, part)
        transfer = _Transfer(file, address, stream, progress, patience)
        kept = transfer.size
        try:
            transfer.complete()
        except Unreachable:
            if transfer.size == 0:
                part.unlink()
            raise
        wrong = file.fault(stream)
        if wrong and kept:
            # What lay there may have been of another file.
            progress.say(f"{part.name} from an earlier run does not fit: starting again.")
            stream.truncate(0)
            transfer.complete()
            wrong = file.fault(stream)
        if wrong:
            part.unlink()
            raise PackError(f"What {address} sends is {wrong}. It was not kept.")
        settle(stream, directory / file.name)


def settle(stream: BinaryIO, path: Path) -> None:
    """Gives a finished temporary file its name and mode 644, whatever the umask."""
    stream.flush()
    os.fchmod(stream.fileno(), 0o644)
    os.fsync(stream.fileno())
    Path(stream.name).replace(path)


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror or error}.") from None


def _lock(stream: BinaryIO, part: Path) -> None:
    """Keeps the part for this process alone: two that wrote into it would make a wrong file."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotWrite(f"{part} is being written by another run of this command.") from None


class _Transfer:
    """Fills a part from an address, by as many requests as it takes."""

    def __init__(self, file: KnownFile, address: str, stream: BinaryIO, progress: Progress, patience: Patience) -> None:
        self._file = file
        self._address = address
        self._stream = stream
        self._progress = progress
        self._patience = patience
        self._etag = ""

    @property
    def size(self) -> int:
        """Bytes in the part."""
        return self._stream.seek(0, os.SEEK_END)

    def complete(self) -> None:
        """Receives until the file has its size, or the address has no more. Raises Unreachable."""
        if self.size > self._file.size:
            self._stream.truncate(0)
        best, failures = self.size, 0
        self._progress.begin(self._file.name, best, self._file.size)
        try:
            while self.size < self._file.size:
                try:
                    if self._receive(self.size):
                        return
                except Lost as lost:
                    if not lost.kept:
                        self._stream.truncate(0)
                    # Only what was never here before is progress: some servers can but start from the beginning.
                    best, failures = (self.size, 0) if self.size > best else (best, failures)
                    if failures >= len(self._patience.delays):
                        raise Unreachable(self._given_up(str(lost), failures + 1)) from None
                    delay = self._patience.delays[failures]
                    failures += 1
                    self._progress.say(f"  {lost}: trying again in {delay:g} s")
                    time.sleep(delay)
        finally:
            self._progress.end()

    def _given_up(self, cause: str, attempts: int) -> str:
        kept = f" {megabytes(self.size)} of {self._file.name} are kept: the next run goes on from there."
        tried = f" (tried {attempts} times)" if attempts > 1 else ""
        return f"{self._address}: {cause}{tried}.{kept if self.size else ''}"

    def _receive(self, offset: int) -> bool:
        """One request for what is missing. True when the answer was the whole of what the address has."""
        with contextlib.closing(
            ask(self._address, offset, self._file.size, self._etag, self._patience.timeout)
        ) as answer:
            if answer.is_whole:
                # The first request, a server that does not do ranges, or one that has another version now.
                self._stream.truncate(0)
            self._etag, received = answer.etag, 0
            while received != answer.length and self.size <= self._file.size + _MAX_EXCESS:
                chunk = answer.read()
                if not chunk:
                    break
                self._stream.write(chunk)
                received += len(chunk)
                self._progress.at(self.size)
            if received < (answer.length or 0):
                raise Lost("the connection was lost")
            if received == 0 and not (answer.is_whole and answer.length == 0):
                raise Lost("the server sends nothing")
            return answer.is_whole
