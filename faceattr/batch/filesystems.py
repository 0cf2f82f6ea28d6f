"""Which directories lie on a network, where SQLite's write-ahead log does not work."""

from __future__ import annotations

import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mounts")
_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|smbfs|ncpfs|afs|coda|9p|virtiofs|vboxsf|prl_fs|fuse\..+|fuse|lustre|gpfs|beegfs\w*|ceph|"
    r"glusterfs|gfs2?|ocfs2|pvfs2|orangefs|davfs\w*|wekafs"
)


def is_network(directory: Path, mounts: Path = _MOUNTS) -> bool:
    """Whether the directory lies on a file system that other machines, or programs in its stead, may write to.

    False where the system does not say (no /proc).
    """
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return False
    real = os.path.realpath(directory)
    found, kind = "", ""
    for line in lines:
        _, place, name, *_ = line.split(" ")
        place = _unescaped(place)
        inside = real == place or real.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(found):  # of two mounts in one place, the later one is seen
            found, kind = place, name
    return _NETWORK.fullmatch(kind) is not None


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
