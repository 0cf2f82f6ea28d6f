from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceattr import tiling, views
from faceattr.caffe.nms import iou
from faceattr.detector import SSDDetector
from faceattr.types import BGRImage, FloatArray

INPUT = (320, 320)


class MarkerDetector:
    """Finds grey rectangles on black whose sides are 12 or more pixels of a 320 × 320 input, even parts of them.

    A rectangle's level ÷ 255 is its confidence. `ghost`: views of this height and width have one more box, and sure.
    `leaning`: in views of this height and width boxes lie 6 pixels too far right.
    """

    input = INPUT

    def __init__(self, ghost: tuple[int, int] | None = None, leaning: tuple[int, int] | None = None) -> None:
        self.batches: list[int] = []
        self._ghost, self._leaning = ghost, leaning

    def detect_each(self, images: Sequence[BGRImage], min_confidence: float) -> list[tuple[FloatArray, FloatArray]]:
        self.batches.append(len(images))
        return [self._detect(image, min_confidence) for image in images]

    def _detect(self, image: BGRImage, min_confidence: float) -> tuple[FloatArray, FloatArray]:
        height, width = image.shape[:2]
        grey = np.ascontiguousarray(image[..., 0])
        boxes = []
        if grey.any():
            _, labels, stats, _ = cv2.connectedComponentsWithStats((grey > 0).astype(np.uint8))
            boxes = [(x, y, x + w, y + h, grey[labels == i][0] / 255) for i, (x, y, w, h, _) in enumerate(stats) if i]
        found = np.array(boxes, np.float32).reshape(-1, 5)
        if self._ghost == image.shape[:2]:
            found = np.vstack([found, np.array([[100, 100, 160, 160, 1.0]], np.float32)])
        if self._leaning == image.shape[:2]:
            found += np.array([6, 0, 6, 0, 0], np.float32)
        scale = np.array([320 / width, 320 / height], np.float32)
        seen = ((found[:, 2:4] - found[:, :2]) * scale >= 12).all(axis=1) & (found[:, 4] >= min_confidence)
        return found[seen, :4], found[seen, 4]


def marked(width: int, height: int, *rectangles: tuple[int, int, int, int], level: int = 255) -> BGRImage:
    image = np.zeros((height, width, 3), np.uint8)
    for left, top, right, bottom in rectangles:
        image[top:bottom, left:right] = level
    return image


def looked(image: BGRImage, detector: MarkerDetector | None = None, confidence: float = 0.5) -> list[list[float]]:
    size = (image.shape[1], image.shape[0])
    net = cast(SSDDetector, detector or MarkerDetector())
    boxes, confidences = views.detect_closely(net, image, size, confidence)
    assert (np.diff(confidences) <= 0).all()
    return boxes.tolist()  # type: ignore[no-any-return]


def test_a_face_too_small_for_the_whole_photo_is_found_where_it_is() -> None:
    image = marked(1600, 1200, (700, 333, 724, 361))
    assert MarkerDetector().detect_each([image], 0.5)[0][0].shape == (0, 4)
    assert looked(image) == [[700, 333, 724, 361]]


def test_a_face_that_fills_the_frame_is_one_face() -> None:
    assert looked(marked(1600, 1200, (300, 40, 1300, 1160))) == [[300, 40, 1300, 1160]]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1900), st.integers(0, 1400), st.sampled_from([24, 40, 70, 100, 160, 240, 360]), st.booleans())
def test_wherever_a_face_lies_it_is_found_once_and_whole(left: int, top: int, side: int, upright: bool) -> None:
    width, height = (1920, 1440) if upright else (1440, 1920)
    left, top = min(left, width - side), min(top, height - side)
    assert looked(marked(width, height, (left, top, left + side, top + side))) == [[left, top, left + side, top + side]]


def test_every_face_of_a_crowd_is_found_once() -> None:
    crowd = [(x, y, x + 30, y + 36) for y in range(20, 1380, 85) for x in range(10, 1880, 97)]
    found = np.array(looked(marked(1920, 1440, *crowd)), np.float32)
    assert len(found) == len(crowd)
    assert (iou(np.array(crowd, np.float32), found).max(axis=1) == 1).all()


def test_a_face_at_the_edge_of_the_photo_is_not_taken_for_one_cut_by_a_tile() -> None:
    corners = [(0, 0, 60, 80), (1860, 0, 1920, 80), (0, 1360, 60, 1440), (1860, 1360, 1920, 1440)]
    assert sorted(looked(marked(1920, 1440, *corners))) == sorted([float(v) for v in row] for row in corners)


def test_what_one_view_alone_takes_for_a_face_is_none() -> None:
    face, image = [1200, 900, 1300, 1000], marked(1920, 1440, (1200, 900, 1300, 1000))
    coarse = tiling.views((1920, 1440), (1920, 1440), INPUT)[1:5]
    ghosts = [[left + 100, top + 100, left + 160, top + 160] for left, top, _, _ in coarse.tolist()]
    shape = (int(coarse[0, 3]), int(coarse[0, 2]))
    assert looked(image, MarkerDetector(ghost=shape)) == [face]
    assert sorted(looked(image, MarkerDetector(ghost=shape), 0.4)) == sorted([face, *ghosts])


def test_the_confidence_is_that_of_views_that_agree() -> None:
    image = marked(1920, 1440, (1200, 900, 1300, 1000), level=204)
    _, confidences = views.detect_closely(cast(SSDDetector, MarkerDetector()), image, (1920, 1440), 0.5)
    assert confidences.tolist() == pytest.approx([0.8])
    assert looked(image, confidence=0.81) == []


def test_a_box_is_the_mean_of_what_views_saw() -> None:
    image = marked(400, 300, (150, 60, 210, 130))
    tile = tiling.views((400, 300), (400, 300), INPUT)[1]
    ((left, top, right, bottom),) = looked(image, MarkerDetector(leaning=(int(tile[3]), int(tile[2]))))
    assert 151 < left < 155
    assert (right - left, top, bottom) == pytest.approx((60, 60, 130), abs=1e-3)


def test_a_whole_photo_is_also_seen_in_a_mirror_and_what_is_seen_there_lies_where_it_is() -> None:
    face, alone = [10.0, 30.0, 70.0, 110.0], marked(180, 200, (10, 30, 70, 110))
    assert len(tiling.views((180, 200), (180, 200), INPUT)) == 1
    assert looked(alone) == [face]
    assert looked(alone, MarkerDetector(leaning=(200, 180))) == [face], "leaning to one side is made up for"
    ghosts = [[100.0, 100.0, 160.0, 160.0], [20.0, 100.0, 80.0, 160.0]]
    assert looked(alone, MarkerDetector(ghost=(200, 180))) == [face], "what shows on one side only is no face"
    assert sorted(looked(alone, MarkerDetector(ghost=(200, 180)), 0.4)) == sorted([face, *ghosts])


def test_views_go_to_the_net_in_batches_of_bounded_size() -> None:
    detector = MarkerDetector()
    looked(marked(1920, 1440), detector)
    assert sum(detector.batches) == 1 + len(tiling.views((1920, 1440), (1920, 1440), INPUT)) > 16
    assert max(detector.batches) == views.BATCH


def test_faces_of_a_long_photo_are_found_once_and_whole() -> None:
    faces = [(x, 40, x + 30, 90) for x in range(0, 1560, 55)]
    image, detector = marked(1600, 160, *faces), MarkerDetector()
    assert len(detector.detect_each([image], 0.5)[0][0]) == 0
    found, confidences = views.detect_evenly(cast(SSDDetector, detector), image, 0.5)
    assert sorted(found.tolist()) == sorted(list(map(float, face)) for face in faces)
    assert (confidences == 1).all()


def test_a_face_nearly_as_large_as_a_long_photo_is_high_is_found_whole_wherever_it_is() -> None:
    for left in range(0, 900, 37):
        face = [left, 5, left + 100, 155]
        detector = cast(SSDDetector, MarkerDetector())
        assert views.detect_evenly(detector, marked(1000, 160, tuple(face)), 0.5)[0].tolist() == [face]  # type: ignore[arg-type]
