"""One run at a time in an output directory."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
from pathlib import Path

from faceattr.batch.output import writing_to
from faceattr.errors import Busy

NAME = ".faceattr-batch.lock"


class Lock:
    """Holds the directory until closed; the system lets go of it when the process dies, however that happens.

    The file stays behind: removing it would let two runs hold two files of the same name.
    """

    def __init__(self, directory: Path) -> None:
        """Raises Busy naming the process that holds the directory, CannotWrite when the file cannot be made."""
        self.path = directory / NAME
        with writing_to(directory):
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            with writing_to(directory):
                self._take(directory)
                os.ftruncate(self._descriptor, 0)
                os.pwrite(self._descriptor, f"{os.getpid()} {socket.gethostname()}\n".encode(), 0)
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def _take(self, directory: Path) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as cause:
            if cause.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            holder = owner(directory) or "another process"
            raise Busy(f"'{directory}' is in use by {holder}. Wait for it, or choose another --output_dir.") from cause


def is_held(directory: Path) -> bool:
    """Whether a run is under way in the directory."""
    try:
        descriptor = os.open(directory / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def owner(directory: Path) -> str:
    """The last process that held the directory, for people: "process 123 on host"; empty when unknown."""
    with contextlib.suppress(OSError, ValueError):
        pid, host = (directory / NAME).read_text().split()
        return f"process {int(pid)} on {host}" if host != socket.gethostname() else f"process {int(pid)}"
    return ""
