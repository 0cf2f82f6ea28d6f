"""Empty files: no work for a worker, and a folder may have a million of them."""

from __future__ import annotations

from faceattr.batch import outcome, photo
from faceattr.batch.outcome import Outcome
from faceattr.batch.photo import Work
from faceattr.batch.state import Todo
from faceattr.errors import EmptyImage


def glance(todo: Todo, work: Work) -> Outcome | None:
    """The outcome of a file that the scan found empty, as a worker would give it.

    None for every other file, and for one that has something in it now: some file systems tell no sizes.
    """
    if todo.size != 0:
        return None
    found = photo.read(todo.path, work)
    if isinstance(found, Outcome):
        return found
    return None if found.content else outcome.error(todo.path, EmptyImage.code, 0)
