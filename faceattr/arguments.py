"""The words of `python -m faceattr`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from faceattr import commands
from faceattr.flags import add_option_flags
from faceattr.version import __version__


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(os.EX_USAGE, f"{self.prog}: {message}\n")


def parser() -> argparse.ArgumentParser:
    """The parser; its namespace has the function of `commands` that was chosen as `command`."""
    made = _Parser(prog="python -m faceattr", description="Apparent gender and age of faces, offline.")
    made.add_argument("--version", action="version", version=f"faceattr {__version__}")
    subcommands = made.add_subparsers(title="commands", required=True, metavar="COMMAND")
    pack = _Parser(add_help=False)
    pack.add_argument(
        "--models",
        metavar="DIR",
        help="model pack; default: FACEATTR_MODELS, then /root/models when it holds anything, then the built-in pack",
    )

    serve = subcommands.add_parser("serve", help="serve the page and POST /analyze")
    _add_serve_flags(serve)
    serve.set_defaults(command=commands.serve)

    analyze = subcommands.add_parser("analyze", parents=[pack], help="analyse photos and print what was found")
    analyze.add_argument("photos", nargs="+", metavar="PHOTO", help="image file, or - for standard input")
    analyze.add_argument("--json", action="store_true", help="one JSON object per photo and line")
    add_option_flags(analyze)
    analyze.add_argument(
        "--annotate", metavar="OUT", type=Path, help="write the photo with boxes: a .png or .jpg file, or a directory"
    )
    analyze.set_defaults(command=commands.analyze)

    _add_models(subcommands)
    _add_doctor(subcommands)
    check = subcommands.add_parser("healthcheck", help="exit 0 when the service on this machine is ready")
    check.add_argument("--port", type=int, help="TCP port (default 5000)")
    check.set_defaults(command=commands.healthcheck)
    return made


def _add_serve_flags(serve: argparse.ArgumentParser) -> None:
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
    serve.add_argument("--precision", help="f32 or bf16 (default f32; bf16 with openvino, on processors with AMX)")
    serve.add_argument("--threads-per-inference", type=int, help="threads for one photo (default 0: all that are free)")
    serve.add_argument("--compat", metavar="NAMES", help="answer as compreface, deepface (with commas), too")
    _add_access_flags(serve)
    _add_kiosk_flags(serve)
    _add_log_flags(serve)


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


def _add_kiosk_flags(serve: argparse.ArgumentParser) -> None:
    kiosk = serve.add_argument_group("kiosk")
    kiosk.add_argument(
        "--kiosk", action="store_true", default=None, help="the page at / is a kiosk (without: only at /?kiosk=1)"
    )
    kiosk.add_argument(
        "--kiosk-pin-file",
        metavar="FILE",
        help="4 to 12 digits that open a kiosk's staff corner (SIGHUP reads it again; default none: anybody may)",
    )


def _add_log_flags(serve: argparse.ArgumentParser) -> None:
    logs = serve.add_argument_group("logs")
    logs.add_argument("--log-format", metavar="FORMAT", help="text or json (default text)")
    logs.add_argument(
        "--debug", metavar="DIR", help="write diagnostics to DIR/face_analyze.log, an hour a file (default none)"
    )
    logs.add_argument("--debug-days", type=int, metavar="N", help="delete diagnostics after N days (default 7)")


def _add_models(subcommands: argparse._SubParsersAction[_Parser]) -> None:
    models = subcommands.add_parser("models", help="list, verify, fetch and convert models")
    actions = models.add_subparsers(title="actions", required=True, metavar="ACTION")
    actions.add_parser("list", help="the built-in pack, and public ones to fetch").set_defaults(
        command=commands.list_models
    )
    verify = actions.add_parser("verify", help="check a pack's files and that its nets load and answer")
    verify.add_argument("directory", nargs="?", metavar="DIR", help="model pack; default: the one that serve would use")
    verify.set_defaults(command=commands.verify_models)
    fetch = actions.add_parser("fetch", help="download a public pack, resuming what an earlier run began")
    fetch.add_argument("name", metavar="NAME", help="as 'models list' has it")
    fetch.add_argument("--to", metavar="DIR", type=Path, help="a new or empty directory (default ./models-NAME)")
    fetch.set_defaults(command=commands.fetch_models)
    convert = actions.add_parser("convert", help="write a Caffe net as ONNX")
    convert.add_argument("prototxt", metavar="NET.prototxt", type=Path)
    convert.add_argument("caffemodel", metavar="NET.caffemodel", type=Path)
    convert.add_argument("target", metavar="OUT.onnx", type=Path)
    convert.set_defaults(command=commands.convert_model)


def _add_doctor(subcommands: argparse._SubParsersAction[_Parser]) -> None:
    doctor = subcommands.add_parser(
        "doctor", help="say what is here, and what would keep serve, with the same flags, from running"
    )
    doctor.add_argument("--json", action="store_true", help="one JSON object")
    _add_serve_flags(doctor)
    doctor.set_defaults(command=commands.doctor)
