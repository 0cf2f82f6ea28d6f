"""Which boxes are faces: a detector's answers against labels, and the curves that come of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceattr.caffe.nms import iou
from faceattr.types import BGRImage, FloatArray
from training.evaluation.estimates import Weights

FOUND_IOU, OVERLAP_IOU = 0.4, 0.15

Answer = tuple[FloatArray, FloatArray]
"""Boxes (n, 4) in an image's pixels and confidences (n,), most confident first."""
Detector = Callable[[BGRImage], Answer]
"""Finds faces down to a confidence of 0.05, so that curves are whole."""

FALSE, EITHER = -1, -2


@dataclass(frozen=True, slots=True)
class Truth:
    """What a photo shows: faces (n, 4), and boxes (m, 4) that count neither when found nor when missed."""

    faces: FloatArray
    ignored: FloatArray


@dataclass(frozen=True, slots=True)
class Matched:
    """Answers on p photos, matched: boxes that are right or false, and for each face by which confidence it is found.

    `scores`, `right` and `photo` (b,): of the boxes that count; `found` (f,): the confidence of each face's box, −1
    where it has none; `face_photo` (f,).
    """

    photos: int
    scores: FloatArray
    right: NDArray[np.bool_]
    photo: NDArray[np.intp]
    found: FloatArray
    face_photo: NDArray[np.intp]

    def recall(self, confidence: float, weights: Weights) -> float:
        """Share of the faces that have a box of this confidence; `weights` (p,) of the photos."""
        each = weights[self.face_photo]
        return float(each @ (self.found >= confidence)) / float(each.sum()) if each.any() else float("nan")

    def false_boxes(self, confidence: float, weights: Weights) -> float:
        """Boxes of this confidence that are no face, per photo."""
        false = ~self.right & (self.scores >= confidence)
        return float(weights[self.photo[false]].sum() / weights.sum()) if weights.any() else float("nan")

    def curve(self, weights: Weights) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Recall and precision (b,) after each box, most confident first."""
        order = np.argsort(-self.scores, kind="stable")
        each = weights[self.photo[order]]
        hits = np.cumsum(each * self.right[order])
        faces = float(weights[self.face_photo].sum())
        return hits / max(faces, 1e-9), hits / np.maximum(np.cumsum(each), 1e-9)

    def average_precision(self, weights: Weights) -> float:
        """Area under the precision–recall curve, each precision the best at that recall or more; NaN without faces."""
        if not weights[self.face_photo].any():
            return float("nan")
        recall, precision = self.curve(weights)
        best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
        return float((np.diff(recall, prepend=0.0) * best_from_here).sum())


def match(boxes: FloatArray, truth: Truth) -> NDArray[np.intp]:
    """What each box (b, 4), most confident first, shows: (b,) the index of a face, FALSE or EITHER.

    A box shows the face that it overlaps most, with IoU > 0.4, and that no box before it shows.
    """
    shown = np.full(len(boxes), FALSE)
    overlaps, unsure = iou(boxes, truth.faces), iou(boxes, truth.ignored).max(axis=1, initial=0.0)
    for index, overlap in enumerate(overlaps):
        face = int(overlap.argmax()) if overlap.size else -1
        if face >= 0 and overlap[face] > FOUND_IOU:
            shown[index] = face
            overlaps[:, face] = 0.0
        elif unsure[index] > FOUND_IOU:
            shown[index] = EITHER
    return shown


def matched(truths: Sequence[Truth], answers: Sequence[Answer], sizes: tuple[float, float] | None = None) -> Matched:
    """Answers on photos against their truths. `sizes`: false boxes of other sizes do not count."""
    scores, right, photo = [], [], []
    found, face_photo = [], []
    for index, (truth, (boxes, confidences)) in enumerate(zip(truths, answers, strict=True)):
        shown = match(boxes, truth)
        counts = shown != EITHER
        if sizes is not None:
            own = size_of(boxes)
            counts &= (shown >= 0) | ((own >= sizes[0]) & (own < sizes[1]))
        by_face = np.full(len(truth.faces), -1.0, np.float32)
        by_face[shown[shown >= 0]] = confidences[shown >= 0]
        scores.append(confidences[counts])
        right.append(shown[counts] >= 0)
        photo.append(np.full(int(counts.sum()), index))
        found.append(by_face)
        face_photo.append(np.full(len(by_face), index))
    return Matched(
        len(truths),
        np.concatenate([np.empty(0, np.float32), *scores]),
        np.concatenate([np.empty(0, np.bool_), *right]),
        np.concatenate([np.empty(0, np.intp), *photo]),
        np.concatenate([np.empty(0, np.float32), *found]),
        np.concatenate([np.empty(0, np.intp), *face_photo]),
    )


def size_of(boxes: FloatArray) -> FloatArray:
    """Size of boxes (n, 4) as `min_face` means it: the shorter side, (n,) in pixels."""
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf), np.float32)


def overlapping_pairs(boxes: FloatArray) -> int:
    """Pairs of boxes (n, 4) with IoU > 0.15."""
    return int((np.triu(iou(boxes, boxes), 1) > OVERLAP_IOU).sum())
