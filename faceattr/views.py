"""A closer look at a photo: the whole, its mirror image and overlapping tiles through the detector, one answer.

And an even look at one that is too long to be squeezed into the detector's input.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceattr import geometry
from faceattr.caffe.nms import iou
from faceattr.detector import SSDDetector
from faceattr.pixels import turned
from faceattr.tiling import parts, views
from faceattr.types import BGRImage, FloatArray

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
BATCH = 4
"""Views in one forward: more are hardly faster, but take memory in proportion."""


@dataclass(frozen=True, slots=True)
class _Looks:
    """What all views (v, 4) of an image saw: boxes (n, 4) in its pixels, confidences (n,), and whose they are (n,).

    Boxes of a view that was mirrored lie where they are in the image as it is.
    """

    views: NDArray[np.int_]
    boxes: FloatArray
    confidences: FloatArray
    view: NDArray[np.int_]


def detect_evenly(detector: SSDDetector, image: BGRImage, min_confidence: float) -> tuple[FloatArray, FloatArray]:
    """Faces in an image as `detector.detect` finds them, in overlapping parts of one that is longer than
    tiling.LONGEST.

    Boxes (n, 4) in its pixels and confidences (n,), most confident first. Raises EngineError when the net fails.
    """
    seen = parts((image.shape[1], image.shape[0]))
    if len(seen) == 1:
        return detector.detect(image, min_confidence)
    looks = _look(detector, image, seen, min_confidence)
    kept = np.unique(geometry.owners(looks.boxes, looks.confidences, MAX_IOU, MAX_COVERED))
    kept = kept[np.argsort(-looks.confidences[kept], kind="stable")]
    return looks.boxes[kept], looks.confidences[kept]


def detect_closely(
    detector: SSDDetector, image: BGRImage, size: tuple[int, int], min_confidence: float
) -> tuple[FloatArray, FloatArray]:
    """Faces in an image, small ones too: boxes (n, 4) in its pixels and confidences (n,), most confident first.

    `size`: width and height of the full-size photo, which tell how close a look still shows more. A box is the mean of
    what views saw, weighted by their confidences. A confidence is the mean of the two highest, where two views could be
    expected to find the face: what looks like a face in one view alone, a hand or an ear, mostly is none. The mirror
    image of the whole photo is a view, too. Raises EngineError when the net fails.
    """
    seen = views((image.shape[1], image.shape[0]), size, detector.input)
    looks = _look(detector, image, np.concatenate([seen[:1], seen]), min_confidence * SUPPORT, mirrored=1)
    owner = geometry.owners(looks.boxes, looks.confidences, MAX_IOU, MAX_COVERED)
    kept = np.unique(owner)
    confidences = _agreed(looks, owner, kept, (image.shape[1], image.shape[0]))
    order = np.argsort(-confidences, kind="stable")
    # A view that is alone with the highest confidence there is, 1, has a mean of 0.5, and must not pass at that.
    order = order[confidences[order] > min_confidence]
    return _voted(looks, owner, kept[order]), confidences[order]


def _look(
    detector: SSDDetector, image: BGRImage, seen: NDArray[np.int_], min_confidence: float, mirrored: int = 0
) -> _Looks:
    """What each view (v, 4) of the image shows, without the parts of faces that tiles cut; the first ones mirrored."""
    image_size = (image.shape[1], image.shape[0])
    boxes, confidences, view = [np.empty((0, 4), np.float32)], [np.empty(0, np.float32)], [np.empty(0, np.int_)]
    for begin in range(0, len(seen), BATCH):
        batch = seen[begin : begin + BATCH]
        pieces = [image[top:bottom, left:right] for left, top, right, bottom in batch]
        pieces = [turned(piece, True, 0) if index < mirrored else piece for index, piece in enumerate(pieces, begin)]
        for index, (found, certain) in enumerate(detector.detect_each(pieces, min_confidence), begin):
            if index < mirrored:
                found = _mirrored(found, seen[index])
            found = found + np.tile(seen[index, :2], 2).astype(np.float32)
            whole = _clear(found, seen[index : index + 1], image_size, BORDER)[:, 0]
            boxes.append(found[whole])
            confidences.append(certain[whole])
            view.append(np.full(whole.sum(), index))
    return _Looks(seen, np.concatenate(boxes), np.concatenate(confidences), np.concatenate(view))


def _mirrored(boxes: FloatArray, view: NDArray[np.int_]) -> FloatArray:
    """Boxes (n, 4) in a view's pixels, where they lie when it is mirrored."""
    width = np.float32(view[2] - view[0])
    return np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1)


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
