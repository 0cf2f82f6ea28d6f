"""What goes wrong with the output directory, in words that say what to do."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from faceattr.errors import FaceAttrError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class CannotWrite(FaceAttrError):
    """The output directory cannot be written: nothing that comes after could be kept either."""

    code = "cannot_write"


@contextlib.contextmanager
def writing_to(directory: Path) -> Iterator[None]:
    """Turns OSError into CannotWrite with a sentence that says what to do."""
    try:
        yield
    except OSError as cause:
        advice = "Choose an --output_dir that you may write to."
        if cause.errno in _FULL:
            advice = "Free some space there, or choose another --output_dir, and run the same command again."
        raise CannotWrite(f"Cannot write to '{directory}': {cause.strerror or cause}. {advice}") from cause
