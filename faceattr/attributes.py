"""Says gender and age of face crops: all crops of a photo through each classifier in one batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from faceattr import geometry
from faceattr.engines import Net
from faceattr.errors import EngineError
from faceattr.packs import AgeSpec, ClassifierSpec, GenderSpec
from faceattr.types import Age, BGRImage, FloatArray, Gender


class AttributeClassifier:
    """A gender net and an age net, fed with the same crops."""

    def __init__(self, gender: Net, gender_spec: GenderSpec, age: Net, age_spec: AgeSpec, crop_scale: float) -> None:
        self._gender, self._gender_spec = gender, gender_spec
        self._age, self._age_spec = age, age_spec
        self._crop_scale = crop_scale
        self._crop_side = max(*gender_spec.input, *age_spec.input)

    def crop(self, image: BGRImage, boxes: FloatArray) -> list[BGRImage]:
        """One square crop per box (n, 4), at the larger of the two nets' input sizes."""
        return [geometry.crop_square(image, box, self._crop_scale, self._crop_side) for box in boxes]

    def classify(self, crops: Sequence[BGRImage], *, distribution: bool = False) -> list[tuple[Gender, Age]]:
        """Gender and age of each crop, from one forward per net. Raises EngineError when a net fails."""
        if not crops:
            return []
        genders, ages = self.probabilities(crops)
        return [
            (read_gender(gender, self._gender_spec), read_age(age, self._age_spec, distribution=distribution))
            for gender, age in zip(genders, ages, strict=True)
        ]

    def probabilities(self, crops: Sequence[BGRImage]) -> tuple[FloatArray, FloatArray]:
        """Class probabilities of n crops: gender (n, labels) and age (n, classes), each row summing to 1."""
        gender_blob = _blob(crops, self._gender_spec)
        same_input = _feeding(self._gender_spec) == _feeding(self._age_spec)
        age_blob = gender_blob if same_input else _blob(crops, self._age_spec)
        return (
            _forward(self._gender, gender_blob, self._gender_spec, len(self._gender_spec.labels), "gender"),
            _forward(self._age, age_blob, self._age_spec, self._age_spec.classes, "age"),
        )


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


def _feeding(spec: ClassifierSpec) -> tuple[object, ...]:
    return spec.input, spec.mean, spec.scale


def _blob(crops: Sequence[BGRImage], spec: ClassifierSpec) -> FloatArray:
    return geometry.to_blob([geometry.resize(crop, *spec.input) for crop in crops], spec.mean, spec.scale)


def _forward(net: Net, blob: FloatArray, spec: ClassifierSpec, classes: int, what: str) -> FloatArray:
    outputs = net(blob)
    if spec.output not in outputs:
        raise EngineError(f"the {what} net has no output '{spec.output}'; it has {', '.join(outputs)}")
    probabilities = outputs[spec.output].reshape(len(blob), -1)
    if probabilities.shape[1] != classes:
        raise EngineError(f"the {what} net answers with {probabilities.shape[1]} classes, expected {classes}")
    if not np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-2):
        raise EngineError(f"the {what} net's probabilities do not sum to 1")
    return probabilities
