"""Faces cut out of other photos and pasted where none were: crowds in front of anything."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from faceattr.types import FloatArray
from training.detector_source import Source
from training.face_photos import FacePhoto
from training.placing import Layered, Motion, Rect, Scene, warp

Random = np.random.Generator

_DECOYS = 0.3
"""Share of what is pasted that is no face: else a soft oval rim would do for one."""
_AROUND = 1.15
"""How much larger than the box the cut-out is: hair and chin come with it."""
_MARGIN = 0.15


def paste_faces(scene: Scene, rect: Rect, source: Source, random: Random, count: int) -> None:
    """Pastes up to `count` faces of 12–80 pixels, or what is none, where they cover no other face."""
    nearby = float(np.exp(random.uniform(np.log(12), np.log(64))))  # the faces of one picture are of a size
    for _ in range(count):
        if random.random() < _DECOYS:
            _paste_decoy(scene, rect, source, random, nearby)
            continue
        photo, layered = source.photos[random.integers(len(source.photos))]
        whole = _whole_faces(photo)
        if not len(whole):
            continue
        face = int(whole[random.integers(len(whole))])
        height = float(np.clip(nearby * np.exp(random.normal(0, 0.25)), 12, 80))
        size = photo.faces[face][2:] - photo.faces[face][:2]
        turn = float(np.clip(random.normal(0, 14), -45, 45))
        motion = Motion.of(min(height / float(size[1]), 2.5), turn, 1.0, bool(random.random() < 0.5))
        place = _free_place(scene, size * motion.scale, rect, random)
        if place is not None:
            motion = motion.bringing((photo.faces[face][:2] + photo.faces[face][2:]) / np.float32(2), place)
            _paste(scene, layered, motion, place, size / 2 * motion.scale)
            scene.boxes.append(motion.boxes(photo.faces[face][None])[0])
            scene.points.append(motion.points(photo.points[face]))


def _paste_decoy(scene: Scene, rect: Rect, source: Source, random: Random, height: float) -> None:
    """Pastes a part of a photo without faces, of about that height, as faces are pasted."""
    layered = source.backgrounds[random.integers(len(source.backgrounds))]
    whole = np.array(layered.size, np.float32)
    part = float(min(whole)) * random.uniform(0.2, 0.7)
    own_height = np.clip(height * np.exp(random.normal(0, 0.25)), 12, 80)
    size = np.array([0.75 * own_height, own_height], np.float32)
    motion = Motion.of(float(size[1]) / part, float(np.clip(random.normal(0, 14), -45, 45)), 1.0, False)
    place = _free_place(scene, size, rect, random)
    if place is not None:
        middle = whole * random.uniform(0.35, 0.65, 2).astype(np.float32)
        _paste(scene, layered, motion.bringing(middle, place), place, np.asarray(size / 2, np.float32))


def _whole_faces(photo: FacePhoto) -> np.ndarray:
    """Indices of faces that the photo's border does not cut and that have enough pixels."""
    height, width = photo.image.shape[:2]
    boxes = photo.faces
    inside = (boxes[:, 0] >= 0) & (boxes[:, 1] >= 0) & (boxes[:, 2] <= width) & (boxes[:, 3] <= height)
    return np.flatnonzero(inside & (boxes[:, 3] - boxes[:, 1] >= 20))


def _free_place(scene: Scene, size: FloatArray, rect: Rect, random: Random) -> FloatArray | None:
    """A centre (2,) at which a box of a size meets no box that is there already."""
    half = size / 2
    room = np.array([rect.width, rect.height]) - 2 * half * (1 + _MARGIN)
    if (room <= 1).any():
        return None
    taken = np.array([*scene.boxes, *scene.ignored], np.float32).reshape(-1, 4)
    for _ in range(4):
        centre = np.array(rect[:2]) + half * (1 + _MARGIN) + random.random(2) * room
        low, high = centre - half * _AROUND, centre + half * _AROUND
        meets = (taken[:, :2] < high).all(axis=1) & (taken[:, 2:] > low).all(axis=1)
        if not meets.any():
            return np.asarray(centre, np.float32)
    return None


def _paste(scene: Scene, layered: Layered, motion: Motion, centre: FloatArray, half: FloatArray) -> None:
    """Draws what the motion brings to a place, within an oval of half the size `half` (2,) that fades out."""
    reach = half * _AROUND + 2
    canvas_height, canvas_width = scene.canvas.shape[:2]
    low = np.maximum(np.floor(centre - reach), 0).astype(int)
    high = np.minimum(np.ceil(centre + reach), [canvas_width, canvas_height]).astype(int)
    rect = Rect(int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    ground = scene.canvas[rect.top : rect.bottom, rect.left : rect.right].copy()
    warp(layered, motion, scene.canvas, rect)
    angle = np.arctan2(motion.linear[1, 1], motion.linear[0, 1]) - np.pi / 2
    cos, sin = np.cos(angle), np.sin(angle)
    # From the patch's pixels to the feathered disc's: an ellipse that leans as the face does.
    disc = _disc()
    turned = np.array([[cos, sin], [-sin, cos]]) * (disc.shape[0] / 2 / (half * _AROUND))[:, None]
    offset = disc.shape[0] / 2 - turned @ (centre - low)
    inverse = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    mask = cv2.warpAffine(disc, np.column_stack([turned, offset]), (rect.width, rect.height), flags=inverse)
    patch = scene.canvas[rect.top : rect.bottom, rect.left : rect.right]
    weight = mask[:, :, None].astype(np.float32) / 255
    patch[:] = (ground + weight * (patch.astype(np.float32) - ground)).astype(np.uint8)


@cache
def _disc() -> np.ndarray:
    """A disc of 64 pixels whose rim fades out."""
    steps = (np.arange(64) + 0.5) / 32 - 1
    radius = np.hypot(steps[:, None], steps)
    return np.clip((1 - radius) / 0.15 * 255, 0, 255).astype(np.uint8)
