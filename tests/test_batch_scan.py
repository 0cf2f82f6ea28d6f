from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from faceattr.batch.scan import Entry, scan

NAMES = [
    b"b.jpg",
    b"a/b.jpg",
    b"a.jpg",
    b"a/c/d.jpg",
    b"a0.jpg",
    b"\xff\xfe.jpg",
    b"a/\n.jpg",
    b"=x",
    b"-y",
    b".hidden",
]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    directory = tmp_path / "elsewhere"
    directory.mkdir()
    return directory


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    directory = tmp_path / "photos"
    for name in NAMES:
        put(directory, name)
    return directory


def put(directory: Path, name: bytes) -> Path:
    path = directory / os.fsdecode(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def test_files_come_once_each_in_byte_order_of_their_paths(photos: Path, elsewhere: Path) -> None:
    found = list(scan(photos, recursive=True, leave_out=elsewhere))
    assert found == [Entry(name, "file") for name in sorted(NAMES)]


def test_without_recursive_directories_are_named_but_not_entered(photos: Path, elsewhere: Path) -> None:
    found = list(scan(photos, recursive=False, leave_out=elsewhere))
    assert [entry.path for entry in found if entry.kind == "file"] == sorted(name for name in NAMES if b"/" not in name)
    assert [entry for entry in found if entry.kind != "file"] == [Entry(b"a/", "directory")]


def test_an_empty_directory_has_nothing(tmp_path: Path, elsewhere: Path) -> None:
    assert list(scan(elsewhere, recursive=True, leave_out=tmp_path)) == []


def test_links_are_not_followed_even_in_a_loop(tmp_path: Path, elsewhere: Path) -> None:
    put(elsewhere, b"real.jpg")
    photos = tmp_path / "photos"
    put(photos, b"sub/a.jpg")
    (photos / "sub" / "loop").symlink_to(photos)
    (photos / "to_file").symlink_to(elsewhere / "real.jpg")
    (photos / "dangling").symlink_to("nowhere")
    found = list(scan(photos, recursive=True, leave_out=elsewhere))
    assert sorted(found) == [
        (b"dangling", "link"),
        (b"sub/a.jpg", "file"),
        (b"sub/loop", "link"),
        (b"to_file", "link"),
    ]


def test_input_that_is_itself_a_link_is_read(photos: Path, elsewhere: Path) -> None:
    link = elsewhere / "link"
    link.symlink_to(photos)
    assert len(list(scan(link, recursive=True, leave_out=elsewhere))) == len(NAMES)


def test_fifo_and_socket_are_not_files(tmp_path: Path, elsewhere: Path) -> None:
    photos = tmp_path / "p"
    photos.mkdir()
    os.mkfifo(photos / "fifo.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(photos / "s"))
        found = list(scan(photos, recursive=True, leave_out=elsewhere))
    assert sorted(found) == [(b"fifo.jpg", "special"), (b"s", "special")]


@pytest.mark.parametrize("inside", ["out", "a/out"])
def test_left_out_directory_is_never_entered(photos: Path, tmp_path: Path, inside: str) -> None:
    put(photos / inside, b"faces.csv")
    link = tmp_path / "link"
    link.symlink_to(photos)
    found = list(scan(photos, recursive=True, leave_out=link / inside))
    assert [entry.path for entry in found] == sorted(NAMES)


def test_directory_that_vanishes_meanwhile_is_missing(photos: Path, elsewhere: Path) -> None:
    (photos / "z").mkdir()
    found = []
    for entry in scan(photos, recursive=True, leave_out=elsewhere):
        if (photos / "z").exists():
            (photos / "z").rmdir()
        found.append(entry)
    assert found[sorted([*NAMES, b"z/"]).index(b"z/")] == Entry(b"z/", "missing")
    assert len(found) == len(NAMES) + 1


def test_a_thousand_levels_are_no_recursion_error(tmp_path: Path, elsewhere: Path) -> None:
    photos = tmp_path / "p"
    level = photos
    level.mkdir()
    for _ in range(1200):
        level = level / "d"
        level.mkdir()
    (level / "a.jpg").touch()
    found = [entry.path for entry in scan(photos, recursive=True, leave_out=elsewhere)]
    subprocess.run(["rm", "-r", photos], check=True)  # pytest's own cleaning is recursive
    assert found == [b"d/" * 1200 + b"a.jpg"]


def test_input_that_cannot_be_listed_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(scan(tmp_path / "nowhere", recursive=True, leave_out=tmp_path))
