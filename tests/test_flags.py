from __future__ import annotations

import argparse

import pytest

from faceattr.flags import add_option_flags, options_from_flags
from faceattr.options import Options


def parsed(*words: str) -> Options:
    parser = argparse.ArgumentParser()
    add_option_flags(parser)
    return options_from_flags(parser.parse_args(words))


def test_without_flags_the_options_are_the_defaults() -> None:
    assert parsed() == Options()


def test_every_option_has_a_flag() -> None:
    words = "--conf 0.25 --min-face 40 --max-faces 3 --detail high --rotate auto --tta --distribution"
    assert parsed(*words.split()) == Options(0.25, 40, 3, "high", "auto", tta=True, distribution=True)


@pytest.mark.parametrize("words", [("--min-face", "0"), ("--max-faces", "101"), ("--min-face", "1.5")])
def test_a_value_out_of_range_is_refused_by_its_flag(
    words: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parsed(*words)
    assert f"argument {words[0]}: must be a whole number from 1 to" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["nan", "1.5", "-0.1", "half"])
def test_a_confidence_out_of_range_is_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed(f"--conf={text}")
    assert "must be a number from 0 to 1" in capsys.readouterr().err


def test_a_wrong_word_is_refused_with_those_allowed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("--detail", "fine")
    said = capsys.readouterr().err
    assert "normal" in said
    assert "high" in said
