"""Boxes and resampling: pure functions on arrays. Boxes are (n, 4) float32, x_min y_min x_max y_max in pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from faceattr.types import BGRImage, FloatArray

_POINTS = 4


def centre_inside(boxes: FloatArray, width: float, height: float) -> NDArray[np.bool_]:
    """Which boxes have their centre within the image; (n,) bool."""
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    inside: NDArray[np.bool_] = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return inside


def clip(boxes: FloatArray, width: float, height: float) -> FloatArray:
    """The boxes' parts within the image."""
    limits = np.array([width, height, width, height], np.float32)
    return np.clip(boxes, 0, limits).astype(np.float32)


def areas(boxes: FloatArray) -> FloatArray:
    """Area of each box in square pixels, (n,); 0 for boxes turned inside out."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def intersections(boxes: FloatArray, box: FloatArray) -> FloatArray:
    """Area that each box (n, 4) shares with one box (4,), in square pixels; (n,)."""
    corners = np.concatenate([np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:], box[2:])], axis=1)
    return areas(corners)


def owners(boxes: FloatArray, confidences: FloatArray, max_iou: float, max_covered: float) -> NDArray[np.intp]:
    """Which box each of the boxes (n, 4) belongs to, (n,): itself where it is kept, else the one that suppressed it.

    Greedy non-maximum suppression, most confident first: a box goes when, with one that is kept, it has an intersection
    over union above `max_iou`, or one over the smaller of the two areas above `max_covered`. The second finds the same
    face seen at another scale, boxed tighter or in part.
    """
    owner = np.arange(len(boxes))
    sizes = areas(boxes)
    left = np.argsort(-confidences, kind="stable")
    while left.size:
        best, rest = left[0], left[1:]
        shared = intersections(boxes[rest], boxes[best])
        union, smaller = sizes[rest] + sizes[best] - shared, np.minimum(sizes[rest], sizes[best])
        same = (shared > max_iou * union) | (shared > max_covered * smaller)
        owner[rest[same]] = best
        left = rest[~same]
    return owner


def tiles(width: int, height: int, columns: int, rows: int, overlap: float) -> NDArray[np.int_]:
    """An image cut into columns × rows equal tiles, row by row: (n, 4) whole pixels, covering it and inside it.

    `overlap`: what neighbours share at least, as a fraction of a tile's side; rounding may take a pixel of it.
    """
    left, right = _spans(width, columns, overlap)
    top, bottom = _spans(height, rows, overlap)
    return np.stack(
        [np.tile(left, rows), np.repeat(top, columns), np.tile(right, rows), np.repeat(bottom, columns)], axis=1
    )


def _spans(length: int, count: int, overlap: float) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    span = tile_side(length, count, overlap)
    begin = np.linspace(0, length - span, count).astype(np.int_)
    return begin, begin + span


def tile_side(length: int, count: int, overlap: float) -> int:
    """Pixels of each of `count` spans that cover `length` pixels and share `overlap` of themselves with the next."""
    return min(length, math.ceil(length / (count - (count - 1) * overlap)))


def resize(image: BGRImage, width: int, height: int) -> BGRImage:
    """The image at another size: averaged over areas when it shrinks, interpolated linearly when it grows.

    An image more than four times too large is first sampled to 4 × 4 points per pixel of the result: averaging
    12 megapixels to 320×320 in full takes 35 ms.
    """
    across, down = image.shape[1] / width, image.shape[0] / height
    if across < 1 or down < 1:
        return _linear(image, width, height)
    if min(across, down) > _POINTS:
        image = _linear(image, width * _POINTS, height * _POINTS)
    if across == 1 and down == 1:
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def sample(image: BGRImage, width: int, height: int) -> BGRImage:
    """The image at another size as detectors are fed: each pixel the mean of two points across and two down.

    A side that is at most twice too long is interpolated linearly, which weighs two points; a longer one is first
    interpolated to twice the length. Averaging over areas takes longer, and the detectors find no more: 0.6 instead of
    0.2 ms for 640×480 to 320×320, 3.2 instead of 1.0 ms for 960×540, 35 instead of 1.6 ms for 12 megapixels.
    """
    wide = width * 2 if image.shape[1] > width * 2 else width
    high = height * 2 if image.shape[0] > height * 2 else height
    return _linear(_linear(image, wide, high), width, height)


def letterbox(image: BGRImage, width: int, height: int, fill: Sequence[float]) -> tuple[BGRImage, float]:
    """The image sampled to fit, its shape kept, with `fill` (b, g, r) right and below; and the scale (new ÷ old)."""
    scale = min(width / image.shape[1], height / image.shape[0])
    inner_width = min(width, max(1, round(image.shape[1] * scale)))
    inner_height = min(height, max(1, round(image.shape[0] * scale)))
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = np.asarray(fill, np.float32).round().astype(np.uint8)
    canvas[:inner_height, :inner_width] = sample(image, inner_width, inner_height)
    return canvas, scale


def _linear(image: BGRImage, width: int, height: int) -> BGRImage:
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def crop_square(image: BGRImage, box: FloatArray, scale: float, side: int) -> BGRImage:
    """The square around a box's centre, of scale × its longer side, as (side, side, 3); edges repeat outside the image.

    `box`: (4,), its centre within the image.
    """
    height, width = image.shape[:2]
    longer = max(1, round(float(max(box[2] - box[0], box[3] - box[1])) * scale))
    left = round(float(box[0] + box[2]) / 2 - longer / 2)
    top = round(float(box[1] + box[3]) / 2 - longer / 2)
    inner = image[max(0, top) : min(height, top + longer), max(0, left) : min(width, left + longer)]
    outside = (max(0, -top), max(0, top + longer - height), max(0, -left), max(0, left + longer - width))
    if any(outside):
        inner = np.asarray(cv2.copyMakeBorder(inner, *outside, cv2.BORDER_REPLICATE), np.uint8)
    return resize(inner, side, side)


def to_blob(images: Sequence[BGRImage], mean: Sequence[float], scale: float) -> FloatArray:
    """Images of one size as a net's input: (pixel − mean) × scale, (n, 3, height, width) float32, channels b, g, r."""
    blob = cv2.dnn.blobFromImages(list(images), scale, mean=list(mean))
    return np.asarray(blob, np.float32)


def contrast(image: BGRImage) -> float:
    """Largest difference (0–255) between two pixels within any one channel."""
    extremes = (cv2.minMaxLoc(cv2.extractChannel(image, channel))[:2] for channel in range(3))
    return max(high - low for low, high in extremes)


def sharpness(crop: BGRImage) -> float:
    """v ÷ (v + 100), v the variance of the Laplacian of the grey crop (Pech-Pacheco et al., ICPR 2000); 0–1."""
    variance = float(np.var(cv2.Laplacian(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), cv2.CV_32F)))
    return variance / (variance + 100.0)


def brightness(crop: BGRImage) -> float:
    """Mean grey of the crop ÷ 255."""
    return float(np.mean(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY))) / 255.0
