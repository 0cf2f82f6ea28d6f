"""What is wrong with a run's directories, before any work."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from faceattr.batch import publish
from faceattr.batch.output import ANNOTATED, foreign_result, writing_to
from faceattr.batch.photo import Pictures
from faceattr.errors import CannotWrite, SettingsError


def prepare(directory: Path, formats: Sequence[str], *, replace: bool = False) -> None:
    """Makes the directory of the results, and sees to it that they can be written.

    Raises CannotWrite, also where files of such names are of nobody's batch, unless they may be `replace`d; and
    SettingsError, without having made anything, for a missing library.
    """
    publish.require(directory, formats)
    foreign = foreign_result(directory)
    # A directory of pictures would be emptied, not just replaced by one other file.
    if foreign and (foreign == ANNOTATED or not replace):
        raise CannotWrite(
            f"'{directory}' has {foreign}, which no batch has written. Choose another --output_dir, or move it away."
        )
    with writing_to(directory):
        if directory.exists() and not directory.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory")
        directory.mkdir(parents=True, exist_ok=True)


def require_listable(directory: Path) -> None:
    try:
        os.scandir(directory).close()
    except OSError as cause:
        raise SettingsError(f"--input_dir '{directory}' cannot be read: {cause.strerror}.") from cause


def require_apart(source: Path, target: Path, pictures: Pictures | None) -> None:
    """Refuses a run whose results would be read as photos, now or by the next run."""
    real = Path(os.path.realpath(source))
    if real == Path(os.path.realpath(target)):
        raise SettingsError("--output_dir must be another directory than --input_dir; one inside it will do.")
    if pictures and Path(os.path.realpath(pictures.directory)) in (real, *real.parents):
        raise SettingsError(f"--annotate would write its pictures among the photos, in '{pictures.directory}'.")
