from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from faceattr.batch import scan as module
from faceattr.batch.scan import Entry
from faceattr.batch.selection import Chooser, Selection

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


def scan(
    root: Path, *, recursive: bool, leave_out: Path, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()
) -> Iterator[tuple[bytes, str]]:
    """Paths and kinds, in byte order of the paths."""
    found = sorted(module.scan(root, Chooser(Selection(recursive, include, exclude)), leave_out))
    return ((entry.path, entry.kind) for entry in found)


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


def test_files_come_once_each(photos: Path, elsewhere: Path) -> None:
    found = list(scan(photos, recursive=True, leave_out=elsewhere))
    assert found == [(name, "file") for name in sorted(NAMES)]


def test_without_recursive_directories_are_named_but_not_entered(photos: Path, elsewhere: Path) -> None:
    found = list(scan(photos, recursive=False, leave_out=elsewhere))
    assert [path for path, kind in found if kind == "file"] == sorted(name for name in NAMES if b"/" not in name)
    assert [entry for entry in found if entry[1] != "file"] == [(b"a/", "directory")]


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
    assert found == [
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
    assert found == [(b"fifo.jpg", "special"), (b"s", "special")]


@pytest.mark.parametrize("inside", ["out", "a/out"])
def test_left_out_directory_is_never_entered(photos: Path, tmp_path: Path, inside: str) -> None:
    put(photos / inside, b"faces.csv")
    link = tmp_path / "link"
    link.symlink_to(photos)
    found = list(scan(photos, recursive=True, leave_out=link / inside))
    assert [path for path, _ in found] == sorted(NAMES)


def test_what_another_batch_has_written_is_no_photo_but_what_lies_beside_it_may_be(
    photos: Path, elsewhere: Path
) -> None:
    ours = [b"faces.csv", b"report.html", b".faceattr-batch.lock", b".faceattr-batch.sqlite", b".faces.csv.0a.part"]
    for name in (*ours, b"annotated/x.jpg.jpg", b"mine.csv", b"shots/annotated/y.jpg"):
        put(photos / "a", name)
    found = dict(scan(photos, recursive=True, leave_out=elsewhere))
    written = {b"a/" + name for name in (*ours, b"annotated")}
    assert {path for path, kind in found.items() if kind == "results"} == written
    assert {path for path, kind in found.items() if kind == "file"} == {
        *NAMES,
        b"a/mine.csv",
        b"a/shots/annotated/y.jpg",  # not directly in an output directory
    }


def test_files_of_our_names_are_read_where_no_batch_was(photos: Path, elsewhere: Path) -> None:
    put(photos, b"annotated/faces.csv")
    assert (b"annotated/faces.csv", "file") in scan(photos, recursive=True, leave_out=elsewhere)


def test_directory_that_vanishes_meanwhile_is_missing(photos: Path, elsewhere: Path) -> None:
    (photos / "z").mkdir()
    found = []
    for entry in module.scan(photos, Chooser(Selection(recursive=True)), elsewhere):
        if (photos / "z").exists():
            (photos / "z").rmdir()
        found.append((entry.path, entry.kind))
    assert sorted(found) == sorted([*((name, "file") for name in NAMES), (b"z/", "missing")])


def test_size_and_time_of_change_are_those_of_the_file(tmp_path: Path, elsewhere: Path) -> None:
    file = put(tmp_path / "p", b"a")
    file.write_bytes(b"seven b")
    os.utime(file, ns=(1, 1_700_000_000_123_456_789))
    [found] = module.scan(tmp_path / "p", Chooser(Selection()), elsewhere)
    assert found == Entry(b"a", "file", 7, 1_700_000_000_123_456_789)


def test_what_the_globs_leave_out_is_counted_and_its_directories_are_not_entered(
    photos: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered: list[bytes] = []
    real = os.scandir

    def listing(path: bytes) -> object:
        entered.append(path)
        return real(path)

    monkeypatch.setattr(os, "scandir", listing)
    found = dict(scan(photos, recursive=True, leave_out=elsewhere, include=("*.jpg",), exclude=("c/", "b.*")))
    assert sorted(path for path, kind in found.items() if kind == "file") == [
        b"a.jpg",
        b"a/\n.jpg",
        b"a0.jpg",
        b"\xff\xfe.jpg",
    ]
    assert found[b"a/c/"] == found[b"b.jpg"] == found[b"=x"] == "excluded"
    assert os.path.join(bytes(photos), b"a/c/") not in entered  # noqa: PTH118


def test_a_thousand_levels_are_no_recursion_error(tmp_path: Path, elsewhere: Path) -> None:
    photos = tmp_path / "p"
    level = photos
    level.mkdir()
    for _ in range(1200):
        level = level / "d"
        level.mkdir()
    (level / "a.jpg").touch()
    found = [path for path, _ in scan(photos, recursive=True, leave_out=elsewhere)]
    subprocess.run(["rm", "-r", photos], check=True)  # pytest's own cleaning is recursive
    assert found == [b"d/" * 1200 + b"a.jpg"]


def test_input_that_cannot_be_listed_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(scan(tmp_path / "nowhere", recursive=True, leave_out=tmp_path))
