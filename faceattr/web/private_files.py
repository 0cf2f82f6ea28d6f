"""Small text files that hold secrets: read only when nobody else on the machine may change them."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from faceattr.errors import SettingsError

log = logging.getLogger(__name__)

MAX_FILE_BYTES = 64 * 1024


def read_private(path: Path, what: str) -> str:
    """The text of a file; `what` names it in messages, like "token file".

    Warns when anybody may read it. Raises SettingsError when it cannot be read, anybody may write it, it is larger than
    MAX_FILE_BYTES, or it is not UTF-8; never says what is in it.
    """
    try:
        with path.open("rb") as file:
            # Of the open file, not of the name: nobody can exchange it in between.
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"Cannot read the {what} {path}: {error.strerror}.") from None
    if mode & stat.S_IWOTH:
        raise SettingsError(f"Anybody on this machine may write the {what} {path}: chmod 600 {path}.")
    if mode & stat.S_IROTH:
        log.warning("anybody on this machine may read the %s %s: chmod 600 would keep it private", what, path)
    if len(content) > MAX_FILE_BYTES:
        raise SettingsError(f"The {what} {path} has more than {MAX_FILE_BYTES:,} bytes.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SettingsError(f"The {what} {path} is not text in UTF-8.") from None
