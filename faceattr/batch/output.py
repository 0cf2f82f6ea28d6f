"""What goes wrong with the output directory, in words that say what to do."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from faceattr.errors import CannotWrite

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


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
