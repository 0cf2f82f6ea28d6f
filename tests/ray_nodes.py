"""A Ray cluster of three nodes, a processor each, on this machine: `python -m tests.ray_nodes`.

Says its address, then obeys `kill-node` and `kill-worker` until its input ends; answers each with `done`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from ray.cluster_utils import Cluster


def workers() -> list[int]:
    """Process ids of this cluster's actors: descendants of this process whom Ray has given the class's name."""
    parents, names = {}, {}
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            stat, names[int(directory.name)] = (directory / "stat").read_text(), (directory / "cmdline").read_bytes()
        except OSError:
            continue
        parents[int(directory.name)] = int(stat.rpartition(")")[2].split()[1])
    return sorted(pid for pid, name in names.items() if name.startswith(b"ray::RayWorker") and _is_ours(pid, parents))


def _is_ours(pid: int, parents: dict[int, int]) -> bool:
    while pid > 1 and pid != os.getpid():
        pid = parents.get(pid, 0)
    return pid == os.getpid()


def main() -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    print(cluster.address, flush=True)
    for line in sys.stdin:
        if line.strip() == "kill-node":
            cluster.remove_node(nodes.pop(), allow_graceful=False)
        elif line.strip() == "kill-worker":
            os.kill(workers()[0], signal.SIGKILL)
        print("done", flush=True)
    for node in [*nodes, cluster.head_node]:
        cluster.remove_node(node, allow_graceful=False)


if __name__ == "__main__":
    main()
