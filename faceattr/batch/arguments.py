"""The words of the batch command, and its help."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import NoReturn

from faceattr.settings import usable_cores

MAX_IMAGE_BYTES, MAX_PIXELS = 100_000_000, 200_000_000  # an archive holds what a service would refuse

_DESCRIPTION = """\
Finds the faces in every photo of a directory and writes, for each, an apparent gender and age.
Everything happens on this machine; no photo leaves it."""

_EPILOG = f"""\
outputs, in the output directory:
  faces.csv    a row per face: box in whole pixels of the upright photo, confidence and probabilities from 0 to 1,
               age in years
  images.csv   a row per file, whatever became of it: ok, no_face, missing (it vanished meanwhile) or error:<code>
  annotated/   with --annotate: <path>.jpg for each photo that could be analysed
  Each file appears only when it is complete. Rows are in the byte order of their paths. `path` is exact (percent-
  encoded bytes); `file` is for people, with an apostrophe before what a spreadsheet would run as a formula.

error codes:
  of the photo:    empty_image, unsupported_image, truncated_image, invalid_image, bad_dimensions, image_too_large,
                   too_many_pixels (limits: {MAX_IMAGE_BYTES // 10**6} MB and {MAX_PIXELS // 10**6} megapixels)
  of reading:      unreadable (a file, or a directory, whose path then ends with /)
  of the analysis: out_of_memory, engine, worker_died (it ended two worker processes), internal (a bug; see the log)
  of --annotate:   annotate_failed (its picture's name is impossible there)

what is read:
  Every regular file, by its content, whatever its name: notes.txt becomes error:unsupported_image.
  Symbolic links, FIFOs, sockets and devices are not read; they are counted at the end.
  An output directory inside the input directory is left out.

exit codes:
  0    every file was analysed
  3    some were not: see outcome in images.csv; the tables are complete
  64   wrong usage, or the input directory cannot be read
  73   the output directory cannot be written
  78   the models cannot be used
  130  interrupted; the tables of an earlier run, if any, are untouched
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One sentence and exit code 64 (sysexits.h) instead of a page and 2."""
        self.exit(os.EX_USAGE, f"{self.prog}: {message}. See {self.prog} --help.\n")


def parser() -> argparse.ArgumentParser:
    """The parser. It exits with 64 for words that it refuses."""
    parser = _Parser(
        prog="cli_batch.py",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--input_dir", type=_path, required=True, metavar="DIR", help="photos to read")
    add("--output_dir", type=_path, required=True, metavar="DIR", help="where results go; made if missing")
    add(
        "--conf", type=_confidence, metavar="0..1", help="least detector confidence of a face (default: the pack's own)"
    )
    add(
        "--workers",
        type=_workers,
        default=usable_cores(),
        metavar="N",
        help="worker processes, each with the models in memory (default: one per usable core, here %(default)s)",
    )
    add("--recursive", action="store_true", help="read sub-directories, too (default: only the directory itself)")
    add("--annotate", action="store_true", help="also save each analysed photo with its faces drawn in, as JPEG")
    add(
        "--models",
        type=_text,
        metavar="DIR",
        help="model pack (default: FACEATTR_MODELS, then /root/models when it holds anything, then the built-in pack)",
    )
    return parser


def _text(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return text


def _path(text: str) -> Path:
    return Path(_text(text))


def _confidence(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1, not {text!r}")
    return value


def _workers(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return int(text)
