"""An Analysis in the shape that JSON answers have: `/analyze`, `analyze --json`. Additions only, for years."""

from __future__ import annotations

from typing import Any

from faceattr.types import Age, Analysis, Face


def answer(analysis: Analysis) -> dict[str, Any]:
    """The analysis as JSON-ready values; the picture and the request's id are for the caller to add."""
    return {
        "faces": [face_answer(face) for face in analysis.faces],
        "image": {"width": analysis.width, "height": analysis.height, "rotation": analysis.rotation},
        "model": {"pack": analysis.pack, "version": analysis.version, "engine": analysis.engine},
        "timing_ms": {stage: round(milliseconds, 2) for stage, milliseconds in analysis.timing_ms.items()},
    }


def face_answer(face: Face) -> dict[str, Any]:
    """One face as JSON-ready values."""
    x_min, y_min, x_max, y_max = face.detection.box.rounded()
    return {
        "box": {
            "x_min": x_min,
            "y_min": y_min,
            "x_max": x_max,
            "y_max": y_max,
            "probability": round(face.detection.confidence, 4),
        },
        "gender": {
            "value": face.gender.value,
            "probability": round(face.gender.probability, 4),
            "probabilities": {label: round(p, 4) for label, p in face.gender.probabilities.items()},
        },
        "age": _age(face.age),
        "quality": {
            "size_px": face.quality.size_px,
            "sharpness": round(face.quality.sharpness, 4),
            "brightness": round(face.quality.brightness, 4),
            "touches_edge": face.quality.touches_edge,
        },
        "uncertain": face.uncertain,
    }


def _age(age: Age) -> dict[str, Any]:
    values: dict[str, Any] = {
        "years": round(age.years, 1),
        "low": age.low,
        "high": age.high,
        "label": age.label,
        "probability": round(age.probability, 4),
        "interval": list(age.interval) if age.interval else None,
    }
    if age.distribution is not None:
        values["distribution"] = [round(p, 5) for p in age.distribution]
    return values
