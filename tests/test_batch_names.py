from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest

from faceattr.batch import names

HOSTILE = [
    b"=cmd|' /C calc'!A0.jpg",
    "naïve\n名.jpg".encode(),
    b"\xff\xfe.jpg",
    b"-1.jpg",
    b"--help",
    b"+1.jpg",
    b"@x.jpg",
    b"\t=x.jpg",
    b"a%20b.jpg",
    b'a",b.jpg',
    b"sub/=x.jpg",
    b"100%.jpg",
]


@pytest.mark.parametrize("path", HOSTILE)
def test_exact_path_gives_the_bytes_back(path: bytes) -> None:
    assert unquote_to_bytes(names.exact(path)) == path


@pytest.mark.parametrize("path", HOSTILE)
def test_exact_path_is_plain_ascii_that_no_spreadsheet_runs(path: bytes) -> None:
    text = names.exact(path)
    assert text.isascii()
    assert text.isprintable()
    assert text[0] not in "-+=@"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"plain.jpg", "plain.jpg"),
        (b"sub/a b~c_d.jpg", "sub/a%20b~c_d.jpg"),
        (b"-a-b.jpg", "%2Da-b.jpg"),
        (b"sub/-a.jpg", "sub/-a.jpg"),
        (b"\xff\xfe.jpg", "%FF%FE.jpg"),
    ],
)
def test_exact_path_is_percent_encoded(path: bytes, expected: str) -> None:
    assert names.exact(path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"plain.jpg", "plain.jpg"),
        ("naïve\n名.jpg".encode(), "naïve\n名.jpg"),
        (b"\xff\xfe.jpg", "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}.jpg"),
        (b"=cmd|' /C calc'!A0.jpg", "'=cmd|' /C calc'!A0.jpg"),
        (b"+1.jpg", "'+1.jpg"),
        (b"-1.jpg", "'-1.jpg"),
        (b"@x.jpg", "'@x.jpg"),
        (b"\tx.jpg", "'\tx.jpg"),
        (b"\rx.jpg", "'\rx.jpg"),
        ("\uff1dx.jpg".encode(), "'\uff1dx.jpg"),
        (b"sub/=x.jpg", "sub/=x.jpg"),
        (b"a-b+c=d@e.jpg", "a-b+c=d@e.jpg"),
        (b"a\n=x.jpg", "a\n'=x.jpg"),
        (b"a;=x.jpg", "a;'=x.jpg"),
    ],
)
def test_name_for_people_is_text_that_no_spreadsheet_runs(path: bytes, expected: str) -> None:
    assert names.for_people(path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"a.jpg", b"a.jpg.jpg"),
        (b"a.png", b"a.png.jpg"),
        (b"sub/a", b"sub/a.jpg"),
        (b"x" * 251, b"x" * 251 + b".jpg"),
    ],
)
def test_picture_keeps_the_whole_name_of_its_photo(path: bytes, expected: bytes) -> None:
    assert names.picture(path) == expected


def test_pictures_of_long_names_fit_and_differ() -> None:
    first, second = names.picture(b"x" * 254 + b"1"), names.picture(b"x" * 254 + b"2")
    assert first != second
    assert len(first) == len(second) == 255


def test_long_name_is_cut_at_a_whole_character() -> None:
    assert names.picture("名".encode() * 85).decode().startswith("名" * 78 + "~")


def test_picture_is_never_where_a_directory_must_be() -> None:
    assert names.picture(b"a") == b"a.jpg"
    assert not names.picture(b"a.jpg/b").startswith(b"a.jpg/")
    assert names.picture(b"a.jpg/b") != names.picture(b"b.jpg/b")
