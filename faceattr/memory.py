"""Keeps a long-running, many-threaded process from holding memory that it no longer uses, or taking what it may not."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import re
from pathlib import Path

log = logging.getLogger(__name__)

MARGIN_BYTES = 32 * 2**20
"""Left for what else runs in a container: a health check, above all."""
_CGROUP, _PROCESS = Path("/sys/fs/cgroup"), Path("/proc/self")
_UNLIMITED = 2**60
"""As much means no limit, in the older control groups."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""Parameters of mallopt, from glibc's malloc.h."""


def bound_allocator() -> bool:
    """Makes glibc's malloc give photos back: few arenas, and blocks of images' size straight from the system.

    By default every thread gets an arena that never shrinks, and the first large photo teaches malloc to keep blocks of
    up to 32 MB. Blocks of less than 4 MB, a VGA image or a net's layer, are kept, 32 MB of them at most: asking the
    system for each of them costs a fifth of the throughput, and giving them back after each photo a twentieth. Must run
    before threads start. False, and nothing done, where the C library has no mallopt (musl, macOS).
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    wanted = {_M_ARENA_MAX: 2, _M_MMAP_THRESHOLD: 4 * 2**20, _M_TRIM_THRESHOLD: 32 * 2**20}
    return all(bool(mallopt(parameter, value)) for parameter, value in wanted.items())


def give_back() -> None:
    """Returns free memory to the system: after loading, what the model files and their conversion took."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def memory_allowed(cgroup: Path = _CGROUP, process: Path = _PROCESS) -> int | None:
    """Bytes that this process's container may have; None without a limit."""
    own = re.findall(r"(?m)^\d+:(?:memory)?:/(.*)$", _text(process / "cgroup"))
    newer = [cgroup / path / "memory.max" for path in (*own, "")]
    older = [cgroup / "memory" / path / "memory.limit_in_bytes" for path in (*own, "")]
    limits = [int(text) for file in (*newer, *older) if (text := _text(file).strip()).isdigit()]
    return min((limit for limit in limits if limit < _UNLIMITED), default=None)


def keep_within_container(cgroup: Path = _CGROUP, process: Path = _PROCESS) -> int | None:
    """Makes allocations fail that the container has no room for; the bytes of room, None without a limit.

    Beyond its limit the system kills the process; an allocation that fails costs one request. To be called when all
    that stays has been loaded and every thread started: from then on the room is what there is for photos.
    """
    allowed = memory_allowed(cgroup, process)
    held = {name: int(kib) * 1024 for name, kib in re.findall(r"(VmRSS|VmData):\s+(\d+)", _text(process / "status"))}
    if allowed is None or len(held) != 2:
        return None
    room = max(0, allowed - held["VmRSS"] - MARGIN_BYTES)
    if _limit_data(held["VmData"] + room):
        log.info("of the %d MiB that may be used, %d are left for photos", allowed // 2**20, room // 2**20)
    return room


def _limit_data(most: int) -> bool:
    """Limits the private memory that the process may ask for; False where the system cannot, or it is less already."""
    try:
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if soft != resource.RLIM_INFINITY and soft <= most:
            return False
        resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    except (ImportError, OSError, ValueError):
        return False
    return True


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
