"""The words of the batch command, and what they may be."""

from __future__ import annotations

import argparse
import os
import re
import warnings
from pathlib import Path
from typing import NoReturn

from faceattr.batch import helptext, workforce
from faceattr.batch.publish import FORMATS
from faceattr.batch.selection import pattern
from faceattr.flags import add_option_flags, number
from faceattr.settings import usable_cores


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence and exit code 64 (sysexits.h) instead of a page and 2."""
        self.exit(os.EX_USAGE, f"{self.prog}: {message}. See {self.prog} --help.\n")


def parser() -> argparse.ArgumentParser:
    """The parser of a run. It exits with 64 for words that it refuses."""
    parser = _made("cli_batch.py", helptext.DESCRIPTION, helptext.EPILOG)
    what = parser.add_argument_group("what to read")
    _add_what(what)
    _add_how(parser.add_argument_group("how to analyse"))
    _add_results(parser.add_argument_group("results, and going on with an earlier run"))
    return parser


def merge_parser() -> argparse.ArgumentParser:
    """The parser of `merge`. It exits with 64 for words that it refuses."""
    parser = _made("cli_batch.py merge", helptext.MERGE, None)
    add = parser.add_argument
    add("--output_dir", "--output-dir", type=_path, required=True, metavar="DIR", help="where the merged results go")
    add("shards", type=_path, nargs="*", metavar="SHARD_DIR", help="every shard-I-of-N (default: those in DIR)")
    _add_format(parser)
    return parser


def require_input(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    """Exits with 64 where words do not go together."""
    if args.input_dir is None and not args.status:
        parser.error("the following arguments are required: --input_dir")
    if args.json and not args.status:
        parser.error("argument --json: only with --status")
    if args.workers and args.workers[0] != args.workers[1] and not args.cluster:
        parser.error("argument --workers: MIN:MAX only with --cluster")
    if args.fresh and args.retry_errors:
        parser.error("argument --retry-errors: not with --fresh, which does everything again")


def _made(name: str, description: str, epilog: str | None) -> _Parser:
    return _Parser(
        prog=name,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _add_what(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--input_dir", "--input-dir", type=_path, metavar="DIR", help="photos to read")
    add("--recursive", action="store_true", help="read sub-directories, too (default: only the directory itself)")
    add(
        "--include",
        type=_glob,
        action="append",
        default=[],
        metavar="GLOB",
        help="read only files that match; repeatable",
    )
    add("--exclude", type=_glob, action="append", default=[], metavar="GLOB", help="leave out what matches; repeatable")
    add(
        "--files-from",
        type=_text,
        metavar="FILE",
        help="read the files listed here: paths, absolute or relative to --input_dir, each ended by NUL; - is standard "
        "input",
    )
    add("--shard", type=_shard, default=(1, 1), metavar="I/N", help="read the I-th of N parts only; see shards below")


def _add_how(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add_option_flags(group, distribution=False)
    add(
        "--models",
        type=_text,
        metavar="DIR",
        help="model pack (default: FACEATTR_MODELS, then /root/models when it holds anything, then the built-in pack)",
    )
    add(
        "--engine",
        metavar="NAME",
        help="what runs the nets: onnxruntime, openvino or opencv (default: the fastest there is)",
    )
    add(
        "--precision",
        metavar="NAME",
        help="f32, or bf16 (OpenVINO on processors with AMX: faster, probabilities differ by less than 0.02); "
        "default f32",
    )
    add(
        "--workers",
        type=workforce.workers,
        metavar="N",
        help="worker processes, each with the models in memory (default: one per usable core, here "
        f"{usable_cores()}); with --cluster also MIN:MAX",
    )
    add("--cluster", type=_text, metavar="ADDRESS", help="have the work done by a Ray cluster; see clusters below")
    add(
        "--timeout",
        type=_seconds,
        default=120.0,
        metavar="SECONDS",
        help="a photo that takes longer, twice, is error:timeout (default: 120)",
    )


def _add_results(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--output_dir",
        "--output-dir",
        type=_path,
        required=True,
        metavar="DIR",
        help="where results go; made if missing",
    )
    _add_format(group)
    add("--annotate", action="store_true", help="also save each analysed photo with its faces drawn in, as JPEG")
    add("--retry-errors", action="store_true", help="also do again the files that failed (error:...)")
    add("--fresh", action="store_true", help="forget what earlier runs did, with their pictures, and start over")
    add("--moved", action="store_true", help="the earlier run's photos are in --input_dir now: go on with them")
    add("--status", action="store_true", help="only say how far the batch in --output_dir is, also while it runs")
    add("--json", action="store_true", help="say it as JSON, one object a line")


def _add_format(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--format",
        type=_formats,
        default=("csv",),
        metavar="LIST",
        help="tables to write, comma-separated, of csv (always), jsonl, parquet (needs pyarrow); default: csv",
    )


def _text(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def _path(text: str) -> Path:
    return Path(_text(text))


def _glob(text: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Python would take for a set operation of its future
            re.compile(pattern(_text(text)))
    except (re.error, FutureWarning) as cause:
        what = getattr(cause, "msg", cause)  # without the place in a pattern that the user has never seen
        raise argparse.ArgumentTypeError(f"must be a glob such as '*.jpg', not {text!r}: {what}") from None
    return text


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(f"must be I/N with I from 1 to N, not {text!r}")
    return int(match[1]), int(match[2])


def _formats(text: str) -> tuple[str, ...]:
    names = text.split(",")
    for name in names:
        if name not in FORMATS:
            raise argparse.ArgumentTypeError(f"must be of {', '.join(FORMATS)}, not {name!r}")
    return tuple(dict.fromkeys(("csv", *names)))


def _seconds(text: str) -> float:
    return number(text, float, 0.1, 1e6, "a number of seconds from 0.1 to 1,000,000")
