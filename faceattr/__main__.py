"""python -m faceattr {serve, analyze, healthcheck}."""

from __future__ import annotations

import argparse
import http.client
import os
import sys
from pathlib import Path
from typing import NoReturn

from faceattr.errors import EngineError, OptionError, PackError, SettingsError
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

    serve = commands.add_parser("serve", parents=[pack], help="serve the page and POST /analyze")
    serve.add_argument("--host", help="address to listen on (default 127.0.0.1: this machine only)")
    serve.add_argument("--port", type=int, help="TCP port (default 5000; 0: any free one)")
    serve.add_argument("--threads", type=int, help="requests answered at once (default 16)")
    serve.set_defaults(command=_serve)

    analyze = commands.add_parser("analyze", parents=[pack], help="analyse photos and print what was found")
    analyze.add_argument("photos", nargs="+", metavar="PHOTO", help="image file, or - for standard input")
    analyze.add_argument("--json", action="store_true", help="one JSON object per photo and line")
    analyze.add_argument(
        "--conf", type=float, metavar="P", help="lowest detector confidence, 0-1 (default: the pack's)"
    )
    analyze.add_argument(
        "--annotate", metavar="OUT", type=Path, help="write the photo with boxes: a .png or .jpg file, or a directory"
    )
    analyze.set_defaults(command=_analyze)

    check = commands.add_parser("healthcheck", help="exit 0 when the service on this machine is ready")
    check.add_argument("--port", type=int, help="TCP port (default 5000)")
    check.set_defaults(command=_healthcheck)
    return parser


def _serve(parsed: argparse.Namespace) -> int:
    from faceattr.logs import configure_logging
    from faceattr.web.server import serve

    settings = Settings.load(models=parsed.models, host=parsed.host, port=parsed.port, threads=parsed.threads)
    configure_logging()
    serve(settings)
    return 0


def _analyze(parsed: argparse.Namespace) -> int:
    from faceattr.oneoff import analyze_photos

    return analyze_photos(parsed.photos, parsed.models, parsed.conf, as_json=parsed.json, annotated=parsed.annotate)


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
