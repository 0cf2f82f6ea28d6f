from __future__ import annotations

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceattr.detector import SSDDetector
from faceattr.engines.opencv import OpenCVEngine
from faceattr.errors import EngineError
from faceattr.loader import load_models
from faceattr.packs import load_pack
from faceattr.settings import Settings
from faceattr.types import BGRImage, FloatArray
from tests.caffe_files import write_articles_form
from tests.conftest import BUILT_IN
from tests.opencv_caffe import caffe_net

SPEC = load_pack(BUILT_IN).detector
NOISE = np.random.default_rng(0).integers(0, 256, (200, 400, 3), np.uint8)


class FixedDetector:
    def __init__(self, *rows: tuple[float, ...], shape: tuple[int, ...] | None = None) -> None:
        output = np.array([(0, 1, *row) for row in rows], np.float32).reshape(1, 1, -1, 7)
        self._output = np.zeros(shape, np.float32) if shape else output
        self.blobs: list[FloatArray] = []

    def __call__(self, blob: FloatArray) -> dict[str, FloatArray]:
        self.blobs.append(blob)
        return {"detection_out": self._output}

    def settle(self) -> None:
        pass


def test_fractions_become_pixels_of_the_image() -> None:
    boxes, confidences = SSDDetector(FixedDetector((0.9, 0.25, 0.5, 0.5, 1.0)), SPEC).detect(NOISE, 0.5)
    assert boxes.tolist() == [[100, 100, 200, 200]]
    assert confidences.tolist() == pytest.approx([0.9])


def test_weak_boxes_and_boxes_centred_outside_are_dropped_and_the_rest_clipped() -> None:
    net = FixedDetector(
        (0.9, -0.1, -0.1, 0.5, 0.5), (0.8, 0.9, 0.9, 1.4, 1.4), (0.6, 0.1, 0.1, 0.2, 0.2), (0.95, 3.0, 3.0, 4.0, 4.0)
    )
    boxes, _ = SSDDetector(net, SPEC).detect(NOISE, 0.7)
    assert boxes.tolist() == [[0, 0, 200, 100]]


def test_a_letterboxed_image_gets_its_boxes_back_in_its_own_pixels() -> None:
    net = FixedDetector((0.9, 0.25, 0.25, 0.5, 0.5))
    boxes, _ = SSDDetector(net, dataclasses.replace(SPEC, resize="letterbox")).detect(NOISE, 0.5)
    assert boxes.tolist() == [[100, 100, 200, 200]]
    # The lower half is the mean colour: nothing to find there.
    assert np.abs(net.blobs[0][0, :, 161:]).max() <= 0.5 * SPEC.scale + 1e-6


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_image_without_contrast_runs_no_net(level: int) -> None:
    net = FixedDetector((0.9, 0.1, 0.1, 0.5, 0.5))
    flat = np.full((480, 640, 3), level, np.uint8)
    flat[::7, ::5] += np.uint8(5) if level < 250 else np.uint8(0)
    boxes, confidences = SSDDetector(net, SPEC).detect(flat, 0.5)
    assert boxes.shape == (0, 4)
    assert confidences.shape == (0,)
    assert net.blobs == []


class BatchDetector:
    """Answers each image of a blob with one box, as far right as the image is bright, and remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, blob: FloatArray) -> dict[str, FloatArray]:
        self.batches.append(len(blob))
        bright = (blob.mean(axis=(1, 2, 3)) / SPEC.scale + SPEC.mean[0]) / 255
        rows = [(i, 1, 0.9, b - 0.1, 0.4, b + 0.1, 0.6) for i, b in enumerate(bright)]
        return {"detection_out": np.array(rows, np.float32).reshape(1, 1, -1, 7)}

    def settle(self) -> None:
        pass


def grey_level(level: int, width: int) -> BGRImage:
    image = np.full((100, width, 3), level, np.uint8)
    image[:, ::2] += np.uint8(20)
    return image


def test_several_images_go_through_the_net_at_once_and_keep_their_own_boxes() -> None:
    net = BatchDetector()
    flat = np.full((100, 100, 3), 90, np.uint8)
    images = [grey_level(50, 200), flat, grey_level(150, 400)]
    first, none, last = SSDDetector(net, SPEC).detect_each(images, 0.5)
    assert net.batches == [2]
    assert first[0][0] == pytest.approx([(60 / 255 - 0.1) * 200, 40, (60 / 255 + 0.1) * 200, 60], abs=1)
    assert none[0].shape == (0, 4)
    assert last[0][0] == pytest.approx([(160 / 255 - 0.1) * 400, 40, (160 / 255 + 0.1) * 400, 60], abs=1)


def test_no_images_run_no_net() -> None:
    net = BatchDetector()
    assert SSDDetector(net, SPEC).detect_each([], 0.5) == []
    assert net.batches == []


@pytest.mark.parametrize("shape", [(1, 101), (1, 1, 3, 6), (7,)])
def test_an_answer_that_is_no_ssds_is_an_engine_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(EngineError, match="the detector answered with shape"):
        SSDDetector(FixedDetector(shape=shape), SPEC).detect(NOISE, 0.5)


@pytest.fixture(scope="module")
def astronaut_image(astronaut: bytes) -> BGRImage:
    return np.asarray(cv2.imdecode(np.frombuffer(astronaut, np.uint8), cv2.IMREAD_COLOR), np.uint8)


@pytest.fixture(scope="module")
def detector() -> SSDDetector:
    return load_models(Settings(models=str(BUILT_IN), slots=1), OpenCVEngine(1, 1)).detector


@pytest.mark.parametrize("contrast", [1.0, 0.5, 0.25, 0.15])
def test_a_face_of_low_contrast_that_the_net_can_find_is_not_skipped(
    detector: SSDDetector, astronaut_image: BGRImage, contrast: float
) -> None:
    pale = (astronaut_image.astype(np.float32) * contrast + 120 * (1 - contrast)).astype(np.uint8)
    assert len(detector.detect(pale, 0.5)[0]) == 1


@pytest.mark.parametrize("scale", [0.15, 0.5, 1.0, 3.0, 7.0])
def test_a_face_is_found_at_any_size_of_the_photo(
    detector: SSDDetector, astronaut_image: BGRImage, scale: float
) -> None:
    image = np.asarray(cv2.resize(astronaut_image, None, fx=scale, fy=scale), np.uint8)
    boxes, _ = detector.detect(image, 0.7)
    assert len(boxes) == 1
    assert boxes[0] / scale == pytest.approx([178, 64, 274, 180], abs=12)


def test_a_batch_finds_what_its_images_alone_do(detector: SSDDetector, astronaut_image: BGRImage) -> None:
    images = [astronaut_image, astronaut_image[:, ::-1], astronaut_image[:300, 100:400]]
    for (boxes, confidences), image in zip(detector.detect_each(images, 0.5), images, strict=True):
        alone, sure = detector.detect(image, 0.5)
        assert len(boxes) == len(alone) == 1
        assert boxes == pytest.approx(alone, abs=0.5)
        assert confidences == pytest.approx(sure, abs=1e-3)


def test_a_frame_filling_face_has_one_box_by_the_published_detector(
    tmp_path: Path, reference_models: Path, astronaut_image: BGRImage
) -> None:
    directory = write_articles_form(tmp_path / "models", reference_models / "res10")
    corrected = load_models(Settings(models=str(directory), slots=1), OpenCVEngine(1, 1)).detector
    filling = astronaut_image[55:185, 170:285]
    boxes, _ = corrected.detect(filling, 0.5)
    assert len(boxes) == 1
    published = caffe_net(
        (directory / "deploy_face.prototxt").read_bytes(), (directory / "deploy_face.caffemodel").read_bytes()
    )
    published.setInput(cv2.dnn.blobFromImage(filling, 1.0, (300, 300), (104, 177, 123)))
    assert (published.forward()[0, 0, :, 2] > 0.5).sum() > 1
