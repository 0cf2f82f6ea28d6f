from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from faceattr.batch.listed import Listing
from faceattr.batch.selection import Chooser, Selection
from faceattr.errors import SettingsError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a.jpg", "sub/b.jpg", "sub/naïve\n名.jpg", os.fsdecode(b"\xff\xfe.jpg")):
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "x.jpg").touch()
    return tmp_path / "root"


def listed(root: Path, content: bytes, exclude: tuple[str, ...] = ()) -> list[tuple[bytes, str]]:
    listing = Listing(root, io.BytesIO(content), "list", Chooser(Selection(exclude=exclude)))
    return [(entry.path, entry.kind) for entry in listing.entries()]


def test_names_are_taken_to_the_byte(root: Path) -> None:
    names = ["sub/naïve\n名.jpg".encode(), b"\xff\xfe.jpg", b"a.jpg"]
    assert listed(root, b"\0".join(names)) == [(name, "file") for name in names]
    assert listed(root, b"\0".join(names) + b"\0") == [(name, "file") for name in names]


def test_an_empty_list_names_nothing(root: Path) -> None:
    assert listed(root, b"") == listed(root, b"\0\0") == []


def test_paths_longer_than_a_chunk_of_reading_are_whole(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceattr.batch.listed._CHUNK", 3)
    assert listed(root, b"sub/b.jpg\0a.jpg\0") == [(b"sub/b.jpg", "file"), (b"a.jpg", "file")]


@pytest.mark.parametrize("spelling", [b"./sub//b.jpg", b"sub/../sub/b.jpg", b"%s/sub/b.jpg", b"/./%s/sub/b.jpg"])
def test_a_file_has_one_path_however_it_is_spelt(root: Path, spelling: bytes) -> None:
    assert listed(root, spelling.replace(b"%s", bytes(root))) == [(b"sub/b.jpg", "file")]


@pytest.mark.parametrize("path", [b"../elsewhere/x.jpg", b"/etc/passwd", b"..", b"sub/../../root2/a", b"."])
def test_what_is_outside_is_refused_by_its_name(root: Path, path: bytes) -> None:
    with pytest.raises(SettingsError, match="which is outside of --input_dir") as caught:
        listed(root, b"a.jpg\0" + path)
    assert repr(os.fsdecode(path)) in str(caught.value)


def test_what_is_no_file_is_told_apart(root: Path) -> None:
    os.mkfifo(root / "fifo")
    (root / "link").symlink_to("a.jpg")
    (root / "door").symlink_to("../elsewhere")
    content = b"fifo\0link\0door/x.jpg\0sub\0gone.jpg\0a.jpg/x"
    assert listed(root, content) == [
        (b"fifo", "special"),
        (b"link", "link"),
        (b"door/x.jpg", "link"),
        (b"sub/", "directory"),
        (b"gone.jpg", "missing"),
        (b"a.jpg/x", "missing"),
    ]


def test_an_input_directory_that_is_itself_a_link_is_read(root: Path, tmp_path: Path) -> None:
    (tmp_path / "door").symlink_to(root)
    for spelling in (b"sub/b.jpg", bytes(root / "sub/b.jpg"), bytes(tmp_path / "door/sub/b.jpg")):
        assert listed(tmp_path / "door", spelling) == [(b"sub/b.jpg", "file")]


def test_globs_choose_among_what_is_listed(root: Path) -> None:
    found = listed(root, b"a.jpg\0sub/b.jpg", exclude=("a*",))
    assert found == [(b"a.jpg", "excluded"), (b"sub/b.jpg", "file")]


@pytest.mark.parametrize("content", [b"a.jpg\nsub/b.jpg\n", b"x" * 70_000])
def test_a_list_of_lines_is_refused_with_advice(root: Path, content: bytes) -> None:
    with pytest.raises(SettingsError, match="'list' is not NUL-separated; `find … -print0`"):
        listed(root, content)


def test_lists_are_told_apart_by_their_files(root: Path) -> None:
    digests = set()
    for content in (b"a.jpg\0sub/b.jpg", b"a.jpg\0sub/b.jpg\0", b"a.jpg"):
        listing = Listing(root, io.BytesIO(content), "list", Chooser(Selection()))
        assert list(listing.entries())
        digests.add(listing.digest)
    assert len(digests) == 2
