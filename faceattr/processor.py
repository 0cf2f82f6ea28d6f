"""The processor: its name, and what it has that makes inference fast. Read from Linux's /proc/cpuinfo."""

from __future__ import annotations

import platform
from pathlib import Path

FEATURES = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "asimd", "bf16", "i8mm")
"""Of processors, as Linux calls them: what makes inference fast on x86 and on ARM."""
_CPUINFO = Path("/proc/cpuinfo")


def processor(cpuinfo: Path = _CPUINFO) -> tuple[str, tuple[str, ...]]:
    """The processor's name, and which of FEATURES it has; nothing of the latter where the system does not tell."""
    name, flags = platform.processor() or platform.machine(), set[str]()
    try:
        lines = cpuinfo.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = (part.strip() for part in line.partition(":"))
        if key == "model name":
            name = value
        elif key in ("flags", "Features"):
            flags.update(value.split())
    return name, tuple(feature for feature in FEATURES if feature in flags)
