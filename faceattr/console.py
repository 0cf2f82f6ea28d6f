"""The end of every command: its exit code, whatever has become of its standard output."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

_INTERRUPTED = 128 + signal.SIGINT
_CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def finish(command: Callable[[], int]) -> NoReturn:
    """Runs a command and ends the process with its exit code.

    Where the reader of its output has gone (`| head`), 1, in silence. Where the output cannot be written, above all on
    a full disk, 74 (EX_IOERR), and a sentence that says so.
    """
    _replace_closed()
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # while modules were imported
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        try:
            code = command()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        code = 1
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
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


def printable(text: str) -> str:
    """The text on one line, with escapes for what could drive a terminal or feign lines of its own.

    File names may have any characters (CWE-150).
    """
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _replace_closed() -> None:
    """Gives the process streams to nowhere for those that it was started without (`>&-`, `2>&-`).

    Their descriptors must be taken as well, also for the workers of a batch: else the next file that is opened gets
    one, and is written to by whatever means to complain.
    """
    for descriptor, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != descriptor:
                os.dup2(nothing, descriptor)
                os.close(nothing)
            os.set_inheritable(descriptor, True)
            setattr(sys, name, os.fdopen(descriptor, mode, closefd=False))
