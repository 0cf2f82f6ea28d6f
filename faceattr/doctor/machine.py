"""What this machine offers: processor, cores, memory. Read from Linux's files; where there are none, it says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from faceattr.doctor.finding import Finding
from faceattr.memory import memory_allowed
from faceattr.processor import processor
from faceattr.settings import usable_cores

LEAST_MEMORY = 300 * 2**20
"""What the service needs with the built-in pack on two cores, with room for photos."""
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def cores_allowed(cgroup: Path = _CGROUP) -> float | None:
    """Cores' worth of time that a container may use; None without a limit."""
    quota, _, period = _text(cgroup / "cpu.max").strip().partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def memory_free(meminfo: Path = _MEMINFO) -> int | None:
    """Bytes that can be had without swapping; None where the system does not tell."""
    for line in _text(meminfo).splitlines():
        name, _, amount = line.partition(":")
        if name == "MemAvailable":
            return int(amount.split()[0]) * 1024
    return None


def look_at_machine() -> Iterator[Finding]:
    """Processor, cores and memory."""
    name, features = processor()
    yield Finding("processor", "ok", f"{name}; {' '.join(features) or 'its features are not known here'}")
    yield _cores()
    yield _memory()


def _cores() -> Finding:
    usable, allowed = usable_cores(), cores_allowed()
    if allowed is not None and allowed < usable:
        advice = f"set FACEATTR_SLOTS={max(1, int(allowed))}"
        return Finding("cores", "note", f"{usable} usable, but time for only {allowed:g}: {advice}")
    return Finding("cores", "ok", f"{usable} usable")


def _memory() -> Finding:
    free, allowed = memory_free(), memory_allowed()
    amounts = [amount for amount in (free, allowed) if amount is not None]
    if not amounts:
        return Finding("memory", "note", "not known here")
    limit = "" if allowed is None else f", {allowed / 2**20:,.0f} MiB allowed"
    found = f"{'unknown' if free is None else f'{free / 2**20:,.0f} MiB'} free{limit}"
    if min(amounts) < LEAST_MEMORY:
        return Finding("memory", "note", f"{found}; the service needs about {LEAST_MEMORY // 2**20}")
    return Finding("memory", "ok", found)


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
