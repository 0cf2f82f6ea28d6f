"""Says gender and age of face crops: all crops of a photo through each classifier in one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceattr import geometry
from faceattr.engines import Net
from faceattr.errors import EngineError
from faceattr.packs import AgeSpec, ClassifierSpec, GenderSpec
from faceattr.types import Age, BGRImage, FloatArray, Gender


@dataclass(frozen=True, slots=True)
class Source:
    """A net, and the name of its output that holds class probabilities."""

    net: Net
    output: str


class AttributeClassifier:
    """A gender net and an age net, or one net that answers both, fed with the same crops."""

    def __init__(
        self, gender: Source, gender_spec: GenderSpec, age: Source, age_spec: AgeSpec, crop_scale: float
    ) -> None:
        """`gender` and `age` may name the same net; their inputs must then be equal (see same_input)."""
        self._gender, self._gender_spec = gender, gender_spec
        self._age, self._age_spec = age, age_spec
        self._crop_scale = crop_scale
        self.crop_side = max(*gender_spec.input, *age_spec.input)
        """Width and height of a crop, in pixels."""

    def crop(self, image: BGRImage, boxes: FloatArray) -> list[BGRImage]:
        """One square crop per box (n, 4), at the larger of the two nets' input sizes."""
        return [geometry.crop_square(image, box, self._crop_scale, self.crop_side) for box in boxes]

    def reduction(self, boxes: FloatArray) -> int:
        """By how much an image may be reduced (1, 2, 4 or 8) so that the crop of no box (n, 4) has to be enlarged."""
        longer = (boxes[:, 2:] - boxes[:, :2]).max(axis=1, initial=0)
        smallest = float(longer.min(initial=np.inf)) * self._crop_scale
        return max(k for k in (1, 2, 4, 8) if k == 1 or smallest >= k * self.crop_side)

    def classify(
        self, crops: Sequence[BGRImage], *, tta: bool = False, distribution: bool = False
    ) -> list[tuple[Gender, Age]]:
        """Gender and age of each crop, from one forward per net; `tta`: the mean of each crop and its mirror image.

        Raises EngineError when a net fails.
        """
        if not crops:
            return []
        mirrored = [np.ascontiguousarray(crop[:, ::-1]) for crop in crops] if tta else []
        genders, ages = self.probabilities([*crops, *mirrored])
        if tta:
            genders, ages = _mean_of_halves(genders), _mean_of_halves(ages)
        return [
            (read_gender(gender, self._gender_spec), read_age(age, self._age_spec, distribution=distribution))
            for gender, age in zip(genders, ages, strict=True)
        ]

    def probabilities(self, crops: Sequence[BGRImage]) -> tuple[FloatArray, FloatArray]:
        """Class probabilities of n crops: gender (n, labels) and age (n, classes), each row summing to 1."""
        blob = _blob(crops, self._gender_spec)
        outputs = self._gender.net(blob)
        genders = _probabilities(outputs, self._gender.output, (len(crops), len(self._gender_spec.labels)), "gender")
        if self._age.net is not self._gender.net:
            if not same_input(self._gender_spec, self._age_spec):
                blob = _blob(crops, self._age_spec)
            outputs = self._age.net(blob)
        return genders, _probabilities(outputs, self._age.output, (len(crops), self._age_spec.classes), "age")


def read_gender(probabilities: FloatArray, spec: GenderSpec) -> Gender:
    """Gender from class probabilities (labels,)."""
    by_label = {label: float(p) for label, p in zip(spec.labels, probabilities, strict=True)}
    value = max(by_label, key=lambda label: by_label[label])
    return Gender(value, by_label[value], by_label)


def read_age(probabilities: FloatArray, spec: AgeSpec, *, distribution: bool = False) -> Age:
    """Age from class probabilities (classes,): expectation, most probable range, and 10th–90th percentile.

    Per-range nets count each range at its middle and have no percentiles.
    """
    p = probabilities.astype(np.float64)
    p /= p.sum()
    whole = tuple(float(value) for value in p) if distribution else None
    if spec.first_year is None:
        masses = p
        years = float(sum(mass * (low + high) / 2 for mass, (low, high) in zip(p, spec.ranges, strict=True)))
        interval = None
    else:
        ages = np.arange(spec.first_year, spec.first_year + spec.classes)
        masses = np.array([p[(ages >= low) & (ages <= high)].sum() for low, high in spec.ranges])
        # The last range is open: years above it count there.
        masses[-1] += p[ages > spec.ranges[-1][1]].sum()
        years = float(p @ ages)
        interval = _percentile(p, ages, 0.1), _percentile(p, ages, 0.9)
    best = int(masses.argmax())
    low, high = spec.ranges[best]
    is_open = spec.first_year is not None and best == len(spec.ranges) - 1
    label = f"({low}+)" if is_open else f"({low}-{high})"
    return Age(years, low, high, label, float(masses[best]), interval, whole)


def _percentile(p: NDArray[np.float64], ages: NDArray[np.int_], fraction: float) -> int:
    return int(ages[min(int(np.searchsorted(np.cumsum(p), fraction)), len(ages) - 1)])


def same_input(one: ClassifierSpec, other: ClassifierSpec) -> bool:
    """Whether two nets are fed with the same blob."""
    return (one.input, one.mean, one.scale) == (other.input, other.mean, other.scale)


def _mean_of_halves(rows: FloatArray) -> FloatArray:
    first, second = np.split(rows, 2)
    return np.asarray((first + second) / 2, np.float32)


def _blob(crops: Sequence[BGRImage], spec: ClassifierSpec) -> FloatArray:
    return geometry.to_blob([geometry.resize(crop, *spec.input) for crop in crops], spec.mean, spec.scale)


def _probabilities(outputs: Mapping[str, FloatArray], name: str, shape: tuple[int, int], what: str) -> FloatArray:
    if name not in outputs:
        raise EngineError(f"the {what} net has no output '{name}'; it has {', '.join(outputs)}")
    probabilities = outputs[name].reshape(shape[0], -1)
    if probabilities.shape != shape:
        raise EngineError(f"the {what} net answers with {probabilities.shape[1]} classes, expected {shape[1]}")
    if not (np.abs(probabilities.sum(axis=1) - 1) <= 1e-2).all():  # not so for NaN either
        raise EngineError(f"the {what} net's probabilities do not sum to 1")
    return probabilities
