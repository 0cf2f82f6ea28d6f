"""Analysis options as flags of a command."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from faceattr.options import RANGES, WORDS, Options

N = TypeVar("N", int, float)


def add_option_flags(parser: argparse._ActionsContainer, *, distribution: bool = True) -> None:
    """Gives a parser, or a group of one, a flag for every analysis option; `options_from_flags` reads them.

    `distribution`: whether there is a flag for it; tables have no room for it.
    """
    add, default = parser.add_argument, Options()
    add(
        *("--conf", "--min-confidence"),
        dest="min_confidence",
        type=_confidence,
        metavar="P",
        help="lowest detector confidence, 0-1 (default: the pack's)",
    )
    add(
        "--min-face",
        type=partial(_whole, name="min_face"),
        default=default.min_face,
        metavar="PX",
        help="leave out smaller faces: shorter side in pixels of the full-size photo (default %(default)s)",
    )
    add(
        "--max-faces",
        type=partial(_whole, name="max_faces"),
        default=default.max_faces,
        metavar="N",
        help="the largest that many of a photo (default %(default)s)",
    )
    add(
        "--detail",
        choices=WORDS["detail"],
        default=default.detail,
        help="high: look at a mirror image and up to 20 overlapping tiles too, for the small faces of group photos "
        "(default %(default)s)",
    )
    add(
        "--rotate",
        choices=WORDS["rotate"],
        default=default.rotate,
        help="auto: try all four turns of the photo, not just the one that EXIF says (default %(default)s)",
    )
    add("--tta", action="store_true", help="gender and age as the mean of each face and its mirror image")
    if distribution:
        add("--distribution", action="store_true", help="in JSON, also the probability of every age class")


def options_from_flags(parsed: argparse.Namespace) -> Options:
    """Options from flags as parsed. Raises OptionError naming the option."""
    return Options(**{name: getattr(parsed, name) for name in Options.names() if hasattr(parsed, name)})


def number(text: str, kind: Callable[[str], N], low: N, high: N, what: str) -> N:
    """The number that a flag is given. Raises ArgumentTypeError, which says `what` it must be."""
    try:
        value = kind(text)
    except ValueError:
        value = None
    # NaN compares false with everything, and so is refused as well.
    if value is None or not low <= value <= high:
        raise argparse.ArgumentTypeError(f"must be {what}, not {text!r}")
    return value


def _whole(text: str, name: str) -> int:
    low, high = RANGES[name]
    return number(text, int, low, high, f"a whole number from {low} to {high}")


def _confidence(text: str) -> float:
    return number(text, float, 0.0, 1.0, "a number from 0 to 1")
