"""What `serve` would meet with these settings: models, address, files."""

from __future__ import annotations

import errno
import http.client
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from faceattr.doctor.analysis import look_at_answer, look_at_speed
from faceattr.doctor.finding import Finding
from faceattr.errors import EngineError, FaceAttrError, PackError, SettingsError
from faceattr.settings import Settings


def look_at_all(settings: Settings) -> Iterator[Finding]:
    """All of it. Raises ImportError for a library that cannot be used."""
    yield from look_at_models(settings)
    yield look_at_address(settings)
    yield look_at_access(settings)
    yield from look_at_choices(settings)
    yield from look_at_files(settings)


def look_at_models(settings: Settings) -> Iterator[Finding]:
    """Engine and packs, loaded and proven as at the start of the service; what they say of a known photo, how fast."""
    from faceattr.web.current import Current, load_analyzers

    try:
        current = Current(load_analyzers(settings))
        yield Finding("engine", "ok", current.analyzer.engine.name)
        for name, analyzer in current.by_name.items():
            pack = analyzer.models.pack
            stated = "all files as its pack.toml states" if pack.sha256 else "no digests are stated for its files"
            found = f"{name}: {pack.name} {pack.version} in {pack.directory}; {stated}; digest {analyzer.models.digest}"
            yield Finding("models", "ok", found)
        for name, analyzer in current.by_name.items():
            yield look_at_answer(name, analyzer)
        yield look_at_speed(current.analyzer)
    except EngineError as error:
        yield Finding("engine", "wrong", str(error))
    except (PackError, SettingsError) as error:
        yield Finding("models", "wrong", str(error))
    except FaceAttrError as error:
        yield Finding("answer", "wrong", str(error))


def look_at_address(settings: Settings) -> Finding:
    """Whether the service could listen where it is told to."""
    where = f"{settings.host or 'every address'}, port {settings.port}"
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
            settings.host or None, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        with socket.socket(family, kind, protocol) as probe:
            # As the server does: a connection that has just been closed does not keep the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and _is_ours(str(address[0]), settings.port):
            return Finding("address", "note", f"{where}: this service answers there already")
        return Finding("address", "wrong", f"{where}: {error.strerror or error}")
    return Finding("address", "ok", f"{where}: free")


def look_at_access(settings: Settings) -> Finding:
    """Who may come in: tokens, names, other sites, and how often."""
    from faceattr.web.access import try_access
    from faceattr.web.hosts import is_loopback

    try:
        tokens = try_access(settings)
    except SettingsError as error:
        return Finding("access", "wrong", str(error))
    if tokens is not None:
        return Finding("access", "ok", f"tokens: {', '.join(tokens.digests())}")
    if is_loopback(settings.host):
        return Finding("access", "ok", "this machine only")
    return Finding("access", "note", "everybody who reaches it may use it; --token-file FILE asks for a token")


def look_at_choices(settings: Settings) -> Iterator[Finding]:
    """What is there only when asked for: the PIN of a kiosk, answers in the shapes of other services."""
    from faceattr.web.compat import names_in
    from faceattr.web.pin import Pin

    try:
        if settings.kiosk_pin_file:
            Pin(Path(settings.kiosk_pin_file))
            yield Finding("kiosk", "ok", f"a PIN in {settings.kiosk_pin_file}")
    except SettingsError as error:
        yield Finding("kiosk", "wrong", str(error))
    try:
        if names := names_in(settings.compat):
            yield Finding("compat", "ok", f"also answers as {', '.join(names)}")
    except SettingsError as error:
        yield Finding("compat", "wrong", str(error))


def look_at_files(settings: Settings) -> Iterator[Finding]:
    """How many files may be open, and what is to be written."""
    from faceattr.web.descriptors import fitting_connections

    try:
        fitting = fitting_connections(settings.connections)
        fewer = fitting < settings.connections
        found = f"{fitting} connections at once" + (f" instead of {settings.connections}: raise ulimit -n" * fewer)
        yield Finding("open files", "note" if fewer else "ok", found)
    except SettingsError as error:
        yield Finding("open files", "wrong", str(error))
    if not settings.debug:
        yield Finding("writing", "ok", "the service writes no file")
    elif is_writable(Path(settings.debug)):
        yield Finding("writing", "ok", f"diagnostics to {settings.debug}")
    else:
        yield Finding(
            "writing", "wrong", f"diagnostics cannot be written to {settings.debug}: not a writable directory"
        )


def is_writable(directory: Path) -> bool:
    """Whether files can be made in a directory, or the directory itself can be made."""
    while not directory.exists() and directory != directory.parent:
        directory = directory.parent
    return directory.is_dir() and os.access(directory, os.W_OK | os.X_OK)


def _is_ours(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port, timeout=2)  # noqa: S104
    try:
        connection.request("GET", "/healthz")
        return bool(json.loads(connection.getresponse().read(1000)) == {"status": "alive"})
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
