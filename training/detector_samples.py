"""Training samples for the face detector: `sample(source, random)` draws one.

A sample is one photo, a mosaic of many, or a crowd of pasted faces, on 320×320 pixels; then some faces are covered, and
the picture is spoilt as cameras do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceattr.types import BGRImage, FloatArray
from training.covers import cover_faces
from training.decoys import draw_decoys
from training.detector_source import Source
from training.face_photos import boxes_array
from training.mosaic import lay_background, lay_ground, lay_photo, tiles
from training.pasting import paste_faces
from training.photometric import spoil
from training.placing import Rect, Scene

Random = np.random.Generator

SIDE = 320


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture (320, 320, 3) uint8 BGR, its faces (n, 4) and boxes that may be either (m, 4), in its pixels.

    Boxes hold what is visible of a face: at least half of it, its centre included, and 8 pixels of height. Other faces
    that show at all are among `ignored`.
    """

    image: BGRImage
    boxes: FloatArray
    ignored: FloatArray


def sample(source: Source, random: Random) -> Sample:
    """One sample. The same state of `random` gives the same sample."""
    scene = Scene(np.empty((SIDE, SIDE, 3), np.uint8))
    rect = _frame(scene, source, random)
    _fill(scene, rect, source, random)
    heights = np.array([box[3] - box[1] for box in scene.boxes])
    cover_faces(scene, random)
    draw_decoys(scene, random)
    detail = float(np.percentile(heights, 20)) if len(heights) else 30.0
    return Sample(spoil(scene.canvas, random, detail), boxes_array(scene.boxes), boxes_array(scene.ignored))


def _frame(scene: Scene, source: Source, random: Random) -> Rect:
    """The part of the canvas that the picture fills: all, or a letterbox with the ground around it painted."""
    whole = Rect(0, 0, SIDE, SIDE)
    if random.random() < 0.8:
        return whole
    lay_ground(scene, whole, source, random)
    narrow = int(SIDE * random.uniform(0.45, 0.98))
    start = int(random.choice([0, (SIDE - narrow) // 2, SIDE - narrow]))
    return Rect(start, 0, start + narrow, SIDE) if random.random() < 0.5 else Rect(0, start, SIDE, start + narrow)


def _fill(scene: Scene, rect: Rect, source: Source, random: Random) -> None:
    choice = random.random()
    if choice < 0.45:
        lay_photo(scene, rect, source, random, lowest=32)
    elif choice < 0.84:
        _mosaic(scene, rect, source, random)
    elif choice < 0.95:
        lay_background(scene, rect, source, random)
        paste_faces(scene, rect, source, random, int(random.integers(1, 25)))
    else:
        lay_background(scene, rect, source, random)


def _mosaic(scene: Scene, rect: Rect, source: Source, random: Random) -> None:
    """2×2 to 6×6 photos, one in nine of them a background; small grids are as likely as large ones."""
    rows = int(random.integers(2, 7))
    columns = int(np.clip(rows + random.integers(-1, 2), 2, 6))
    for tile in tiles(rect, rows, columns, random):
        if random.random() < 0.11:
            lay_background(scene, tile, source, random)
        else:
            lay_photo(scene, tile, source, random)
