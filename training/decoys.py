"""Ovals and masks that nobody wears: a detector that knows masks would else take them for faces."""

from __future__ import annotations

import cv2
import numpy as np

from training.covers import SKIN, draw_mask, paint
from training.face_photos import typical_points
from training.placing import Scene

Random = np.random.Generator

_SHARE = 0.25


def draw_decoys(scene: Scene, random: Random) -> None:
    """Draws one to three decoys in every fourth picture, beside its faces."""
    if random.random() < _SHARE:
        for _ in range(int(random.integers(1, 4))):
            _decoy(scene, random)


def _decoy(scene: Scene, random: Random) -> None:
    """Draws an oval, sometimes with a few spots, or a mask, where there is no face."""
    height, width = scene.canvas.shape[:2]
    size = np.array([0.75, 1.0]) * np.exp(random.uniform(np.log(12), np.log(0.7 * height)))
    centre = random.random(2) * [width, height]
    box = np.concatenate([centre - size / 2, centre + size / 2]).astype(np.float32)
    taken = np.array([*scene.boxes, *scene.ignored], np.float32).reshape(-1, 4)
    if ((taken[:, :2] < box[2:]) & (taken[:, 2:] > box[:2])).all(axis=1).any():
        return
    if random.random() < 0.35:
        draw_mask(scene.canvas, typical_points(box), random)
        return
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    oval = np.stack([np.cos(angles), np.sin(angles)], axis=1) * size / 2 * random.uniform(0.8, 1.1, 2) + centre
    colour = SKIN * random.uniform(0.4, 1.15) if random.random() < 0.4 else random.uniform(0, 255, 3)
    colour = np.clip(colour, 0, 255)
    paint(scene.canvas, oval.astype(np.float32), colour, random, rounded=random.uniform(0, 0.6))
    for _ in range(int(random.integers(0, 5))):
        x, y = (round(value) for value in (centre + random.uniform(-0.3, 0.3, 2) * size).tolist())
        radius = max(1, round(float(size[0]) * random.uniform(0.03, 0.12)))
        cv2.circle(scene.canvas, (x, y), radius, (colour * random.uniform(0.1, 0.8)).tolist(), cv2.FILLED, cv2.LINE_AA)
