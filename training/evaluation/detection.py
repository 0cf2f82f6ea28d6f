"""A detector's figures: portraits, streets, and photos without faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceattr.types import BGRImage
from training.evaluation.detectors import Contestant
from training.evaluation.estimates import Estimate, estimate
from training.evaluation.matching import Answer, Matched, Truth, matched, overlapping_pairs, size_of
from training.face_photos import FacePhoto, read_face_photos
from training.tars import images_of, is_held

LEAST_SIZE = 20.0
BANDS = ((12.0, 20.0), (20.0, 40.0), (40.0, 80.0), (80.0, float("inf")))
FILLS = 0.7
FALSE_PER_PHOTO = 0.05


@dataclass(frozen=True, slots=True)
class DetectorData:
    """Portraits and snapshots, streets and crowds, and photos without faces; none of them trained on."""

    web: list[FacePhoto]
    street: list[FacePhoto]
    empty: list[BGRImage]


@dataclass(frozen=True, slots=True)
class DetectorFigures:
    """What a detector does at its operating point `confidence`, and at any.

    `recall`: of faces labelled by hand; `recall_all`: of those a teacher is sure of too; `false_boxes`: per photo
    without faces; `threshold` and `recall_there`: the confidence with 0.05 of them, and the recall by hand there;
    `street_ap` and `street_recall`: of faces whose shorter side has 20 pixels; `bands`: average precision by that side;
    `kinds`: recall on the street by what a face wears; `curve`: recall and precision on the street, at most 200 points.
    """

    name: str
    confidence: float
    recall: Estimate
    recall_all: Estimate
    frame_filling: tuple[int, int]
    overlapping_pairs: int
    false_boxes: Estimate
    threshold: float
    recall_there: float
    street_ap: Estimate
    street_recall: Estimate
    street_false_boxes: Estimate
    bands: dict[str, Estimate]
    kinds: dict[str, tuple[float, int]]
    curve: tuple[list[float], list[float]]


def read_detector_data(data: Path) -> DetectorData:
    """The data to choose and compare detectors by. Raises DataError."""
    empty = [image for name, image in images_of(data / "nonface.tar") if is_held(name)]
    web, street = (read_face_photos(data / f"{name}_val.tar") for name in ("webfaces", "street"))
    return DetectorData(web, street, empty)


def measure_detector(contestant: Contestant, data: DetectorData) -> DetectorFigures:
    """All figures of one detector. Raises EngineError when it fails."""
    web, street = ([contestant.detector(photo.image) for photo in photos] for photos in (data.web, data.street))
    at = contestant.confidence
    empty = on_nothing([contestant.detector(image) for image in data.empty])
    by_hand = matched([by_hand_only(photo) for photo in data.web], web)
    everybody = matched([Truth(photo.faces, photo.ignored) for photo in data.web], web)
    large = matched([of_size(photo, LEAST_SIZE, float("inf")) for photo in data.street], street)
    threshold = threshold_of(empty)
    return DetectorFigures(
        contestant.name,
        at,
        recall=estimate(lambda weights: by_hand.recall(at, weights), by_hand.photos),
        recall_all=estimate(lambda weights: everybody.recall(at, weights), everybody.photos),
        frame_filling=_frame_filling(data.web, everybody, at),
        overlapping_pairs=sum(
            overlapping_pairs(boxes[scores >= at])
            for photo, (boxes, scores) in zip(data.web, web, strict=True)
            if len(photo.faces) == 1
        ),
        false_boxes=estimate(lambda weights: empty.false_boxes(at, weights), empty.photos),
        threshold=threshold,
        recall_there=by_hand.recall(threshold, np.ones(by_hand.photos)),
        street_ap=estimate(large.average_precision, large.photos),
        street_recall=estimate(lambda weights: large.recall(at, weights), large.photos),
        street_false_boxes=estimate(lambda weights: large.false_boxes(at, weights), large.photos),
        bands={_band(band): _band_precision(data.street, street, band) for band in BANDS},
        kinds=_recall_by_kind(data.street, street, at),
        curve=_thinned(large),
    )


def on_nothing(answers: Sequence[Answer]) -> Matched:
    """Answers on photos without faces."""
    nothing = np.empty((0, 4), np.float32)
    return matched([Truth(nothing, nothing)] * len(answers), answers)


def by_hand_only(photo: FacePhoto) -> Truth:
    """The faces labelled by hand; what only a teacher is sure of counts as neither."""
    return Truth(photo.faces[photo.by_hand], np.concatenate([photo.ignored, photo.faces[~photo.by_hand]]))


def of_size(photo: FacePhoto, low: float, high: float, kind: str = "") -> Truth:
    """The faces of a size in pixels, and of a kind if one is named; the others count as neither."""
    sizes = size_of(photo.faces)
    within = (sizes >= low) & (sizes < high)
    if kind:
        within &= np.array([other == kind for other in photo.kinds], np.bool_)
    return Truth(photo.faces[within], np.concatenate([photo.ignored, photo.faces[~within]]))


def threshold_of(empty: Matched) -> float:
    """The least confidence with at most 0.05 boxes per photo without faces."""
    allowed = int(FALSE_PER_PHOTO * empty.photos)
    scores = np.sort(empty.scores)[::-1]
    return float(np.nextafter(scores[allowed], np.float32(2))) if len(scores) > allowed else 0.0


def _frame_filling(photos: Sequence[FacePhoto], answers: Matched, confidence: float) -> tuple[int, int]:
    heights = [(photo.faces[:, 3] - photo.faces[:, 1]) / photo.image.shape[0] for photo in photos]
    fills = np.concatenate([np.empty(0, np.float32), *heights]) > FILLS
    return int((answers.found[fills] >= confidence).sum()), int(fills.sum())


def _band_precision(photos: Sequence[FacePhoto], answers: Sequence[Answer], band: tuple[float, float]) -> Estimate:
    found = matched([of_size(photo, *band) for photo in photos], answers, sizes=band)
    return estimate(found.average_precision, found.photos)


def _band(band: tuple[float, float]) -> str:
    return f"{band[0]:g}–{band[1]:g}" if np.isfinite(band[1]) else f"{band[0]:g}+"


def _recall_by_kind(
    photos: Sequence[FacePhoto], answers: Sequence[Answer], confidence: float
) -> dict[str, tuple[float, int]]:
    """Recall, and the number of faces, of each kind of face from 20 pixels."""
    recalls = {}
    for kind in sorted({kind for photo in photos for kind in photo.kinds if kind}):
        found = matched([of_size(photo, LEAST_SIZE, float("inf"), kind) for photo in photos], answers)
        recalls[kind] = found.recall(confidence, np.ones(found.photos)), len(found.found)
    return recalls


def _thinned(found: Matched) -> tuple[list[float], list[float]]:
    recall, precision = found.curve(np.ones(found.photos))
    picked = np.unique(np.linspace(0, max(len(recall) - 1, 0), 200).round().astype(int))[: len(recall)]
    return [round(float(recall[i]), 4) for i in picked], [round(float(precision[i]), 4) for i in picked]
