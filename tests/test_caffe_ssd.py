"""The SSD head by cases worked out by hand: what OpenCV lacks, what the file format allows, what nets get wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from faceattr.caffe.graph import Node, Param
from faceattr.caffe.nms import iou, suppress
from faceattr.caffe.ssd import Rules, SSDHead
from faceattr.errors import CaffeError
from tests.ssd_graphs import OUTPUT

VARIANCE = (0.1, 0.1, 0.2, 0.2)
SQUARES = ((0.0, 0.0, 0.2, 0.2), (0.4, 0.4, 0.6, 0.6), (0.8, 0.8, 1.0, 1.0))
"""Priors that do not meet."""


def floats(values: Any) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def head_on(priors: tuple[tuple[float, ...], ...], **params: Param) -> SSDHead:
    rules = Rules.of(Node("out", "DetectionOutput", (), (), {**OUTPUT, **params}))
    return SSDHead("loc", "conf", floats(priors), floats([VARIANCE] * len(priors)), rules)


def detect(head: SSDHead, *confidences: float) -> NDArray[np.float32]:
    """The rows for one image with the given confidences (p × classes) and no prior moved."""
    return head(np.zeros((1, len(head.priors) * 4), np.float32), floats([confidences]))[0]


# The prior is 0.4 wide and 0.2 high around (0.4, 0.4); the locations are 1, 2, 3, -1.
CODES = [
    ("CORNER", False, (0.3, 0.5, 1.2, 0.3)),
    ("CORNER", True, (1.2, 2.3, 3.6, -0.5)),
    ("CORNER_SIZE", False, (0.24, 0.34, 0.84, 0.46)),
    ("CORNER_SIZE", True, (0.6, 0.7, 1.8, 0.3)),
    (
        "CENTER_SIZE",
        False,
        tuple(c + s * h for s in (-1, 1) for c, h in ((0.44, 0.2 * math.exp(0.6)), (0.44, 0.1 * math.exp(-0.2)))),
    ),
    (
        "CENTER_SIZE",
        True,
        tuple(c + s * h for s in (-1, 1) for c, h in ((0.8, 0.2 * math.exp(3)), (0.8, 0.1 * math.exp(-1)))),
    ),
]


@pytest.mark.parametrize(("code", "in_target", "box"), CODES)
def test_every_code_type_decodes_as_its_formula_says(code: str, in_target: bool, box: tuple[float, ...]) -> None:
    head = head_on(((0.2, 0.3, 0.6, 0.5),), code_type=code, variance_encoded_in_target=in_target)
    (rows,) = head(floats([[1, 2, 3, -1]]), floats([[0.1, 0.9]]))
    np.testing.assert_allclose(rows, floats([[0, 1, 0.9, *box]]), rtol=1e-5)


def test_nothing_above_the_threshold_is_an_empty_answer() -> None:
    head = head_on(SQUARES, confidence_threshold=0.5)
    rows = detect(head, 0.5, 0.5, 0.6, 0.4, 1, 0)
    assert rows.shape == (0, 7)
    assert rows.dtype == np.float32
    assert head(np.empty((0, 12), np.float32), np.empty((0, 6), np.float32)) == []


def test_boxes_come_best_first_and_equal_scores_in_the_order_of_their_priors() -> None:
    rows = detect(head_on(SQUARES), 0, 0.5, 0, 0.9, 0, 0.5)
    np.testing.assert_allclose(rows[:, 3:], floats([SQUARES[1], SQUARES[0], SQUARES[2]]), atol=1e-6)
    np.testing.assert_array_equal(rows[:, 2], floats([0.9, 0.5, 0.5]))


def test_of_equal_boxes_with_equal_scores_one_stays() -> None:
    assert len(detect(head_on(SQUARES[:1] * 3), 0, 0.5, 0, 0.5, 0, 0.5)) == 1


@pytest.mark.parametrize(
    ("params", "kept"),
    [
        ({}, [(1, 0.9), (2, 0.8), (1, 0.7), (2, 0.6)]),
        ({"keep_top_k": -1}, [(1, 0.9), (2, 0.8), (1, 0.7), (2, 0.6)]),
        ({"keep_top_k": 3}, [(1, 0.9), (2, 0.8), (1, 0.7)]),
        ({"keep_top_k": 0}, []),
        ({"nms_top_k": 1}, [(1, 0.9), (2, 0.8)]),
        ({"nms_top_k": -1}, [(1, 0.9), (2, 0.8), (1, 0.7), (2, 0.6)]),
        ({"confidence_threshold": 0.65}, [(1, 0.9), (2, 0.8), (1, 0.7)]),
        ({"background_label_id": 1}, [(2, 0.8), (2, 0.6), (0, 0.1)]),
        ({"background_label_id": -1}, [(1, 0.9), (2, 0.8), (1, 0.7), (2, 0.6), (0, 0.1)]),
    ],
)
def test_limits_hold_per_class_or_over_all_as_they_should(
    params: Mapping[str, Param], kept: list[tuple[int, float]]
) -> None:
    head = head_on(SQUARES, num_classes=3, **params)
    rows = detect(head, *(0.1, 0.9, 0), *(0, 0.7, 0.6), *(0, 0, 0.8))
    assert [(int(label), round(float(score), 4)) for label, score in rows[:, 1:3]] == kept


def test_classes_that_share_no_location_each_use_their_own() -> None:
    head = head_on(SQUARES[:1], num_classes=3, share_location=False, code_type="CORNER")
    (rows,) = head(floats([[9, 9, 9, 9, 1, 1, 1, 1, 2, 2, 2, 2]]), floats([[0, 0.5, 0.6]]))
    expected = [[0, 2, 0.6, 0.2, 0.2, 0.6, 0.6], [0, 1, 0.5, 0.1, 0.1, 0.4, 0.4]]
    np.testing.assert_allclose(rows, floats(expected), rtol=1e-6)


def test_images_of_a_batch_are_answered_each_for_itself() -> None:
    head = head_on(SQUARES[:1])
    first, second, third = head(np.zeros((3, 4), np.float32), floats([[0, 0.5], [1, 0], [0, 0.7]]))
    assert (first[0, 0], len(second), third[0, 0]) == (0, 0, 2)
    np.testing.assert_array_equal(first[:, 3:], third[:, 3:])


# Overlaps of three boxes 1 high: a and b 0.5, a and c 0.25, b and c 0.5.
A, B, C = (0.0, 0.0, 4.0, 1.0), (0.0, 0.0, 2.0, 1.0), (0.0, 0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("boxes", "threshold", "eta", "kept"),
    [
        ((), 0.5, 1.0, []),
        ((A,), 0.0, 1.0, [0]),
        ((A, B, C), 0.5, 1.0, [0, 1, 2]),
        ((A, B, C), 0.49, 1.0, [0, 2]),
        ((B, A, C), 0.49, 1.0, [0]),
        ((A, B, C), 0.2, 1.0, [0]),
        ((A, B, C), 0.6, 0.5, [0, 2]),
        ((A, C, B), 0.6, 0.9, [0, 1]),
        ((A, C, B), 0.6, 1.0, [0, 1, 2]),
        ((A, B, C), 0.5, 0.1, [0, 1, 2]),
        ((A, (5.0, 0.0, 1.0, 1.0), A), 0.5, 1.0, [0, 1]),
        (((0.0, 0.0, 0.0, 0.0),) * 2, 0.5, 1.0, [0, 1]),
    ],
)
def test_the_best_of_overlapping_boxes_stays(
    boxes: tuple[tuple[float, ...], ...], threshold: float, eta: float, kept: list[int]
) -> None:
    assert suppress(floats(boxes).reshape(-1, 4), threshold, eta).tolist() == kept


@pytest.mark.parametrize("eta", [1.0, 0.99, 0.7])
@pytest.mark.parametrize("count", [63, 64, 65, 300])
def test_suppression_in_blocks_equals_one_box_after_the_other(count: int, eta: float) -> None:
    random = np.random.default_rng(count)
    corners = random.random((count, 2)) / 4
    boxes = np.concatenate([corners, corners + 0.5 + random.random((count, 2)) / 2], axis=1).astype(np.float32)
    overlaps = iou(boxes, boxes)
    limit, kept = np.float32(0.7), list[int]()
    for index in range(count):
        if all(overlaps[index, other] <= limit for other in kept):
            kept.append(index)
            limit = limit * np.float32(eta) if eta < 1 and limit > 0.5 else limit
    assert suppress(boxes, 0.7, eta).tolist() == kept
    assert 1 < len(kept) < count


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", ["loc", "conf"])
def test_answers_that_are_not_finite_are_refused(value: float, where: str) -> None:
    blobs = {"loc": np.zeros((1, 12), np.float32), "conf": np.zeros((1, 6), np.float32)}
    blobs[where][0, 1] = value
    with pytest.raises(CaffeError, match=f"'{where}' holds values that are not finite"):
        head_on(SQUARES)(blobs["loc"], blobs["conf"])


def test_locations_that_make_infinite_boxes_are_refused() -> None:
    with pytest.raises(CaffeError, match="'loc' makes boxes that are not finite"):
        head_on(SQUARES[:1])(floats([[0, 0, 1e5, 0]]), floats([[0, 1]]))


def test_boxes_too_large_for_an_area_do_no_harm() -> None:
    head = head_on(SQUARES[:2])
    (rows,) = head(floats([[0, 0, 400, 400] * 2]), floats([[0, 0.9, 0, 0.8]]))
    assert rows[:, 2].tolist() == floats([0.9]).tolist()


@pytest.mark.parametrize(
    ("location", "confidence"),
    [((1, 11), (1, 6)), ((1, 12), (1, 5)), ((12,), (6,)), ((1, 3, 4), (1, 6)), ((2, 12), (1, 6))],
)
def test_answers_of_the_wrong_shape_are_refused(location: tuple[int, ...], confidence: tuple[int, ...]) -> None:
    with pytest.raises(CaffeError, match="has the shape|the net gave"):
        head_on(SQUARES)(np.zeros(location, np.float32), np.zeros(confidence, np.float32))
