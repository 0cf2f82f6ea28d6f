"""Fills rectangles of a canvas with photos: one large face, or a crowd of tiles."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from faceattr.types import FloatArray
from training.detector_source import Source
from training.face_photos import FacePhoto
from training.placing import Motion, Rect, Scene

Random = np.random.Generator

LOWEST = 10.0
"""Height of the smallest faces aimed at, in pixels."""
_MOST_ENLARGED = 4.5


def tiles(rect: Rect, rows: int, columns: int, random: Random) -> list[Rect]:
    """A rectangle cut into rows and columns of uneven sizes."""
    downs = _cuts(rect.top, rect.bottom, rows, random)
    return [
        Rect(left, top, right, bottom)
        for top, bottom in pairwise(downs)
        for acrosses in (_cuts(rect.left, rect.right, columns, random),)
        for left, right in pairwise(acrosses)
    ]


def lay_photo(scene: Scene, rect: Rect, source: Source, random: Random, lowest: float = LOWEST) -> None:
    """A photo, of which one face is brought to a height drawn log-uniformly, from `lowest` to more than fills it."""
    lay_ground(scene, rect, source, random)
    mirrored, aspect = bool(random.random() < 0.5), _aspect(random)
    target = np.exp(random.uniform(np.log(lowest), np.log(max(1.3 * rect.height, lowest + 1))))
    for _ in range(4):
        photo, layered = source.photos[random.integers(len(source.photos))]
        face = _some_face(photo, random)
        scale = float(target / (face[3] - face[1]) * aspect**0.5)
        if scale <= _MOST_ENLARGED:
            break
    width, height = layered.size
    spans = random.uniform(0.5, 1) * min(rect.width / width, rect.height / height)
    motion = Motion.of(min(max(scale, spans), _MOST_ENLARGED), _turn(random), aspect, mirrored)
    motion = motion.bringing((face[:2] + face[2:]) / np.float32(2), _spot(motion, face, rect, random))
    if random.random() < 0.85:
        motion = _covering(motion, (width, height), rect)
    scene.add(layered, motion, rect, photo)


def lay_background(scene: Scene, rect: Rect, source: Source, random: Random) -> None:
    """A photo without faces that covers the rectangle, zoomed into, mirrored or stretched."""
    layered = source.backgrounds[random.integers(len(source.backgrounds))]
    width, height = layered.size
    aspect = _aspect(random)
    covers = max(rect.width / width / aspect**0.5, rect.height / height * aspect**0.5)
    motion = Motion.of(covers * random.uniform(1, 2), 0, aspect, bool(random.random() < 0.5))
    centre = np.array([rect.left + rect.width / 2, rect.top + rect.height / 2], np.float32)
    middle = np.array([width, height], np.float32) * random.uniform(0.2, 0.8, 2).astype(np.float32)
    scene.add(layered, _covering(motion.bringing(middle, centre), (width, height), rect), rect)


def lay_ground(scene: Scene, rect: Rect, source: Source, random: Random) -> None:
    """What shows where a photo ends: one colour, as letterboxes have, or another photo."""
    choice = random.random()
    if choice < 0.15:
        lay_background(scene, rect, source, random)
        return
    plain = np.full(3, random.choice([0, 0, 104, 127, 255]))
    colour = plain if choice < 0.65 else random.integers(0, 256, 3)
    corner = (rect.right - 1, rect.bottom - 1)
    cv2.rectangle(scene.canvas, (rect.left, rect.top), corner, colour.tolist(), cv2.FILLED)


def _some_face(photo: FacePhoto, random: Random) -> FloatArray:
    """One of the photo's faces; without any, its middle half."""
    if len(photo.faces):
        return np.asarray(photo.faces[random.integers(len(photo.faces))])
    height, width = photo.image.shape[:2]
    return np.array([0.25 * width, 0.25 * height, 0.75 * width, 0.75 * height], np.float32)


def _turn(random: Random) -> float:
    """Degrees: mostly as people hold their heads, sometimes anything up to 45."""
    if random.random() < 0.65:
        return float(np.clip(random.normal(0, 7), -45, 45))
    return float(random.uniform(-45, 45))


def _aspect(random: Random) -> float:
    if random.random() < 0.6:
        return float(np.exp(random.normal(0, 0.06)))
    return float(np.exp(random.uniform(np.log(0.6), np.log(1.7))))


def _spot(motion: Motion, face: FloatArray, rect: Rect, random: Random) -> FloatArray:
    """Where the face's centre goes: anywhere in the rectangle that leaves most of it visible, usually."""
    sides = np.array([rect.width, rect.height], np.float32)
    size = (face[2:] - face[:2]) * (motion.scale * motion.stretch)
    reach = 0.5 if random.random() < 0.75 else 0.2
    margin = np.minimum(size * reach, sides * 0.42)
    return np.asarray(rect[:2] + margin + random.random(2) * (sides - 2 * margin), np.float32)


def _covering(motion: Motion, size: tuple[int, int], rect: Rect) -> Motion:
    """The motion moved as little as makes the photo cover the rectangle, or lie within it where it is smaller."""
    width, height = size
    corners = motion.points(np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float32))
    low, high = corners.min(axis=0), corners.max(axis=0)
    to_first, to_last = np.array(rect[:2]) - low, np.array(rect[2:]) - high
    shift = np.clip(0, np.minimum(to_first, to_last), np.maximum(to_first, to_last))
    return Motion(motion.linear, (motion.offset + shift).astype(np.float32), motion.stretch, motion.scale)


def _cuts(first: int, last: int, parts: int, random: Random) -> list[int]:
    shares = random.uniform(0.7, 1.3, parts)
    return [first, *(first + (last - first) * np.cumsum(shares) / shares.sum()).round().astype(int).tolist()]
