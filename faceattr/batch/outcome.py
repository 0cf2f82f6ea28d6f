"""What batch recorded for one file."""

from __future__ import annotations

from dataclasses import dataclass

from faceattr.types import Face

OK, NO_FACE, MISSING = "ok", "no_face", "missing"

# Codes of batch's own; all others are the `code` of an error class in faceattr.errors.
UNREADABLE, WORKER_DIED, TIMEOUT = "unreadable", "worker_died", "timeout"
ANNOTATE_FAILED, INTERNAL = "annotate_failed", "internal"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One row of images.csv and the faces behind it.

    `path` is relative to the input directory, in the bytes of the file system; it ends with "/" for a directory that
    could not be listed. `outcome` is `ok`, `no_face`, `missing` or `error:<code>`. `size` in bytes, `width` and
    `height` in pixels of the upright photo, None where unknown. `note` is for the log, not for the tables.
    """

    path: bytes
    outcome: str
    size: int | None = None
    width: int | None = None
    height: int | None = None
    faces: tuple[Face, ...] = ()
    note: str | None = None

    @property
    def failed(self) -> bool:
        """Whether the file has no analysis: `missing` and every `error:<code>`."""
        return self.outcome not in (OK, NO_FACE)


def error(path: bytes, code: str, size: int | None = None, note: str | None = None) -> Outcome:
    """The outcome of a file that could not be analysed."""
    return Outcome(path, f"error:{code}", size, note=note)
