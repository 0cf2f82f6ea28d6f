"""As many connections as the process may open files for."""

from __future__ import annotations

import logging

from faceattr.errors import SettingsError

log = logging.getLogger(__name__)

RESERVE = 32
"""Descriptors for what is no connection: the standard streams, listeners, triggers, files read now and then."""
LEAST = 8
"""Connections below which nobody could be served."""


def fitting_connections(wanted: int) -> int:
    """The number of connections that the process has descriptors for, at most those wanted.

    Raises its own limit (RLIMIT_NOFILE) as far as allowed, and warns when it still is too low. Raises SettingsError
    when hardly any connection would fit.
    """
    try:
        import resource
    except ImportError:
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + RESERVE
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if most > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
        except (OSError, ValueError):
            log.debug("the limit of open files cannot be raised")
    fitting = min(wanted, soft - RESERVE)
    if fitting < LEAST:
        raise SettingsError(
            f"The process may open {soft} files; the service needs at least {RESERVE + LEAST}. Raise the limit: "
            "ulimit -n, LimitNOFILE= of systemd, or docker run --ulimit nofile=."
        )
    if fitting < wanted:
        log.warning("at most %d connections instead of %d: the process may open only %d files", fitting, wanted, soft)
    return fitting
