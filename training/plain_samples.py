"""Training samples as most photos are: whole, upright and in fair light, one or a few on the canvas; masks are
worn in some.

The end of a training run sees many of these, so that the net is at its best where it is mostly used (Ge et al.,
"YOLOX" (2021), for the idea).
"""

from __future__ import annotations

import numpy as np

from training.covers import cover_faces
from training.decoys import draw_decoys
from training.detector_samples import SIDE, Sample
from training.detector_source import Source
from training.face_photos import boxes_array
from training.mosaic import lay_background, tiles
from training.photometric import spoil
from training.placing import Motion, Rect, Scene

Random = np.random.Generator


def plain_sample(source: Source, random: Random) -> Sample:
    """One sample. The same state of `random` gives the same sample."""
    scene = Scene(np.empty((SIDE, SIDE, 3), np.uint8))
    whole = Rect(0, 0, SIDE, SIDE)
    choice = random.random()
    if choice < 0.15:
        lay_background(scene, whole, source, random)
    elif choice < 0.7:
        _lay_whole(scene, whole, source, random)
    else:
        rows = int(random.integers(2, 6))
        columns = int(np.clip(rows + random.integers(-1, 2), 2, 5))
        for tile in tiles(whole, rows, columns, random):
            if random.random() < 0.15:
                lay_background(scene, tile, source, random)
            else:
                _lay_whole(scene, tile, source, random)
    cover_faces(scene, random)
    draw_decoys(scene, random)
    image = scene.canvas
    if random.random() < 0.3:
        heights = np.array([box[3] - box[1] for box in scene.boxes])
        image = spoil(image, random, float(np.percentile(heights, 20)) if len(heights) else 30.0)
    return Sample(image, boxes_array(scene.boxes), boxes_array(scene.ignored))


def _lay_whole(scene: Scene, rect: Rect, source: Source, random: Random) -> None:
    """A photo stretched to the rectangle, as detectors are fed, or zoomed into a little."""
    photo, layered = source.photos[random.integers(len(source.photos))]
    width, height = layered.size
    zoom = np.exp(random.uniform(0, 0.5)) if random.random() < 0.4 else 1.0
    across, down = rect.width / width * zoom, rect.height / height * zoom
    turn = random.normal(0, 5) if random.random() < 0.3 else 0.0
    motion = Motion.of(float(across * down) ** 0.5, turn, across / down, bool(random.random() < 0.5))
    centre = np.array([width, height], np.float32) / np.float32(2)
    spare = np.array([rect.width, rect.height]) * (zoom - 1) / 2
    spot = np.array([rect.left + rect.width / 2, rect.top + rect.height / 2]) + random.uniform(-spare, spare)
    scene.canvas[rect.top : rect.bottom, rect.left : rect.right] = 127
    scene.add(layered, motion.bringing(centre, spot.astype(np.float32)), rect, photo)
