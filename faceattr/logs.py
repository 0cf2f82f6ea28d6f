"""Log lines on stdout, as text or JSON: UTC time, level, message. Never a photo, nor its name, nor a token."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from faceattr.diagnostics import diagnostics_file
from faceattr.settings import Settings


class TextFormatter(logging.Formatter):
    """A line for people: time, level, message; an event's fields are part of its message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, and either an event with its fields or a message; perhaps a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        at = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z"
        line: dict[str, Any] = {"time": at, "level": record.levelname}
        event = getattr(record, "event", None)
        line |= {"event": event, **_rounded(record.fields)} if event else {"message": record.getMessage()}  # type: ignore[attr-defined]
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logging(settings: Settings) -> None:
    """Sends the package's log to stdout, and warnings of others with it; with `debug` also to files, with more in them.

    Raises SettingsError when those files cannot be written.
    """
    formatter = JsonFormatter() if settings.log_format == "json" else TextFormatter()
    handler = logging.StreamHandler(sys.stdout)
    handler.setLevel(logging.INFO)
    handler.setFormatter(formatter)
    handlers: list[logging.Handler] = [handler]
    package = logging.getLogger("faceattr")
    package.setLevel(logging.INFO)
    if settings.debug:
        handlers.append(diagnostics_file(settings.debug, settings.debug_days))
        handlers[-1].setFormatter(TextFormatter())
        package.setLevel(logging.DEBUG)
    root = logging.getLogger()
    root.handlers[:] = handlers
    root.setLevel(logging.WARNING)
    # No line says who wrote it, and under overload much of what the service does is write lines; so the logging HOWTO.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    logging.getLogger("waitress").addFilter(_without_address)


def _without_address(record: logging.LogRecord) -> bool:
    """Takes the address out of what waitress says of a failed request: it may name a photo."""
    if record.exc_info:
        record.msg, record.args = "a request failed outside the application", ()
    return True


def log_event(log: logging.Logger, event: str, fields: Mapping[str, str | float | None]) -> None:
    """Logs an event with named values, in text as `event name=value ...`, in JSON as members of the line's object."""
    if log.isEnabledFor(logging.INFO):
        shown = [f"{name}={'-' if value is None else _shown(value)}" for name, value in fields.items()]
        message = " ".join([event, *shown])
        log.info("%s", message, extra={"event": event, "fields": fields})


def _rounded(fields: Mapping[str, str | float | None]) -> dict[str, str | float | None]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in fields.items()}


def _shown(value: str | float) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def mute_native_libraries() -> None:
    """Points file descriptor 2 at nothing; Python's own messages keep the real standard error.

    libpng and libjpeg write there what they find in a damaged photo: words of the photo, outside of any log.
    """
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
