from __future__ import annotations

import platform
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from faceattr.memory import MARGIN_BYTES, keep_within_container, memory_allowed

MIB = 2**20
ROOT = Path(__file__).resolve().parents[1]


FAULTS = """
import resource, numpy
from faceattr.memory import bound_allocator
assert bound_allocator()
def photo():
    blocks = [numpy.ones(900_000, numpy.uint8) for _ in range(8)]
for _ in range(20):
    photo()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    photo()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc: nothing is bounded")
def test_memory_of_small_photos_is_not_asked_for_again_for_each() -> None:
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.stderr == ""
    assert int(done.stdout) < 100  # of 35,000 pages


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def process(tmp_path: Path) -> Path:
    write(tmp_path / "self/cgroup", "8:pids:/\n9:memory:/box\n0::/\n")
    write(tmp_path / "self/status", f"VmRSS:\t {150 * 1024} kB\nVmData:\t {500 * 1024} kB\n")
    return tmp_path / "self"


@pytest.mark.parametrize(
    ("file", "content", "allowed"),
    [
        ("memory.max", "314572800\n", 300 * MIB),
        ("memory.max", "max\n", None),
        ("memory/box/memory.limit_in_bytes", "314572800\n", 300 * MIB),
        ("memory/memory.limit_in_bytes", "314572800\n", 300 * MIB),
        ("memory/box/memory.limit_in_bytes", "9223372036854771712\n", None),
        ("other", "1", None),
    ],
)
def test_what_a_container_may_have_is_read_from_either_kind_of_control_group(
    tmp_path: Path, process: Path, file: str, content: str, allowed: int | None
) -> None:
    write(tmp_path / "cgroup" / file, content)
    assert memory_allowed(tmp_path / "cgroup", process) == allowed


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    set_to: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: set_to.append(pair))
    return set_to


def test_what_a_container_has_no_room_for_cannot_be_allocated(
    tmp_path: Path, process: Path, limits: list[tuple[int, int]]
) -> None:
    write(tmp_path / "cgroup/memory.max", str(300 * MIB))
    room = 300 * MIB - 150 * MIB - MARGIN_BYTES
    assert keep_within_container(tmp_path / "cgroup", process) == room
    assert limits == [(500 * MIB + room, resource.RLIM_INFINITY)]


def test_without_a_limit_nothing_is_limited(tmp_path: Path, process: Path, limits: list[tuple[int, int]]) -> None:
    assert keep_within_container(tmp_path / "cgroup", process) is None
    assert limits == []


def test_a_container_that_is_full_already_leaves_no_room(
    tmp_path: Path, process: Path, limits: list[tuple[int, int]]
) -> None:
    write(tmp_path / "cgroup/memory.max", str(100 * MIB))
    assert keep_within_container(tmp_path / "cgroup", process) == 0
    assert limits == [(500 * MIB, resource.RLIM_INFINITY)]


def test_a_lower_limit_that_somebody_has_set_stays(
    tmp_path: Path, process: Path, limits: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "cgroup/memory.max", str(300 * MIB))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (200 * MIB, 200 * MIB))
    keep_within_container(tmp_path / "cgroup", process)
    assert limits == []
