"""The words of the package as frozen values: images, boxes, faces, analyses. No I/O, no libraries but NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

BGRImage = NDArray[np.uint8]
"""A decoded image: (height, width, 3) uint8, channels blue, green, red, upright."""

FloatArray = NDArray[np.float32]

PictureFormat = Literal["png", "jpeg"]


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned box in pixels of the full-size upright photo; x grows right, y grows down."""

    x_min: float
    y_min: float
    x_max: float
    y_max: float

    @property
    def width(self) -> float:
        return self.x_max - self.x_min

    @property
    def height(self) -> float:
        return self.y_max - self.y_min

    def rounded(self) -> tuple[int, int, int, int]:
        """Whole pixels: x_min, y_min, x_max, y_max, as every answer and table reports them."""
        return round(self.x_min), round(self.y_min), round(self.x_max), round(self.y_max)


@dataclass(frozen=True, slots=True)
class Detection:
    """A box and the detector's confidence (0–1) that it holds a face."""

    box: Box
    confidence: float


@dataclass(frozen=True, slots=True)
class Gender:
    """Apparent gender: the likelier label, its probability, and every label's probability."""

    value: str
    probability: float
    probabilities: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Age:
    """Apparent age: expectation in years, the most probable range with its mass, and the 10th–90th percentile.

    `interval` is None for nets that answer with ranges; `distribution` has one probability per class, if asked for.
    """

    years: float
    low: int
    high: int
    label: str
    probability: float
    interval: tuple[int, int] | None = None
    distribution: tuple[float, ...] | None = None

    @property
    def likely(self) -> tuple[int, int]:
        """The years to show beside `years`: the interval, or the range. The most probable range may lie beside it."""
        return self.interval or (self.low, self.high)


@dataclass(frozen=True, slots=True)
class Quality:
    """What a face gave the classifiers to work with: pixels, sharpness and brightness (0–1), cut or not."""

    size_px: int
    sharpness: float
    brightness: float
    touches_edge: bool


@dataclass(frozen=True, slots=True)
class Face:
    """One detection with its attributes. `uncertain` marks an answer that should not be relied on alone."""

    detection: Detection
    gender: Gender
    age: Age
    quality: Quality
    uncertain: bool


@dataclass(frozen=True, slots=True)
class Analysis:
    """All faces of one photo, largest first, and what made them.

    `width` and `height` are those of the full-size upright photo; `rotation` is how far the stored pixels were turned
    clockwise to stand upright (0, 90, 180 or 270); `timing_ms` has milliseconds per stage; `picture` is the encoded
    photo with the faces drawn in, when one was asked for.
    """

    faces: tuple[Face, ...]
    width: int
    height: int
    rotation: int
    pack: str
    version: str
    engine: str
    timing_ms: Mapping[str, float] = field(default_factory=dict)
    picture: bytes | None = None

    @property
    def mean_confidence(self) -> float | None:
        """Mean detector confidence of the faces, or None without faces."""
        if not self.faces:
            return None
        return sum(face.detection.confidence for face in self.faces) / len(self.faces)
