from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks import batch_memory, scan, tree
from faceattr.batch.outcome import Outcome, error
from faceattr.batch.write import Images


def test_every_file_of_the_scan_has_a_path_of_its_own_and_is_found_in_the_table(tmp_path: Path) -> None:
    folder, table = tmp_path / "folder", tmp_path / "images.csv"
    folder.mkdir()
    paths = list(scan.names(7 * scan.IN_ONE_DIRECTORY))
    assert len(set(paths)) == len(paths)
    few = paths[::14]
    made = scan.fingerprint(scan.make(folder, few))
    assert made[0] == sum(len(files) for _, _, files in os.walk(folder)) == 500
    rows = Images(table)
    for path in sorted(few):
        rows.add(error(path, "empty_image", 0))
    rows.add(Outcome(b"z", "missing"))
    rows.finish()
    assert scan.fingerprint(scan.recorded(table, "error:empty_image")) == made


def test_memory_of_a_tree_has_its_children_in_it() -> None:
    held = "held = bytearray(b'x') * 60_000_000; print(flush=True); input()"
    # A tree of its own: that of the tests has browsers in it, which grow and shrink.
    program = f"""
import subprocess, sys
print(flush=True)
input()
subprocess.run([sys.executable, "-c", {held!r}])
"""
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as root:
        assert root.stdin is not None
        assert root.stdout is not None
        root.stdout.readline()
        before = tree.memory(root.pid)
        root.stdin.write(b"\n")
        root.stdin.flush()
        root.stdout.readline()
        during = tree.memory(root.pid)
        root.communicate(b"\n")
    assert during.rss > before.rss + 50
    assert during.pss > before.pss + 50
    assert 0 < before.pss <= before.rss


def test_a_command_that_is_watched_tells_its_code_and_its_words() -> None:
    program = "import sys, time; sys.stderr.write('tired'); time.sleep(0.5); sys.exit(3)"
    seen = tree.watched([sys.executable, "-c", program], 0.05)
    assert (seen.code, seen.said) == (3, "tired")
    assert seen.peak.pss > 0


def test_a_growing_batch_breaks_the_bound_and_a_flat_one_does_not() -> None:
    def holds(growing: float) -> bool:
        samples = tuple(tree.Memory(400 + growing * number, 280) for number in range(100))
        return all(one.holds for one in batch_memory.bounds(tree.Watched(0, "", 1.0, samples), 5, 5))

    assert holds(0)
    assert not holds(1)


def test_photos_are_linked_under_every_name(tmp_path: Path) -> None:
    batch_memory.fill(tmp_path, [b"one", b"two"], 2005)
    found = sorted(tmp_path.rglob("*.jpg"))
    assert len(found) == 2005
    assert [path.read_bytes() for path in found[:3]] == [b"one", b"two", b"one"]
    assert found[0].stat().st_nlink == 1003
