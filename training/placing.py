"""Lays a photo onto a canvas by one affine map, and takes its face boxes along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from faceattr import geometry
from faceattr.types import BGRImage, FloatArray
from training.face_photos import FacePhoto

SMALLEST = 8.0
"""Faces lower than this many pixels are neither shown as faces nor as background."""
_LEVELS = 4


class Rect(NamedTuple):
    """A part of the canvas in whole pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class Layered:
    """An image with its halves, quarters and eighths, averaged, so that one linear warp shrinks it without aliases."""

    levels: tuple[BGRImage, ...]

    @classmethod
    def of(cls, image: BGRImage) -> Layered:
        levels = [image]
        while len(levels) < _LEVELS and min(levels[-1].shape[:2]) >= 16:
            height, width = levels[-1].shape[:2]
            # The whole image: an odd last row or column shares its pixel, and the scale stays exact.
            levels.append(geometry.resize(levels[-1], -(-width // 2), -(-height // 2)))
        return cls(tuple(levels))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the image itself."""
        return self.levels[0].shape[1], self.levels[0].shape[0]


@dataclass(frozen=True, slots=True)
class Motion:
    """An affine map of photo pixels to canvas pixels: mirrored, turned and scaled, then stretched; then moved."""

    linear: FloatArray
    offset: FloatArray
    stretch: FloatArray
    scale: float

    @classmethod
    def of(cls, scale: float, turn: float, aspect: float, mirrored: bool) -> Motion:
        """`turn` in degrees, clockwise; `aspect`: stretched across by its root and squeezed down by it."""
        cos, sin = np.cos(np.deg2rad(turn)) * scale, np.sin(np.deg2rad(turn)) * scale
        stretch = np.array([aspect**0.5, aspect**-0.5], np.float32)
        linear = np.array([[cos, -sin], [sin, cos]]) * stretch[:, None]
        if mirrored:
            linear[:, 0] = -linear[:, 0]
        return cls(linear.astype(np.float32), np.zeros(2, np.float32), stretch, scale)

    def bringing(self, point: FloatArray, to: FloatArray) -> Motion:
        """The same map moved so that the point lands there."""
        return Motion(self.linear, np.asarray(to - self.linear @ point, np.float32), self.stretch, self.scale)

    def points(self, points: FloatArray) -> FloatArray:
        """Points (…, 2) on the canvas."""
        return np.asarray(points @ self.linear.T + self.offset, np.float32)

    def boxes(self, boxes: FloatArray) -> FloatArray:
        """Boxes (n, 4) on the canvas: turned about their centres they stay upright and as large, as labels draw them.

        A box of a turned face keeps its size because what is cut by it, and fed to other nets, should.
        """
        centres = self.points((boxes[:, :2] + boxes[:, 2:]) / np.float32(2))
        halves = (boxes[:, 2:] - boxes[:, :2]) / 2 * (self.scale * self.stretch)
        return np.concatenate([centres - halves, centres + halves], axis=1)


class Scene:
    """A canvas with the faces on it so far.

    `boxes` and `ignored` are lists of (4,) in canvas pixels, `points` of (4, 2) as the boxes.
    """

    def __init__(self, canvas: BGRImage) -> None:
        self.canvas = canvas
        self.boxes: list[FloatArray] = []
        self.points: list[FloatArray] = []
        self.ignored: list[FloatArray] = []

    def add(self, layered: Layered, motion: Motion, rect: Rect, photo: FacePhoto | None = None) -> None:
        """Draws an image within the rectangle, over what is there, and takes over its faces if it is a photo's."""
        warp(layered, motion, self.canvas, rect)
        if photo is None:
            return
        self._take(motion.boxes(photo.faces), motion.points(photo.points), rect)
        for box in clip_to(motion.boxes(photo.ignored), rect):
            self._ignore(box)

    def _take(self, boxes: FloatArray, points: FloatArray, rect: Rect) -> None:
        shown = clip_to(boxes, rect)
        seen = geometry.areas(shown) / np.maximum(geometry.areas(boxes), 1e-6)
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        inside = ((centres >= rect[:2]) & (centres < rect[2:])).all(axis=1)
        for box, where, sound in zip(shown, points, inside & (seen >= 0.5), strict=True):
            if sound and box[3] - box[1] >= SMALLEST:
                self.boxes.append(box)
                self.points.append(where)
            else:
                self._ignore(box)

    def _ignore(self, box: FloatArray) -> None:
        if box[2] - box[0] >= 1 and box[3] - box[1] >= 1:
            self.ignored.append(box)


def warp(layered: Layered, motion: Motion, canvas: BGRImage, rect: Rect) -> None:
    """Draws the image on the canvas's rectangle; what it does not cover stays."""
    shrinks = min(motion.scale * float(motion.stretch.min()), 1.0)
    level = min(int(-np.log2(max(shrinks, 1e-3)) + 0.3), len(layered.levels) - 1)
    source = layered.levels[level]
    width, height = layered.size
    finer = np.array([width / source.shape[1], height / source.shape[0]], np.float32)
    linear = motion.linear * finer
    # The maps speak of pixels' edges, OpenCV of their centres, half a pixel off on either side.
    offset = motion.offset + linear @ np.full(2, 0.5, np.float32) - 0.5 - np.array(rect[:2], np.float32)
    cv2.warpAffine(
        source,
        np.column_stack([linear, offset]).astype(np.float64),
        (rect.width, rect.height),
        dst=canvas[rect.top : rect.bottom, rect.left : rect.right],
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    )


def clip_to(boxes: FloatArray, rect: Rect) -> FloatArray:
    """The boxes' parts within a rectangle; empty ones come out without area."""
    low, high = np.array(rect[:2] * 2, np.float32), np.array(rect[2:] * 2, np.float32)
    return np.clip(boxes, low, high).astype(np.float32)
