"""Analysis options: what a single request may ask for, checked by name, type and range."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from faceattr.errors import OptionError

WORDS: Mapping[str, tuple[str, ...]] = {"detail": ("normal", "high"), "rotate": ("exif", "auto")}
FLAGS = ("tta", "distribution")
"""Options that are one of a few words, and those that are true or false."""
RANGES: Mapping[str, tuple[int, int]] = {"min_confidence": (0, 1), "min_face": (1, 16_384), "max_faces": (1, 100)}
"""Options that are numbers, with the least and the greatest."""
_WHOLE = ("min_face", "max_faces")
_DIGITS = re.compile(r"[+-]?\d{1,20}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
"""Python itself would take 1_0, digits of all scripts, and blanks around them."""
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Options:
    """How one photo is analysed. Raises OptionError for a wrong type or a value out of range.

    `min_confidence` 0–1 (None: the pack's own); `min_face` pixels, shorter side of the box in the full-size photo;
    `max_faces`: the largest that many; `detail`: `high` looks at the mirror image and overlapping tiles too, for small
    faces; `rotate`: `auto` tries the other three turns of the photo too; `tta`: the mean of each face and its mirror
    image (test-time augmentation); `distribution`: report one age probability per class.
    """

    min_confidence: float | None = None
    min_face: int = 12
    max_faces: int = 100
    detail: Literal["normal", "high"] = "normal"
    rotate: Literal["exif", "auto"] = "exif"
    tta: bool = False
    distribution: bool = False

    def __post_init__(self) -> None:
        if self.min_confidence is not None:
            _require_number("min_confidence", self.min_confidence, *RANGES["min_confidence"])
        _require_whole("min_face", self.min_face, *RANGES["min_face"])
        _require_whole("max_faces", self.max_faces, *RANGES["max_faces"])
        for name, words in WORDS.items():
            _require_word(name, getattr(self, name), words)
        for name in FLAGS:
            _require_flag(name, getattr(self, name))

    @classmethod
    def names(cls) -> tuple[str, ...]:
        return tuple(field.name for field in dataclasses.fields(cls))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Options:
        """Options from decoded JSON values; null counts as not given. Raises OptionError naming the option."""
        _refuse_unknown(cls, values)
        return cls(**{name: _from_json(name, value) for name, value in values.items() if value is not None})

    @classmethod
    def from_text(cls, values: Mapping[str, str]) -> Options:
        """Options from query parameters, where every value is text. Raises OptionError naming the option."""
        _refuse_unknown(cls, values)
        return cls.from_json({name: _from_text(name, text) for name, text in values.items()})


def _refuse_unknown(cls: type[Options], values: Mapping[str, Any]) -> None:
    for name in values:
        if name not in cls.names():
            known = ", ".join(("annotate", *cls.names(), "model"))
            raise OptionError(f"Unknown option {_shown(name)}. Known options: {known}.")


def _from_json(name: str, value: Any) -> Any:
    """The value; 12.0 for a whole number is 12, as in JSON Schema."""
    is_whole = name in _WHOLE and isinstance(value, float) and value.is_integer()
    return int(value) if is_whole else value


def _from_text(name: str, text: str) -> float | int | bool | str:
    if name in WORDS:
        return text
    if name in FLAGS:
        _require_flag(name, _TRUTH.get(text.lower(), text))
        return _TRUTH[text.lower()]
    kind, form, called = (int, _DIGITS, "a whole number") if name in _WHOLE else (float, _NUMBER, "a number")
    if not form.fullmatch(text):
        raise OptionError(f"Option '{name}' must be {called}, not {_shown(text)}.")
    return kind(text)


def _require_number(name: str, value: Any, low: float, high: float) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # NaN compares false with everything, and so is refused as well.
    if not is_number or not low <= value <= high:
        raise OptionError(f"Option '{name}' must be a number from {low} to {high}, not {_shown(value)}.")


def _require_whole(name: str, value: Any, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise OptionError(f"Option '{name}' must be a whole number from {low} to {high}, not {_shown(value)}.")


def _require_word(name: str, value: Any, words: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in words:
        allowed = " or ".join(f"'{word}'" for word in words)
        raise OptionError(f"Option '{name}' must be {allowed}, not {_shown(value)}.")


def _require_flag(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise OptionError(f"Option '{name}' must be true or false, not {_shown(value)}.")


def _shown(value: Any) -> str:
    """A client's value as an error may repeat it: short, on one line, without other people's data."""
    if isinstance(value, str):
        text = ascii(value)
        return text if len(text) <= 40 else f"a string of {len(value)} characters"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)[:40]
    return {"dict": "an object", "list": "an array"}.get(type(value).__name__, type(value).__name__)
