"""What a pack says about its nets: the contents of `pack.toml` as frozen values, each checked by type and range."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faceattr.errors import PackError

YEAR_RANGES = ((0, 2), (3, 9), (10, 19), (20, 29), (30, 39), (40, 49), (50, 59), (60, 69), (70, 100))
"""The ranges that per-year nets report; the last one is open."""


@dataclass(frozen=True, slots=True)
class NetFiles:
    """A net's two files by name, inside the pack's directory."""

    prototxt: str
    weights: str


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """How the face detector is fed: input (width, height), mean (blue, green, red), (pixel − mean) × scale."""

    files: NetFiles
    input: tuple[int, int]
    resize: str
    mean: tuple[float, float, float]
    scale: float
    min_confidence: float


@dataclass(frozen=True, slots=True)
class ClassifierSpec:
    """How an attribute net is fed and which of its outputs holds the class probabilities."""

    files: NetFiles
    input: tuple[int, int]
    mean: tuple[float, float, float]
    scale: float
    output: str


@dataclass(frozen=True, slots=True)
class GenderSpec(ClassifierSpec):
    """A gender net and its labels, one per class."""

    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AgeSpec(ClassifierSpec):
    """An age net: one class per year from `first_year`, or one class per range (both ends included)."""

    classes: int
    first_year: int | None
    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Pack:
    """A directory of models: what they are called, how they are fed, and the SHA-256 of each file."""

    directory: Path
    name: str
    version: str
    licence: str
    detector: DetectorSpec
    gender: GenderSpec
    age: AgeSpec
    crop_scale: float
    sha256: Mapping[str, str]
    """Expected digest by file name; empty for a directory in the articles' form, which states none."""
    accuracy: Mapping[str, float] = field(default_factory=dict)
    """Measured figures by names of the pack's own choice; for people, nothing depends on them."""
    manifest: str = ""
    """SHA-256 of `pack.toml`; empty without one."""


def parse_manifest(directory: Path, document: Mapping[str, Any]) -> Pack:
    """A Pack from a decoded `pack.toml`. Raises PackError naming the table, the key and what was expected."""
    top = _Table(document, "pack.toml")
    pack, crop, digests = top.table("pack"), top.table("crop"), top.table("sha256")
    accuracy = top.table("accuracy") if "accuracy" in document else _Table({}, "accuracy")
    parsed = Pack(
        directory=directory,
        name=pack.text("name"),
        version=pack.text("version"),
        licence=pack.text("licence"),
        detector=_detector(top.table("detector")),
        gender=_gender(top.table("gender")),
        age=_age(top.table("age")),
        crop_scale=crop.number("scale", 0.5, 4.0),
        sha256={name: digests.text(name, r"[0-9a-f]{64}", "64 hexadecimal digits") for name in digests.values},
        accuracy={name: accuracy.number(name, -1e9, 1e9) for name in accuracy.values},
    )
    for net in (parsed.detector, parsed.gender, parsed.age):
        for name in (net.files.prototxt, net.files.weights):
            if name not in parsed.sha256:
                raise PackError(f"pack.toml: [sha256] has no digest for '{name}'.")
    return parsed


def _detector(table: _Table) -> DetectorSpec:
    return DetectorSpec(
        **_feeding(table),
        resize=table.text("resize", r"stretch|letterbox", "'stretch' or 'letterbox'"),
        min_confidence=table.number("min_confidence", 0.0, 1.0),
    )


def _gender(table: _Table) -> GenderSpec:
    labels = table.list_of(str, "labels")
    if sorted(labels) != ["Female", "Male"]:
        raise PackError(f"pack.toml: [gender] labels must be 'Male' and 'Female' in the net's order, not {labels!r}.")
    return GenderSpec(**_feeding(table), output=table.text("output"), labels=tuple(labels))


def _age(table: _Table) -> AgeSpec:
    feeding = {**_feeding(table), "output": table.text("output")}
    if ("years" in table.values) == ("ranges" in table.values):
        raise PackError("pack.toml: [age] needs either 'years' (one class a year) or 'ranges', and not both.")
    if "years" in table.values:
        first, last = (int(year) for year in table.text("years", r"\d{1,3}\.\.\d{1,3}", "like '0..100'").split(".."))
        if not first < last <= 120:
            raise PackError(f"pack.toml: [age] years must rise and end by 120, not '{first}..{last}'.")
        return AgeSpec(**feeding, classes=last - first + 1, first_year=first, ranges=YEAR_RANGES)
    ranges = tuple(_range(pair) for pair in table.list_of(list, "ranges"))
    return AgeSpec(**feeding, classes=len(ranges), first_year=None, ranges=ranges)


def _range(pair: Any) -> tuple[int, int]:
    if len(pair) == 2 and all(type(year) is int for year in pair) and 0 <= pair[0] <= pair[1] <= 120:
        return pair[0], pair[1]
    raise PackError(f"pack.toml: [age] ranges must be pairs of years like [25, 32], not {pair!r}.")


def _feeding(table: _Table) -> dict[str, Any]:
    width, height = table.list_of(int, "input", 2)
    if not (16 <= width <= 4096 and 16 <= height <= 4096):
        raise PackError(f"pack.toml: [{table.name}] input must be from 16 to 4096 pixels a side, not {width}×{height}.")
    blue, green, red = table.list_of((int, float), "mean", 3)
    if not all(0 <= value <= 255 for value in (blue, green, red)):
        raise PackError(f"pack.toml: [{table.name}] mean must be three values from 0 to 255.")
    name = r"[^/\\\0]{1,255}(?<!\.)"
    return {
        "files": NetFiles(
            table.text("prototxt", name, "a plain file name"), table.text("weights", name, "a plain file name")
        ),
        "input": (width, height),
        "mean": (float(blue), float(green), float(red)),
        "scale": table.number("scale", 1e-6, 1e6),
    }


@dataclass(frozen=True, slots=True)
class _Table:
    """A TOML table that says what is wrong with it by name."""

    values: Mapping[str, Any]
    name: str

    def _get(self, key: str, types: type | tuple[type, ...], expected: str) -> Any:
        if key not in self.values:
            raise PackError(f"pack.toml: [{self.name}] has no '{key}'.")
        value = self.values[key]
        if not isinstance(value, types) or isinstance(value, bool):
            raise PackError(f"pack.toml: [{self.name}] {key} must be {expected}, not {value!r}.")
        return value

    def table(self, key: str) -> _Table:
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise PackError(f"pack.toml: the table [{key}] is missing.")
        return _Table(value, key)

    def text(self, key: str, pattern: str = r".+", expected: str = "a text") -> str:
        value = str(self._get(key, str, expected))
        if not re.fullmatch(pattern, value, re.DOTALL):
            raise PackError(f"pack.toml: [{self.name}] {key} must be {expected}, not {value!r}.")
        return value

    def number(self, key: str, low: float, high: float) -> float:
        value = float(self._get(key, (int, float), f"a number from {low:g} to {high:g}"))
        if not low <= value <= high:
            raise PackError(f"pack.toml: [{self.name}] {key} must be a number from {low:g} to {high:g}, not {value:g}.")
        return value

    def list_of(self, types: type | tuple[type, ...], key: str, length: int | None = None) -> list[Any]:
        expected = f"a list of {length} values" if length else "a list that is not empty"
        values = self._get(key, list, expected)
        sound = all(isinstance(value, types) and not isinstance(value, bool) for value in values)
        if not values or not sound or (length is not None and len(values) != length):
            raise PackError(f"pack.toml: [{self.name}] {key} must be {expected} of the right type, not {values!r}.")
        return list(values)
