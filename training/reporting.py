"""What a command of training says when something is missing."""

from __future__ import annotations

import sys
from collections.abc import Callable

from faceattr.errors import FaceAttrError


def status_of(name: str, work: Callable[[], None]) -> int:
    """Does the work of a command of that name; its exit status: 1, and a line on standard error, where it fails."""
    try:
        work()
    except FaceAttrError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{name}: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0
