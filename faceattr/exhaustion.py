"""Tells exhausted memory from other failures, whichever library ran out of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_SIGNS = ("Insufficient memory", "bad_alloc", "Failed to allocate")
"""How OpenCV, the C++ standard library and the inference engines say so."""


def is_exhaustion(error: BaseException) -> bool:
    """Whether an exception means that memory ran out."""
    return isinstance(error, MemoryError) or any(sign in str(error) for sign in _SIGNS)


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turns every exception that means exhausted memory into MemoryError, and lets others through."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        if is_exhaustion(error):
            raise MemoryError(str(error)) from None
        raise
