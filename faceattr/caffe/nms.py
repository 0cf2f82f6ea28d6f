"""Non-maximum suppression: of boxes that overlap, the best one stays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_BLOCK = 64
"""Boxes compared with all others in one step: one photo's faces need one block, a crowd's a few."""


def suppress(boxes: Floats, threshold: float, eta: float = 1.0) -> NDArray[np.intp]:
    """Greedy suppression of boxes (n, 4) given best first: the kept ones' indices, in order.

    A box is kept when its overlap with every kept one is at most the threshold. With `eta` below 1 each kept box
    multiplies the threshold by it while that is above 0.5 (ApplyNMSFast in Caffe's bbox_util.cpp).
    """
    limit, shrink = np.float32(threshold), np.float32(eta)
    kept: list[int] = []
    left = np.arange(len(boxes))
    worst = np.zeros(len(boxes), np.float32)
    while left.size:
        overlaps = iou(boxes[left[:_BLOCK]], boxes[left])
        for row, overlap in enumerate(overlaps):
            if worst[row] <= limit:
                kept.append(left[row])
                np.maximum(worst, overlap, out=worst)
                if shrink < 1 and limit > 0.5:
                    limit = limit * shrink
        # The limit only falls: what is above it now stays suppressed.
        alive = worst[_BLOCK:] <= limit
        left, worst = left[_BLOCK:][alive], worst[_BLOCK:][alive]
    return np.array(kept, np.intp)


def iou(boxes: Floats, others: Floats) -> Floats:
    """Intersection over union of every box (n, 4) with every other (m, 4): (n, m), 0 where they do not meet.

    Boxes turned inside out are empty. Boxes too large for their area to be finite give NaN with each other.
    """
    columns, rows = others.T, boxes.T[:, :, None]
    with np.errstate(over="ignore", invalid="ignore"):
        width = np.minimum(rows[2], columns[2]) - np.maximum(rows[0], columns[0])
        height = np.minimum(rows[3], columns[3]) - np.maximum(rows[1], columns[1])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        union = _areas(rows) + _areas(columns) - shared
        found: Floats = shared / np.maximum(union, np.finfo(np.float32).tiny)
    return found


def _areas(corners: Floats) -> Floats:
    found: Floats = np.maximum(corners[2] - corners[0], 0) * np.maximum(corners[3] - corners[1], 0)
    return found
