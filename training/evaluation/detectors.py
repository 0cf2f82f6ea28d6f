"""Detectors as plain functions of an image: the pack's own, with and without a closer look, and public peers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from faceattr import geometry
from faceattr.analyzer import FaceAnalyzer
from faceattr.caffe.priors import correct_prior_steps
from faceattr.detector import SSDDetector
from faceattr.engines import CaffeEngine
from faceattr.engines.choice import choose_engine
from faceattr.errors import EngineError
from faceattr.packs.articles import articles_pack
from faceattr.types import BGRImage
from faceattr.views import detect_closely, detect_evenly
from training.evaluation.matching import Answer, Detector
from training.tars import DataError

LEAST = 0.05
_YUNET_CONFIDENCE = 0.7
_YUNET_OVERLAP, _YUNET_MOST = 0.3, 5000
"""Non-maximum suppression and its first step, as cv2.FaceDetectorYN has them."""


@dataclass(frozen=True, slots=True)
class Contestant:
    """A detector, what it is called, and the confidence that it is used at."""

    name: str
    detector: Detector
    confidence: float


def of_pack(analyzer: FaceAnalyzer) -> Iterator[Contestant]:
    """A pack's detector on the whole photo, and with `detail=high`."""
    pack, detector = analyzer.models.pack, analyzer.models.detector

    def plain(image: BGRImage) -> Answer:
        return detect_evenly(detector, image, LEAST)

    def closely(image: BGRImage) -> Answer:
        height, width = image.shape[:2]
        return detect_closely(detector, image, (width, height), LEAST)

    width, height = pack.detector.input
    size = f"{width}" if width == height else f"{width}×{height}"
    yield Contestant(f"{pack.name}, {size}", plain, pack.detector.min_confidence)
    yield Contestant(f"{pack.name}, {size}, detail=high", closely, pack.detector.min_confidence)


def peers(folder: Path) -> Iterator[Contestant]:
    """Public detectors in a folder: `res10/deploy_face.*` and `yunet/yunet_n_*.onnx`. Raises DataError without any."""
    found = [*_res10(folder / "res10"), *_yunet(folder / "yunet")]
    if not found:
        raise DataError(f"{folder} holds neither res10/deploy_face.prototxt nor yunet/yunet_n_*.onnx.")
    yield from found


def _res10(folder: Path) -> Iterator[Contestant]:
    """As published, with two wrong prior steps and every box that it answers, and as we load it; both by OpenCV."""
    spec = articles_pack(folder).detector
    prototxt, weights = folder / spec.files.prototxt, folder / spec.files.weights
    if not prototxt.is_file():
        return
    engine = choose_engine("opencv", "f32", 1, 1, onnx=False)
    if not isinstance(engine, CaffeEngine):
        raise EngineError("res10 as published is read by OpenCV 4 only.")
    published = prototxt.read_text(encoding="utf-8")
    corrected, _ = correct_prior_steps(published, spec.input)
    as_is, ours = (
        SSDDetector(engine.load_caffe(text.encode(), weights.read_bytes()), spec) for text in (published, corrected)
    )

    def every_box(image: BGRImage) -> Answer:
        blob = geometry.to_blob([geometry.resize(image, *spec.input)], spec.mean, spec.scale)
        rows = as_is.forward(blob)
        rows = rows[rows[:, 2] >= LEAST]
        return rows[:, 3:7] * np.array([*image.shape[1::-1]] * 2, np.float32), rows[:, 2]

    yield Contestant(f"res10, {spec.input[0]}, as published", every_box, spec.min_confidence)
    yield Contestant(
        f"res10, {spec.input[0]}, steps corrected", lambda image: ours.detect(image, LEAST), spec.min_confidence
    )


def _yunet(folder: Path) -> Iterator[Contestant]:
    for path in sorted(folder.glob("yunet_n_*.onnx")):
        side = int(path.stem.rsplit("_", 1)[1])
        yield Contestant(f"YuNet-n, {side}", yunet(path, side), _YUNET_CONFIDENCE)


def yunet(path: Path, side: int) -> Detector:
    """YuNet on images scaled to `side` pixels along their longer side and filled up with black. Raises DataError."""
    try:
        net = cv2.FaceDetectorYN.create(str(path), "", (side, side), LEAST, _YUNET_OVERLAP, _YUNET_MOST)
    except cv2.error as error:
        raise DataError(f"{path} is no YuNet that OpenCV can read: {error.err}.") from None

    def detect(image: BGRImage) -> Answer:
        height, width = image.shape[:2]
        scale = side / max(width, height)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        canvas = np.zeros((side, side, 3), np.uint8)
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        canvas[: inner[1], : inner[0]] = cv2.resize(image, inner, interpolation=how)
        _, rows = net.detect(canvas)
        found = np.zeros((0, 15), np.float32) if rows is None else np.asarray(rows, np.float32)
        found = found[np.argsort(-found[:, 14], kind="stable")]
        factor = np.array([width / inner[0], height / inner[1]], np.float32)
        corners = np.concatenate([found[:, :2] * factor, (found[:, :2] + found[:, 2:4]) * factor], axis=1)
        limits = np.array([width, height, width, height], np.float32)
        return np.clip(corners, 0, limits).astype(np.float32), np.asarray(found[:, 14], np.float32)

    return detect
