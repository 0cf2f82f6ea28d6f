"""How many workers a run has, and where: processes of this machine, or of a cluster."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError

from faceattr.batch import ray_cluster
from faceattr.batch.photo import Work
from faceattr.batch.pool import Pool
from faceattr.batch.ray_pool import on_cluster
from faceattr.batch.runner import Runner
from faceattr.settings import usable_cores

_NO_LIMIT = 1_000_000  # workers on a cluster: as many as it has room for

Range = tuple[int, int]


def workers(text: str) -> Range:
    """`4` → (4, 4), `4:64` → (4, 64). Raises ArgumentTypeError."""
    match = re.fullmatch(r"(\d{1,7})(?::(\d{1,7}))?", text, re.ASCII)
    if not match or int(match[1]) < 1:
        raise ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    least, most = int(match[1]), int(match[2] or match[1])
    if most < least:
        raise ArgumentTypeError(f"must be MIN:MAX with MAX at least MIN, not {text!r}")
    return least, most


def require(cluster: str | None) -> None:
    """Raises SettingsError for a cluster when Ray is not installed."""
    if cluster:
        ray_cluster.require()


def runner(work: Work, chosen: Range | None, cluster: str | None) -> Runner:
    """The workers of this machine, or of the cluster at that address. Raises what their Runner raises."""
    if cluster:
        least, most = chosen or (1, _NO_LIMIT)
        return on_cluster(cluster, work, least, most)
    return Pool(work, max(chosen or (usable_cores(),)))
