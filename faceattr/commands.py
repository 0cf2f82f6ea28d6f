"""What `python -m faceattr` does for each of its commands: parsed words → the exit code."""

from __future__ import annotations

import argparse
import http.client
import logging
import os
import sys

from faceattr.errors import OptionError
from faceattr.flags import options_from_flags
from faceattr.settings import Settings, misspelt


def serve(parsed: argparse.Namespace) -> int:
    """Serves until it is told to stop. Raises SettingsError, PackError and EngineError before it listens."""
    from faceattr.web.signals import Signals

    # Before the imports that take time: SIGTERM is then never lost, nor refused as it would be by a process without
    # handlers that has the number 1.
    signals = Signals()
    from faceattr.logs import configure_logging, mute_native_libraries
    from faceattr.packs import joined
    from faceattr.web import server
    from faceattr.web.access import check_exposure

    flags = {name: value for name, value in vars(parsed).items() if name != "command"}
    settings = Settings.load(**flags | {"models": joined(parsed.models) if parsed.models else None})
    configure_logging(settings)
    # A line that cannot be written, as nobody reads any longer or the disk is full, must not become twenty on stderr.
    logging.raiseExceptions = False
    mute_native_libraries()
    for name, meant in misspelt(os.environ):
        logging.getLogger(__name__).warning("%s is not read; %s may be meant", name, meant)
    check_exposure(settings)
    server.serve(settings, signals)
    return 0


def analyze(parsed: argparse.Namespace) -> int:
    """Analyses the photos and prints what was found. Raises OptionError, PackError and EngineError."""
    from faceattr.logs import mute_native_libraries
    from faceattr.oneoff import analyze_photos

    mute_native_libraries()
    options = options_from_flags(parsed)
    if options.distribution and not parsed.json:
        raise OptionError("--distribution is a part of the JSON only: add --json.")
    return analyze_photos(parsed.photos, parsed.models, options, as_json=parsed.json, annotated=parsed.annotate)


def list_models(_: argparse.Namespace) -> int:
    """Prints the built-in pack and the public ones."""
    from faceattr.models_command import list_packs

    return list_packs()


def verify_models(parsed: argparse.Namespace) -> int:
    """Checks a pack. Raises PackError and EngineError saying what is wrong."""
    from faceattr.models_command import verify

    return verify(parsed.directory)


def fetch_models(parsed: argparse.Namespace) -> int:
    """Downloads a public pack."""
    from faceattr.models_command import fetch_pack

    return fetch_pack(parsed.name, parsed.to)


def convert_model(parsed: argparse.Namespace) -> int:
    """Writes a Caffe net as ONNX."""
    from faceattr.convert_command import convert

    return convert(parsed.prototxt, parsed.caffemodel, parsed.target)


def doctor(parsed: argparse.Namespace) -> int:
    """Prints what is here and what is wrong."""
    from faceattr.doctor import doctor as diagnose
    from faceattr.packs import joined

    flags = {name: value for name, value in vars(parsed).items() if name not in ("command", "json")}
    return diagnose(flags | {"models": joined(parsed.models) if parsed.models else None}, as_json=parsed.json)


def healthcheck(parsed: argparse.Namespace) -> int:
    """Prints what the service says of itself; 1 when it is not ready or does not answer. Raises SettingsError."""
    settings = Settings.load(port=parsed.port)
    # A service that listens on every address answers on this machine's own as well.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    connection = http.client.HTTPConnection(host, settings.port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        print(answer.read().decode("utf-8", "replace"))
    except (OSError, http.client.HTTPException) as error:
        print(f"faceattr: no answer from {host}:{settings.port}: {error}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    return 0 if answer.status == 200 else 1
