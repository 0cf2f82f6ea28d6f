"""What a pack says of its own accuracy, for `GET /models`: the figures of `training.evaluate`, without intervals."""

from __future__ import annotations

from pathlib import Path

from faceattr.analyzer import FaceAnalyzer
from faceattr.settings import Settings
from training.evaluation.attributes import measure_attributes
from training.evaluation.detection import measure_detector, read_detector_data
from training.evaluation.detectors import of_pack


def accuracy_of(pack: Path, data: Path) -> dict[str, float]:
    """A pack's figures on the photos held back; an age error in years, shares of 1.

    Raises DataError, PackError, and EngineError when a net fails.
    """
    analyzer = FaceAnalyzer.from_settings(Settings(models=str(pack), slots=1))
    models = analyzer.models
    chips = measure_attributes(models.pack, models.attributes, data).groups[0]
    plain = next(of_pack(analyzer))
    faces = measure_detector(plain, read_detector_data(data))
    return {
        "age_mae_years": round(chips.age_error.value, 2),
        "gender_accuracy": round(chips.gender_right.value, 4),
        "interval_coverage": round(chips.interval_covers.value, 3),
        "face_recall": round(faces.recall.value, 3),
        "false_faces_per_empty_photo": round(faces.false_boxes.value, 3),
        "street_average_precision": round(faces.street_ap.value, 3),
    }
