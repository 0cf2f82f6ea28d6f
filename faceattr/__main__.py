"""python -m faceattr {serve, analyze, models, doctor, healthcheck}."""

from __future__ import annotations

import io
import os
import signal
import sys

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # while modules are imported, Ctrl-C is no error of theirs

from faceattr.arguments import parser
from faceattr.console import finish, printable
from faceattr.errors import EngineError, OptionError, PackError, SettingsError

EXIT_USAGE, EXIT_PACK, EXIT_INTERRUPTED = os.EX_USAGE, os.EX_CONFIG, 130
"""As sysexits.h names them; and 128 + SIGINT."""


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a character shows its number instead; no answer is lost over it.
            stream.reconfigure(errors="backslashreplace")
    parsed = parser().parse_args(arguments)
    try:
        code: int = parsed.command(parsed)
    except (SettingsError, OptionError) as error:
        return _fail(error, EXIT_USAGE)
    except (PackError, EngineError) as error:
        return _fail(error, EXIT_PACK)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return code


def _fail(error: Exception, code: int) -> int:
    print(printable(f"faceattr: {error}"), file=sys.stderr)
    return code


if __name__ == "__main__":
    finish(main)
