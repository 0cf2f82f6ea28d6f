"""The end of every command: its exit code, whatever has become of its standard output."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from typing import NoReturn

_CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def finish(command: Callable[[], int]) -> NoReturn:
    """Runs a command and ends the process with its exit code.

    Where the reader of its output has gone (`| head`), 1, in silence. Where the output cannot be written, above all on
    a full disk, 74 (EX_IOERR), and a sentence that says so.
    """
    if sys.stdout is None:  # as it is where its descriptor was closed (`>&-`)
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    try:
        try:
            code = command()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        code = 1
    except OSError as error:
        if error.errno not in _CANNOT_WRITE or error.filename is not None:  # something, or some file, else
            raise
        print(f"Standard output cannot be written: {error.strerror}.", file=sys.stderr)
        code = os.EX_IOERR
    else:
        sys.exit(code)
    # Nothing is left to say, and nothing to flush at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
