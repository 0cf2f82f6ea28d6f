"""A closer look at a photo: the whole and overlapping tiles of it through the detector, one answer in its pixels.

And an even look at one that is too long to be squeezed into the detector's input.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceattr import geometry
from faceattr.caffe.nms import iou
from faceattr.detector import SSDDetector
from faceattr.types import BGRImage, FloatArray

TILES = (4, 16)
"""Most tiles at the first and at the second finer scale: with the whole photo never more than 21 views."""
OVERLAP = 0.25
"""Of a tile's side, shared with its neighbour: a face up to this large is whole in one of them, and a larger one is
large enough at the coarser scale."""
MAX_ENLARGEMENT = 2.0
"""Pixels of the net's input per pixel of the photo: enlarged more, a face shows no more of itself."""
MIN_GAIN = 1.25
"""A scale must be finer than the one before by this factor to be worth its forwards."""
BORDER = 0.02
"""Of a tile's side: a box that ends this close to where the tile was cut shows a part of a face."""
ROOM = 0.1
"""Of a tile's side: a face this far from where the tile was cut can be expected to be found in it."""
MAX_IOU, MAX_COVERED = 0.3, 0.6
"""Boxes that overlap more are one face: intersection over union, and over the smaller box."""
AGREE = 0.5
"""Intersection over union of boxes that show the same of a face."""
SUPPORT = 0.5
"""Of the lowest confidence asked for: weaker boxes count for nothing when views are compared."""
FITTING = 16 / 320, 0.5
"""Shorter side at least and longer side at most, in net inputs, of a face that a view can be expected to find."""
LONGEST = 2.0
"""Longer side ÷ shorter side: squeezed to the net's square input, faces of longer photos become too thin to be seen."""
PART, PARTS = 1.75, 16
"""Parts of such a photo: longer side ÷ shorter side, which they share with the next part as far as the shorter side
goes, so that a face of that size is whole in one of them; and how many there are before they grow longer."""
BATCH = 4
"""Views in one forward: more are hardly faster, but take memory in proportion."""


@dataclass(frozen=True, slots=True)
class _Looks:
    """What all views (v, 4) of an image saw: boxes (n, 4) in its pixels, confidences (n,), and whose they are (n,)."""

    views: NDArray[np.int_]
    boxes: FloatArray
    confidences: FloatArray
    view: NDArray[np.int_]


def detect_evenly(detector: SSDDetector, image: BGRImage, min_confidence: float) -> tuple[FloatArray, FloatArray]:
    """Faces in an image as `detector.detect` finds them, in overlapping parts of one that is longer than LONGEST.

    Boxes (n, 4) in its pixels and confidences (n,), most confident first. Raises EngineError when the net fails.
    """
    seen = parts((image.shape[1], image.shape[0]))
    if len(seen) == 1:
        return detector.detect(image, min_confidence)
    looks = _look(detector, image, seen, min_confidence)
    kept = np.unique(geometry.owners(looks.boxes, looks.confidences, MAX_IOU, MAX_COVERED))
    kept = kept[np.argsort(-looks.confidences[kept], kind="stable")]
    return looks.boxes[kept], looks.confidences[kept]


def parts(image_size: tuple[int, int]) -> NDArray[np.int_]:
    """What to look at in an image of that width and height: (v, 4) whole pixels; the image itself unless it is long."""
    longer, shorter = max(image_size), min(image_size)
    if longer <= LONGEST * shorter:
        return np.array([[0, 0, *image_size]])
    new = 1 - 1 / PART
    span = math.ceil(max(PART * shorter, longer / (1 + (PARTS - 1) * new)))
    begins = np.linspace(0, longer - span, math.ceil((longer - span) / (span * new)) + 1).astype(np.int_)
    spans = np.stack([begins, np.zeros_like(begins), begins + span, np.full_like(begins, shorter)], axis=1)
    return spans if image_size[0] == longer else spans[:, [1, 0, 3, 2]]


def detect_closely(
    detector: SSDDetector, image: BGRImage, size: tuple[int, int], min_confidence: float
) -> tuple[FloatArray, FloatArray]:
    """Faces in an image, small ones too: boxes (n, 4) in its pixels and confidences (n,), most confident first.

    `size`: width and height of the full-size photo, which tell how close a look still shows more. A box is the mean of
    what views saw, weighted by their confidences. A confidence is the mean of the two highest, where two views could be
    expected to find the face: what looks like a face in one view alone, a hand or an ear, mostly is none. Raises
    EngineError when the net fails.
    """
    seen = views((image.shape[1], image.shape[0]), size, detector.input)
    looks = _look(detector, image, seen, min_confidence * SUPPORT)
    owner = geometry.owners(looks.boxes, looks.confidences, MAX_IOU, MAX_COVERED)
    kept = np.unique(owner)
    confidences = _agreed(looks, owner, kept, (image.shape[1], image.shape[0]))
    order = np.argsort(-confidences, kind="stable")
    # A view that is alone with the highest confidence there is, 1, has a mean of 0.5, and must not pass at that.
    order = order[confidences[order] > min_confidence]
    return _voted(looks, owner, kept[order]), confidences[order]


def views(image_size: tuple[int, int], size: tuple[int, int], net_input: tuple[int, int]) -> NDArray[np.int_]:
    """What to look at in an image: (v, 4) whole pixels, the image itself first, then its tiles, coarser ones first.

    All three are widths and heights: of the image, of the full-size photo it shows, and of the detector's input.
    """
    seen = [geometry.tiles(*image_size, 1, 1, OVERLAP)]
    coarseness = _coarseness(size, (1, 1), net_input)
    for most in TILES:
        grid = _grid(size, most, net_input)
        finer = _coarseness(size, grid, net_input)
        if finer * MIN_GAIN <= coarseness:
            seen.append(geometry.tiles(*image_size, *grid, OVERLAP))
            coarseness = finer
    return np.concatenate(seen)


def _grid(size: tuple[int, int], most: int, net_input: tuple[int, int]) -> tuple[int, int]:
    """Columns and rows of at most so many tiles that show a photo largest, within MAX_ENLARGEMENT; the fewest such."""
    grids = [(columns, rows) for columns in range(1, most + 1) for rows in range(1, most // columns + 1)]
    sides = {grid: _coarseness(size, grid, net_input) for grid in grids}
    allowed = [grid for grid in grids if sides[grid] * MAX_ENLARGEMENT >= 1] or [(1, 1)]
    return min(allowed, key=lambda grid: (sides[grid], grid[0] * grid[1]))


def _coarseness(size: tuple[int, int], grid: tuple[int, int], net_input: tuple[int, int]) -> float:
    """Pixels of the photo per pixel of the net's input, on the axis of a tile that has more of them."""
    return max(
        geometry.tile_side(length, count, OVERLAP) / seen
        for length, count, seen in zip(size, grid, net_input, strict=True)
    )


def _look(detector: SSDDetector, image: BGRImage, seen: NDArray[np.int_], min_confidence: float) -> _Looks:
    """What each view (v, 4) of the image shows, without the parts of faces that tiles cut."""
    image_size = (image.shape[1], image.shape[0])
    boxes, confidences, view = [np.empty((0, 4), np.float32)], [np.empty(0, np.float32)], [np.empty(0, np.int_)]
    for begin in range(0, len(seen), BATCH):
        batch = seen[begin : begin + BATCH]
        parts = [image[top:bottom, left:right] for left, top, right, bottom in batch]
        for index, (found, certain) in enumerate(detector.detect_each(parts, min_confidence), begin):
            found = found + np.tile(seen[index, :2], 2).astype(np.float32)
            whole = _clear(found, seen[index : index + 1], image_size, BORDER)[:, 0]
            boxes.append(found[whole])
            confidences.append(certain[whole])
            view.append(np.full(whole.sum(), index))
    return _Looks(seen, np.concatenate(boxes), np.concatenate(confidences), np.concatenate(view))


def _agreed(looks: _Looks, owner: NDArray[np.intp], kept: NDArray[np.intp], image_size: tuple[int, int]) -> FloatArray:
    """Confidences (k,) of the kept boxes (k,), from all the views that saw them or should have."""
    best = np.zeros((len(looks.boxes), len(looks.views)), np.float32)
    np.maximum.at(best, (owner, looks.view), looks.confidences)
    highest = np.sort(np.pad(best[kept], ((0, 0), (1, 0))), axis=1)[:, -2:]
    boxes = looks.boxes[kept]
    able = _clear(boxes, looks.views, image_size, ROOM) & _fitting(boxes, looks.views)
    able[np.arange(len(kept)), looks.view[kept]] = True
    return np.where(able.sum(axis=1) > 1, highest.mean(axis=1), highest[:, 1])


def _voted(looks: _Looks, owner: NDArray[np.intp], kept: NDArray[np.intp]) -> FloatArray:
    """Boxes (k, 4): of each of the kept (k,) and those that agree with it, the mean, weighted by their confidences
    (Gidaris & Komodakis, "Object detection via a multi-region and semantic segmentation-aware CNN model", ICCV 2015).
    """
    agree = (owner[None] == kept[:, None]) & (iou(looks.boxes[kept], looks.boxes) > AGREE)
    weights = agree * looks.confidences
    return np.asarray(weights @ looks.boxes / weights.sum(axis=1, keepdims=True), np.float32)


def _clear(boxes: FloatArray, views: NDArray[np.int_], image_size: tuple[int, int], margin: float) -> NDArray[np.bool_]:
    """Which of the boxes (n, 4) lie in which of the views (v, 4), `margin` of a side clear of where it was cut; (n, v).

    The image's own edges cut nothing.
    """
    least = margin * np.tile(views[:, 2:] - views[:, :2], 2)
    cut = np.concatenate([views[:, :2] > 0, views[:, 2:] < image_size], axis=1)
    room = np.where(np.arange(4) < 2, boxes[:, None] - views, views - boxes[:, None])
    clear: NDArray[np.bool_] = ((room > least) | ~cut).all(axis=2)
    return clear


def _fitting(boxes: FloatArray, views: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Which of the boxes (n, 4) have a fitting size in each of the views (v, 4), (n, v)."""
    sides = (boxes[:, 2:] - boxes[:, :2])[:, None] / (views[:, 2:] - views[:, :2])
    least, most = FITTING
    fitting: NDArray[np.bool_] = (sides.min(axis=2) >= least) & (sides.max(axis=2) <= most)
    return fitting
