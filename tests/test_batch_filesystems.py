from __future__ import annotations

from pathlib import Path

import pytest

from faceattr.batch.database import Database
from faceattr.batch.filesystems import is_network

MOUNTS = """\
/dev/vda / ext4 rw 0 0
server:/photos /mnt/photos nfs4 rw 0 0
tmpfs /mnt/photos/fast tmpfs rw 0 0
//nas/share /mnt/two\\040words cifs rw 0 0
me@host:/ /mnt/ssh fuse.sshfs rw 0 0
share /mnt/vm 9p rw 0 0
/dev/sdb1 /mnt/stick fuseblk rw 0 0
/dev/sdc1 /mnt/over ext4 rw 0 0
server:/over /mnt/over nfs rw 0 0
"""


@pytest.mark.parametrize(
    ("directory", "expected"),
    [
        ("/home", False),
        ("/", False),
        ("/mnt/photos", True),
        ("/mnt/photos/results/deep", True),
        ("/mnt/photos2", False),
        ("/mnt/photos/fast/results", False),
        ("/mnt/two words/results", True),
        ("/mnt/ssh/x", True),
        ("/mnt/vm", True),
        ("/mnt/stick", False),
        ("/mnt/over/x", True),
    ],
)
def test_the_innermost_mount_decides(tmp_path: Path, directory: str, expected: bool) -> None:
    (tmp_path / "mounts").write_text(MOUNTS)
    assert is_network(Path(directory), tmp_path / "mounts") is expected


def test_a_link_is_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "mounts").write_text(MOUNTS)
    (tmp_path / "results").symlink_to("/mnt/photos/results")
    assert is_network(tmp_path / "results", tmp_path / "mounts")


def test_a_system_that_does_not_say_counts_as_local(tmp_path: Path) -> None:
    assert not is_network(Path("/"), tmp_path / "nowhere")


@pytest.mark.parametrize(("network", "expected"), [(False, "wal"), (True, "delete")])
def test_there_is_no_write_ahead_log_on_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: bool, expected: str
) -> None:
    Database(tmp_path).close()  # made on a disk of this machine, then moved
    monkeypatch.setattr("faceattr.batch.database.is_network", lambda _: network)
    database = Database(tmp_path)
    assert database.row("PRAGMA journal_mode") == (expected,)
    assert database.row("PRAGMA synchronous") == (2,)
    database.close()
