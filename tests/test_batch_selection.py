from __future__ import annotations

import os
import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceattr.batch.selection import Chooser, Selection, pattern, shard_of


@pytest.mark.parametrize(
    ("glob", "matches", "differs"),
    [
        ("*.jpg", ["a.jpg", "x/y/a.jpg", ".jpg", "a\n.jpg"], ["a.JPG", "a.jpg.png", "a.jpg/b"]),
        ("a?.jpg", ["ab.jpg", "x/aé.jpg"], ["a.jpg", "a/.jpg", "abc.jpg"]),
        ("[ab]*", ["a", "b/axe"], ["c", "a/c"]),
        ("[!ab]*", ["c", "a/c"], ["a", "x/b"]),
        ("*.[jJ][pP][gG]", ["a.jpg", "a.JPG"], ["a.jpeg"]),
        ("2024/*.jpg", ["2024/a.jpg"], ["2024/x/a.jpg", "x/2024/a.jpg"]),
        ("2024/**/*.jpg", ["2024/a.jpg", "2024/x/a.jpg", "2024/x/y/a.jpg"], ["2023/a.jpg", "2024.jpg"]),
        ("2024/**", ["2024/a", "2024/x/y"], ["2024", "x/2024/a"]),
        ("**/thumb.*", ["thumb.jpg", "x/y/thumb.png"], ["athumb.jpg"]),
        ("/a.jpg", ["a.jpg"], ["x/a.jpg"]),
        ("a+(b).jpg", ["a+(b).jpg"], ["aab.jpg"]),
        ("[", ["["], ["a"]),
        ("[]]", ["]"], ["["]),
        ("[a&&b~~c||d]", ["a", "&", "~", "|"], ["e"]),
    ],
)
def test_globs_match_what_help_says(glob: str, matches: list[str], differs: list[str]) -> None:
    chooser = Chooser(Selection(recursive=True, include=(glob,)))
    assert [text for text in matches if not chooser.takes(text.encode())] == []
    assert [text for text in differs if chooser.takes(text.encode())] == []


@given(st.text(st.sampled_from("ab/*?[]!^-.\\&~|\n"), min_size=1, max_size=12))
def test_every_glob_is_a_pattern_or_an_error_of_patterns(glob: str) -> None:
    try:
        re.compile(pattern(glob))
    except (re.error, FutureWarning):
        assert "[" in glob


@given(st.binary(min_size=1, max_size=20).filter(lambda path: b"\0" not in path and b"/" not in path))
def test_any_name_matches_its_own_glob_of_question_marks(name: bytes) -> None:
    chooser = Chooser(Selection(include=("?" * len(os.fsdecode(name)),)))
    assert chooser.takes(name)


def test_exclude_wins_over_include() -> None:
    chooser = Chooser(Selection(recursive=True, include=("*.jpg", "*.png"), exclude=("b*", "thumbs/")))
    taken = [
        path
        for path in (b"a.jpg", b"b.jpg", b"a.png", b"a.txt", b"x/thumbs/a.jpg", b"thumbs.jpg")
        if chooser.takes(path)
    ]
    assert taken == [b"a.jpg", b"a.png", b"thumbs.jpg"]


def test_a_glob_of_a_directory_means_all_that_is_in_it() -> None:
    only = Chooser(Selection(recursive=True, include=("keep/",)))
    assert [path for path in (b"keep/a", b"x/keep/y/a", b"keep", b"a") if only.takes(path)] == [
        b"keep/a",
        b"x/keep/y/a",
    ]
    without = Chooser(Selection(recursive=True, exclude=("/keep/",)))
    assert [path for path in (b"keep/", b"x/keep/", b"x/") if without.enters(path)] == [b"x/keep/", b"x/"]


def test_only_the_directory_itself_is_reached_without_recursive() -> None:
    assert [Chooser(Selection()).reaches(path) for path in (b"a", b"x/a")] == [True, False]
    assert not Chooser(Selection()).enters(b"x/")


def test_every_path_is_in_one_shard_and_shards_are_about_equal() -> None:
    paths = [b"%d.jpg" % number for number in range(3000)]
    choosers = [Chooser(Selection(shard=(which, 3))) for which in (1, 2, 3)]
    assert all(sum(chooser.owns(path) for chooser in choosers) == 1 for path in paths)
    assert min(Counter(shard_of(path, 3) for path in paths).values()) > 900


def test_the_shard_of_a_path_never_changes() -> None:
    assert [shard_of(path, 100) for path in (b"a.jpg", b"\xff\n", b"x/y")] == [50, 36, 68]
