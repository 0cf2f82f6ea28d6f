"""Keeps a long-running, many-threaded process from holding memory that it no longer uses."""

from __future__ import annotations

import contextlib
import ctypes
import gc

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
"""Parameters of mallopt, from glibc's malloc.h."""


def bound_allocator() -> bool:
    """Makes glibc's malloc give photos back: few arenas, and blocks of images' size straight from the system.

    By default every thread gets an arena that never shrinks, and the first large photo teaches malloc to keep blocks of
    up to 32 MB. Blocks of less than 4 MB, a VGA image or a net's layer, are kept: asking the system for each of them
    costs a fifth of the throughput. Must run before threads start. False, and nothing done, where the C library has no
    mallopt (musl, macOS).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_ARENA_MAX, 2) and mallopt(_M_MMAP_THRESHOLD, 4 * 2**20))


def give_back() -> None:
    """Returns free memory to the system: after loading, what the model files and their conversion took."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
