"""Faces → a line of text for the state, and back. What comes back is rounded as the tables round it, and only once."""

from __future__ import annotations

import json
from typing import Any

from faceattr.types import Age, Box, Detection, Face, Gender, Quality


def encode(faces: tuple[Face, ...]) -> str | None:
    """The faces as compact JSON, a list each; None without faces. Age distributions are left out."""
    if not faces:
        return None
    return json.dumps([_values(face) for face in faces], ensure_ascii=False, separators=(",", ":"))


def decode(text: str | None) -> tuple[Face, ...]:
    """What `encode` was given, boxes in whole pixels, years to one decimal, all else to four.

    Raises ValueError for text that `encode` did not make.
    """
    if text is None:
        return ()
    try:
        return tuple(_face(*values) for values in json.loads(text))
    except (TypeError, AttributeError) as cause:
        raise ValueError(f"not a list of faces: {cause}") from cause


def _values(face: Face) -> list[Any]:
    gender, age, quality = face.gender, face.age, face.quality
    return [
        face.detection.box.rounded(),
        round(face.detection.confidence, 4),
        gender.value,
        round(gender.probability, 4),
        {label: round(probability, 4) for label, probability in gender.probabilities.items()},
        [round(age.years, 1), age.low, age.high, age.label, round(age.probability, 4), age.interval],
        [quality.size_px, round(quality.sharpness, 4), round(quality.brightness, 4), quality.touches_edge],
        face.uncertain,
    ]


def _face(
    box: list[int],
    confidence: float,
    gender: str,
    gender_probability: float,
    genders: dict[str, float],
    age: list[Any],
    quality: list[Any],
    uncertain: bool,
) -> Face:
    years, low, high, label, age_probability, interval = age
    return Face(
        Detection(Box(*box), confidence),
        Gender(gender, gender_probability, genders),
        Age(years, low, high, label, age_probability, (interval[0], interval[1]) if interval else None),
        Quality(*quality),
        uncertain,
    )
