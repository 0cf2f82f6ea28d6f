from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from faceattr.errors import OptionError
from faceattr.options import FLAGS, WORDS, Options

GIVEN: dict[str, tuple[str, Any]] = {
    "min_confidence": ("0.25", 0.25),
    "min_face": ("40", 40),
    "max_faces": ("3", 3),
    "detail": ("high", "high"),
    "rotate": ("auto", "auto"),
    "tta": ("true", True),
    "distribution": ("1", True),
}
"""Every option as text, and the value that it means."""


def test_every_option_can_be_given_as_json_and_as_text() -> None:
    assert set(GIVEN) == set(Options.names())
    expected = Options(**{name: value for name, (_, value) in GIVEN.items()})
    assert Options.from_json({name: value for name, (_, value) in GIVEN.items()}) == expected
    assert Options.from_text({name: text for name, (text, _) in GIVEN.items()}) == expected
    for field in dataclasses.fields(Options):
        assert getattr(expected, field.name) != field.default


@pytest.mark.parametrize("name", Options.names())
def test_null_counts_as_not_given(name: str) -> None:
    assert Options.from_json({name: None}) == Options()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("detail", "fine", "Option 'detail' must be 'normal' or 'high', not 'fine'."),
        ("detail", "High", "Option 'detail' must be 'normal' or 'high', not 'High'."),
        ("detail", "", "Option 'detail' must be 'normal' or 'high', not ''."),
        ("detail", 2, "Option 'detail' must be 'normal' or 'high', not 2."),
        ("rotate", "90", "Option 'rotate' must be 'exif' or 'auto', not '90'."),
        ("rotate", True, "Option 'rotate' must be 'exif' or 'auto', not true."),
        ("rotate", ["auto"], "Option 'rotate' must be 'exif' or 'auto', not an array."),
        ("tta", 1, "Option 'tta' must be true or false, not 1."),
        ("tta", "true", "Option 'tta' must be true or false, not 'true'."),
        ("distribution", {}, "Option 'distribution' must be true or false, not an object."),
        ("min_confidence", 1.5, "Option 'min_confidence' must be a number from 0 to 1, not 1.5."),
        ("min_confidence", True, "Option 'min_confidence' must be a number from 0 to 1, not true."),
        ("min_face", 0, "Option 'min_face' must be a whole number from 1 to 16384, not 0."),
        ("max_faces", 2.5, "Option 'max_faces' must be a whole number from 1 to 100, not 2.5."),
    ],
)
def test_a_wrong_value_is_refused_in_a_sentence_that_says_what_is_allowed(name: str, value: Any, sentence: str) -> None:
    with pytest.raises(OptionError) as refusal:
        Options.from_json({name: value})
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("detail", "fine", "must be 'normal' or 'high', not 'fine'"),
        ("rotate", "AUTO", "must be 'exif' or 'auto', not 'AUTO'"),
        ("tta", "yes", "must be true or false, not 'yes'"),
        ("tta", "", "must be true or false, not ''"),
        ("min_face", "1e3", "must be a whole number, not '1e3'"),
        ("min_confidence", "nan", "must be a number, not 'nan'"),
        ("min_face", "1_0", "must be a whole number, not '1_0'"),
        ("min_face", "١٢", "must be a whole number"),
        ("min_face", " 12\n", "must be a whole number"),
        ("min_confidence", "0_0.5", "must be a number, not '0_0.5'"),
        ("detail", "x" * 1000, "not a string of 1000 characters"),
    ],
)
def test_wrong_text_is_refused_naming_the_option(name: str, text: str, sentence: str) -> None:
    with pytest.raises(OptionError, match=f"Option '{name}' ") as refusal:
        Options.from_text({name: text})
    assert sentence in str(refusal.value)


def test_an_unknown_option_is_refused_with_the_known_ones() -> None:
    with pytest.raises(OptionError) as refusal:
        Options.from_text({"zoom": "2"})
    assert str(refusal.value).startswith("Unknown option 'zoom'.")
    assert all(name in str(refusal.value) for name in Options.names())


def test_the_lists_of_words_and_flags_are_those_of_the_fields() -> None:
    for field in dataclasses.fields(Options):
        assert (field.name in WORDS) == isinstance(field.default, str)
        assert (field.name in FLAGS) == isinstance(field.default, bool)
    assert all(getattr(Options(), name) == words[0] for name, words in WORDS.items())


def test_a_whole_number_may_be_written_as_json_has_it() -> None:
    options = Options.from_json({"min_face": 24.0, "max_faces": 5.0})
    assert (options.min_face, options.max_faces) == (24, 5)
    assert isinstance(options.min_face, int)
