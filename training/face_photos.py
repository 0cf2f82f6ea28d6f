"""Photos with boxed faces: what the labels say is a face, and what they leave open.

Hand labels are sound but not complete, so a teacher detector's boxes stand beside them: what it is sure of counts as a
face, what it half believes in must be neither face nor background.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from faceattr.caffe.nms import iou
from faceattr.types import BGRImage, FloatArray
from training.tars import DataError, images_of, records_of

SURE = 0.7
MATCH = 0.4

# A labelled box in units of u, the larger of eye distance and eyes–mouth distance.
BOX_WIDTH, BOX_HEIGHT = 1.98, 2.66
LOWER, WIDER, HIGHER = 0.33 / BOX_HEIGHT, 1.08, 0.95
"""How our detector's box differs from a labelled one: so far below it, in heights of the label, and so much as wide and
as high. Labels are narrow and centred a quarter of a unit above the middle between eyes and mouth; ours lie a little
below that middle and reach from ear to ear, and from the forehead to below the chin or the edge of a mask, as people
draw them, and as chips lie. Figures are by the labels as they are, of which our perfect box has an IoU of 0.72."""
_TYPICAL = np.array([[-0.46, -0.25], [0.46, -0.25], [0.0, 0.28], [0.0, 0.75]], np.float32)
"""Eyes, nose and mouth about the centre of a box of an upright face, in u."""


@dataclass(frozen=True, slots=True)
class FacePhoto:
    """A photo, the faces in it, and boxes that may hold a face.

    `faces` (n, 4) and `ignored` (m, 4): x_min y_min x_max y_max in pixels, not clipped to the photo. `points`
    (n, 4, 2): x y of both eyes, the nose and the mouth; for `by_hand` (n,) faces as labelled, for others a guess
    from the box; `kinds` (n): what the label calls the face ("masked"), or nothing.
    """

    name: str
    image: BGRImage
    faces: FloatArray
    points: FloatArray
    by_hand: np.ndarray
    ignored: FloatArray
    kinds: tuple[str, ...]


def read_face_photos(tar: Path) -> list[FacePhoto]:
    """All photos of a tar that are labelled in the `.jsonl` beside it. Raises DataError for labels without a photo."""
    images = dict(images_of(tar))
    labels = tar.with_suffix(".jsonl")
    photos = []
    for record in records_of(labels):
        try:
            image = images[record["file"]]
            photos.append(labelled(record, image))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{labels}: no photo or no sound labels for {record.get('file')}: {error!r}.") from None
    return photos


def labelled(record: dict[str, Any], image: BGRImage) -> FacePhoto:
    """A photo with its labels: faces by hand, then the teacher's sure ones that match none of them."""
    hand = boxes_array([face["box"] for face in record["faces"]])
    points = [face.get("points") for face in record["faces"]]
    hand_points = np.array(
        [np.reshape(given, (4, 2)) if given else typical_points(box) for given, box in zip(points, hand, strict=True)],
        np.float32,
    ).reshape(-1, 4, 2)
    rows = np.array(record.get("teacher", []), np.float32).reshape(-1, 5)
    others = rows[iou(rows[:, :4], hand).max(axis=1, initial=0.0) <= MATCH]
    sure, unsure = others[others[:, 4] > SURE, :4], others[others[:, 4] <= SURE, :4]
    guessed = np.array([typical_points(box) for box in sure], np.float32).reshape(-1, 4, 2)
    return FacePhoto(
        record["file"],
        image,
        np.concatenate([hand, sure]),
        np.concatenate([hand_points, guessed]),
        np.arange(len(hand) + len(sure)) < len(hand),
        unsure,
        tuple(str(face.get("kind", "")) for face in record["faces"]) + ("",) * len(sure),
    )


def with_our_boxes(photo: FacePhoto) -> FacePhoto:
    """The photo with the boxes that our detector learns."""
    return replace(photo, faces=_ours(photo.faces), ignored=_ours(photo.ignored))


def _ours(boxes: FloatArray) -> FloatArray:
    """Labelled boxes (n, 4) as our detector is to draw them."""
    sides = boxes[:, 2:] - boxes[:, :2]
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 + np.outer(sides[:, 1], [0, LOWER])
    halves = sides * [WIDER / 2, HIGHER / 2]
    return np.concatenate([centres - halves, centres + halves], axis=1).astype(np.float32)


def boxes_array(boxes: Sequence[Sequence[float] | FloatArray]) -> FloatArray:
    """(n, 4) float32 from lists of four numbers, n may be 0."""
    return np.array(boxes, np.float32).reshape(-1, 4)


def typical_points(box: FloatArray) -> FloatArray:
    """Where eyes, nose and mouth of an upright face would be in a box (4,): (4, 2)."""
    centre = (box[:2] + box[2:]) / 2
    unit = (box[2:] - box[:2]) / np.array([BOX_WIDTH, BOX_HEIGHT], np.float32)
    return np.asarray(centre + _TYPICAL * unit, np.float32)
