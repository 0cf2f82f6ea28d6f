"""The end of every command: its exit code, whatever has become of its standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NoReturn


def finish(command: Callable[[], int]) -> NoReturn:
    """Runs a command and ends the process with its exit code.

    Where the reader of its output has gone (`| head`), 1, in silence. Where the output cannot be written, above all on
    a full disk, 74 (EX_IOERR), and a sentence that says so.
    """
    try:
        try:
            code = command()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        code = 1
    except OSError as error:
        if error.filename is not None:  # of some other file
            raise
        print(f"Standard output cannot be written: {error.strerror}.", file=sys.stderr)
        code = os.EX_IOERR
    else:
        sys.exit(code)
    # Nothing is left to say, and nothing to flush at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
