"""End to end on whole photos: encoded bytes in, faces with gender and age out, and how steady these are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from faceattr import geometry
from faceattr.analyzer import FaceAnalyzer
from faceattr.caffe.nms import iou
from faceattr.types import Analysis, BGRImage, Box, FloatArray
from training.evaluation.estimates import Estimate, estimate
from training.evaluation.matching import FOUND_IOU
from training.face_photos import FacePhoto, boxes_array, read_face_photos, with_our_boxes
from training.tars import DataError

JITTERS = 8
_SHIFT, _GROWTH = 0.05, 0.08
"""Standard deviations of a detector's error, in sides of the box: of its place and of its size."""


@dataclass(frozen=True, slots=True)
class PhotoFigures:
    """Whole photos through the analyzer.

    `answered`: share of the faces labelled by hand that come back with gender and age; `sure`: share of these not
    marked uncertain. For faces that come back: `same_gender` and `age_change` (mean, years) when the crop is cut by the
    label's box, as the detector learned to draw it, and not by the detector's; `steady_gender` and `age_spread`
    (standard deviation, years) when the detector's box is moved by 5 % and scaled by 8 % at random.
    """

    photos: int
    faces: int
    answered: Estimate
    sure: Estimate
    same_gender: Estimate
    age_change: Estimate
    steady_gender: Estimate
    age_spread: Estimate


def measure_photos(analyzer: FaceAnalyzer, data: Path) -> PhotoFigures:
    """All figures on `webfaces_val.tar`. Raises DataError, and PhotoError or EngineError from the analysis."""
    photos = read_face_photos(data / "webfaces_val.tar")
    return measure(analyzer, photos)


def measure(analyzer: FaceAnalyzer, photos: list[FacePhoto]) -> PhotoFigures:
    """The figures on photos; intervals count a photo's faces as one unit."""
    random = np.random.default_rng(1)
    rows: list[tuple[float, ...]] = []
    owner: list[int] = []
    for index, photo in enumerate(photos):
        analysis = analyzer.analyze(_encoded(photo.image))
        learned = with_our_boxes(photo).faces
        for label, box in zip(photo.faces[photo.by_hand], learned[photo.by_hand], strict=True):
            rows.append(_face(analyzer, photo.image, label, box, analysis, random))
            owner.append(index)
    if not rows:
        raise DataError("no photo has a face labelled by hand.")
    table, photo_of = np.array(rows), np.array(owner)

    def average(column: int) -> Estimate:
        values = table[:, column]
        known = np.isfinite(values)

        def statistic(weights: np.ndarray) -> float:
            each = weights[photo_of[known]]
            return float(each @ values[known] / each.sum()) if each.any() else float("nan")

        return estimate(statistic, len(photos))

    return PhotoFigures(len(photos), len(rows), *(average(column) for column in range(table.shape[1])))


def _encoded(image: BGRImage) -> bytes:
    _, content = cv2.imencode(".png", image)
    return content.tobytes()


def _face(
    analyzer: FaceAnalyzer,
    image: BGRImage,
    label: FloatArray,
    learned: FloatArray,
    analysis: Analysis,
    random: np.random.Generator,
) -> tuple[float, ...]:
    """One labelled face as a row of figures, NaN for those that it has none of as it was not found. `learned`: the box
    that our detector should give it."""
    boxes = boxes_array([_corners(face.detection.box) for face in analysis.faces])
    overlaps = iou(label[None], boxes)[0]
    if not overlaps.size or overlaps.max() <= FOUND_IOU:
        return 0.0, *[float("nan")] * 5
    found = int(overlaps.argmax())
    box = boxes[found]
    sides = box[2:] - box[:2]
    moved = np.tile(random.normal(0, _SHIFT, (JITTERS, 2)) * sides, 2)
    grown = random.normal(0, _GROWTH / 2, (JITTERS, 1)) * np.concatenate([-sides, sides])
    cuts = np.concatenate([[box, learned], box + moved + grown]).astype(np.float32)
    female, years = _answers(analyzer, image, geometry.clip(cuts, image.shape[1], image.shape[0]))
    return (
        1.0,
        float(not analysis.faces[found].uncertain),
        float(female[0] == female[1]),
        abs(float(years[0] - years[1])),
        float((female[2:] == female[0]).mean()),
        float(years[2:].std()),
    )


def _answers(analyzer: FaceAnalyzer, image: BGRImage, boxes: FloatArray) -> tuple[np.ndarray, np.ndarray]:
    """Whether each box (n, 4) shows a woman, and the age in years; (n,) each."""
    models = analyzer.models
    said = models.attributes.classify(models.attributes.crop(image, boxes))
    return np.array([gender.value == "Female" for gender, _ in said]), np.array([age.years for _, age in said])


def _corners(box: Box) -> list[float]:
    return [box.x_min, box.y_min, box.x_max, box.y_max]
