"""The detector's operating point and calibration, folded into its confidence heads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceattr.analyzer import FaceAnalyzer
from faceattr.caffe.nms import iou
from faceattr.settings import Settings
from faceattr.types import FloatArray
from faceattr.views import detect_evenly
from training import calibration
from training.caffemodel import Blobs
from training.changing import with_changed
from training.detector_check import LEAST
from training.evaluation.detection import on_nothing, read_detector_data, threshold_of
from training.evaluation.matching import FOUND_IOU, Answer
from training.face_photos import FacePhoto
from training.modules import Weights

Floats = NDArray[np.float64]

ROUNDING = 1e-3
"""Added to the threshold's logit: weights and engines round, and a false box right below it must stay below."""


def confidence_of(
    empty: Sequence[Answer], photos: Sequence[FacePhoto], answers: Sequence[Answer]
) -> tuple[float, float]:
    """What to take from the face logits, and what to multiply the rest by.

    A confidence of 0.5 then comes with 0.05 false boxes per photo of `empty`, and others are as right as they say.
    """
    threshold = float(_logit(np.array([threshold_of(on_nothing(empty))]))[0]) + ROUNDING
    logits, right = [], []
    for photo, (boxes, scores) in zip(photos, answers, strict=True):
        on_face = iou(boxes, photo.faces).max(axis=1, initial=0.0) > FOUND_IOU
        unclear = iou(boxes, photo.ignored).max(axis=1, initial=0.0) > FOUND_IOU
        logits.append(_logit(scores)[on_face | ~unclear])
        right.append(on_face[on_face | ~unclear])
    scale = calibration.confidence_scale(np.concatenate(logits), np.concatenate(right), threshold)
    print(f"confidence: (logit − {threshold:.3f}) × {scale:.3f}")
    return threshold, scale


def calibrated(heads: Weights, scale: float, threshold: float) -> Weights:
    """Confidence heads with their face logits moved down by `threshold`, then × `scale`."""
    changed = {}
    for head, (weight, bias) in heads.items():
        moved = bias.copy()
        moved[1::2] -= np.float32(threshold)
        changed[head] = (weight * np.float32(scale), moved * np.float32(scale))
    return changed


def recalibrated(pack: Path, data: Path) -> tuple[str, bytes]:
    """Prototxt and caffemodel of a pack's SSD, calibrated anew; its heads are the layers with `conf` in their names."""
    text, binary = ((pack / f"deploy_face.{kind}").read_bytes() for kind in ("prototxt", "caffemodel"))
    detector = FaceAnalyzer.from_settings(Settings(models=str(pack), slots=1)).models.detector
    held = read_detector_data(data)
    empty = [detect_evenly(detector, image, LEAST) for image in held.empty]
    web = [detect_evenly(detector, photo.image, LEAST) for photo in held.web]
    threshold, scale = confidence_of(empty, held.web, web)

    def changed(name: str, blobs: Blobs) -> Blobs:
        return calibrated({name: (blobs[0], blobs[1])}, scale, threshold)[name] if "conf" in name else blobs

    return text.decode(), with_changed(text, binary, changed)


def _logit(probabilities: FloatArray | Floats) -> Floats:
    values = np.clip(probabilities.astype(np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(values / (1 - values)))
