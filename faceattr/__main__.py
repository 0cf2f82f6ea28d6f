"""python -m faceattr {serve, analyze, models, doctor, healthcheck}."""

from __future__ import annotations

import argparse
import http.client
import io
import os
import sys
from pathlib import Path
from typing import NoReturn

from faceattr.errors import EngineError, OptionError, PackError, SettingsError
from faceattr.flags import add_option_flags, options_from_flags
from faceattr.settings import Settings
from faceattr.version import __version__

EXIT_USAGE, EXIT_PACK, EXIT_INTERRUPTED = 64, 78, 130
"""As sysexits.h names them: EX_USAGE, EX_CONFIG; and 128 + SIGINT."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\n")


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that lacks a character shows its number instead; no answer is lost over it.
            stream.reconfigure(errors="backslashreplace")
    parsed = _parser().parse_args(arguments)
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
    print(f"faceattr: {error}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m faceattr", description="Apparent gender and age of faces, offline.")
    parser.add_argument("--version", action="version", version=f"faceattr {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    pack = _Parser(add_help=False)
    pack.add_argument(
        "--models",
        metavar="DIR",
        help="model pack; default: FACEATTR_MODELS, then /root/models when it holds anything, then the built-in pack",
    )

    serve = commands.add_parser("serve", help="serve the page and POST /analyze")
    serve.add_argument(
        "--models",
        metavar="[NAME=]DIR",
        action="append",
        help="model pack, as for analyze; repeated with a NAME each, several, the first one the default",
    )
    serve.add_argument("--host", help="address to listen on (default 127.0.0.1: this machine only)")
    serve.add_argument("--port", type=int, help="TCP port (default 5000; 0: any free one)")
    serve.add_argument("--threads", type=int, help="threads for all that is no photo (default 16)")
    serve.add_argument("--engine", help="auto, onnxruntime, openvino or opencv (default auto: the fastest installed)")
    serve.add_argument("--precision", help="f32 or bf16 (default f32; bf16 with openvino, on processors that have it)")
    serve.add_argument("--threads-per-inference", type=int, help="threads for one photo (default 0: all that are free)")
    serve.add_argument("--compat", metavar="NAMES", help="answer as compreface, deepface (with commas), too")
    _add_access_flags(serve)
    _add_log_flags(serve)
    serve.set_defaults(command=_serve)

    analyze = commands.add_parser("analyze", parents=[pack], help="analyse photos and print what was found")
    analyze.add_argument("photos", nargs="+", metavar="PHOTO", help="image file, or - for standard input")
    analyze.add_argument("--json", action="store_true", help="one JSON object per photo and line")
    add_option_flags(analyze)
    analyze.add_argument(
        "--annotate", metavar="OUT", type=Path, help="write the photo with boxes: a .png or .jpg file, or a directory"
    )
    analyze.set_defaults(command=_analyze)

    _add_models(commands)
    _add_doctor(commands)
    check = commands.add_parser("healthcheck", help="exit 0 when the service on this machine is ready")
    check.add_argument("--port", type=int, help="TCP port (default 5000)")
    check.set_defaults(command=_healthcheck)
    return parser


def _add_access_flags(serve: argparse.ArgumentParser) -> None:
    door = serve.add_argument_group("who may come in")
    door.add_argument(
        "--token-file", metavar="FILE", help="lines name:token; requests need one of the tokens (SIGHUP reads it again)"
    )
    door.add_argument(
        "--open", action="store_true", default=None, help="let everybody in from other machines, without a token"
    )
    door.add_argument("--session-hours", type=int, metavar="H", help="a browser is asked for a token again after (168)")
    door.add_argument(
        "--allowed-hosts", metavar="NAMES", help="names of this service, with commas; *: any (default its address only)"
    )
    door.add_argument("--allowed-origins", metavar="ORIGINS", help="other sites whose pages may use it (default none)")
    door.add_argument("--rate-limit", metavar="RATE", help="for each client, like 60/minute (default none)")


def _add_log_flags(serve: argparse.ArgumentParser) -> None:
    logs = serve.add_argument_group("logs")
    logs.add_argument("--log-format", metavar="FORMAT", help="text or json (default text)")
    logs.add_argument(
        "--debug", metavar="DIR", help="write diagnostics to DIR/face_analyze.log, an hour a file (default none)"
    )
    logs.add_argument("--debug-days", type=int, metavar="N", help="delete diagnostics after N days (default 7)")


def _add_models(commands: argparse._SubParsersAction[_Parser]) -> None:
    models = commands.add_parser("models", help="list, verify, fetch and convert models")
    actions = models.add_subparsers(title="actions", required=True, metavar="ACTION")
    actions.add_parser("list", help="the built-in pack, and public ones to fetch").set_defaults(command=_list_models)
    verify = actions.add_parser("verify", help="check a pack's files and that its nets load and answer")
    verify.add_argument("directory", nargs="?", metavar="DIR", help="model pack; default: the one that serve would use")
    verify.set_defaults(command=_verify_models)
    fetch = actions.add_parser("fetch", help="download a public pack, resuming what an earlier run began")
    fetch.add_argument("name", metavar="NAME", help="as 'models list' has it")
    fetch.add_argument("--to", metavar="DIR", type=Path, help="a new or empty directory (default ./models-NAME)")
    fetch.set_defaults(command=_fetch_models)
    convert = actions.add_parser("convert", help="write a Caffe net as ONNX")
    convert.add_argument("prototxt", metavar="NET.prototxt", type=Path)
    convert.add_argument("caffemodel", metavar="NET.caffemodel", type=Path)
    convert.add_argument("target", metavar="OUT.onnx", type=Path)
    convert.set_defaults(command=_convert_model)


def _add_doctor(commands: argparse._SubParsersAction[_Parser]) -> None:
    doctor = commands.add_parser("doctor", help="say what is here, and what would keep the service from running")
    doctor.add_argument("--json", action="store_true", help="one JSON object")
    flags = doctor.add_argument_group("as for serve")
    flags.add_argument("--models", metavar="[NAME=]DIR", action="append")
    flags.add_argument("--port", type=int)
    for name in ("--host", "--engine", "--precision", "--token-file", "--debug"):
        flags.add_argument(name)
    flags.add_argument("--open", action="store_true", default=None)
    doctor.set_defaults(command=_doctor)


def _serve(parsed: argparse.Namespace) -> int:
    from faceattr.web.signals import Signals

    # Before the imports that take time: SIGTERM is then never lost, nor refused as it would be by a process without
    # handlers that has the number 1.
    signals = Signals()
    from faceattr.logs import configure_logging, mute_native_libraries
    from faceattr.packs import joined
    from faceattr.web.access import check_exposure
    from faceattr.web.server import serve

    flags = {name: value for name, value in vars(parsed).items() if name != "command"}
    settings = Settings.load(**flags | {"models": joined(parsed.models) if parsed.models else None})
    configure_logging(settings)
    mute_native_libraries()
    check_exposure(settings)
    serve(settings, signals)
    return 0


def _analyze(parsed: argparse.Namespace) -> int:
    from faceattr.logs import mute_native_libraries
    from faceattr.oneoff import analyze_photos

    mute_native_libraries()
    options = options_from_flags(parsed)
    if options.distribution and not parsed.json:
        raise OptionError("--distribution is a part of the JSON only: add --json.")
    return analyze_photos(parsed.photos, parsed.models, options, as_json=parsed.json, annotated=parsed.annotate)


def _list_models(_: argparse.Namespace) -> int:
    from faceattr.models_command import list_packs

    return list_packs()


def _verify_models(parsed: argparse.Namespace) -> int:
    from faceattr.models_command import verify

    return verify(parsed.directory)


def _fetch_models(parsed: argparse.Namespace) -> int:
    from faceattr.models_command import fetch_pack

    return fetch_pack(parsed.name, parsed.to)


def _convert_model(parsed: argparse.Namespace) -> int:
    from faceattr.convert_command import convert

    return convert(parsed.prototxt, parsed.caffemodel, parsed.target)


def _doctor(parsed: argparse.Namespace) -> int:
    from faceattr.doctor import doctor
    from faceattr.packs import joined

    flags = {name: value for name, value in vars(parsed).items() if name not in ("command", "json")}
    return doctor(flags | {"models": joined(parsed.models) if parsed.models else None}, as_json=parsed.json)


def _healthcheck(parsed: argparse.Namespace) -> int:
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


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): nothing is left to say, and nothing to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
