"""Draws the faces of an analysis on a copy of the image: a box each, and a label that stays legible and inside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from faceattr.types import BGRImage, Face

Colour = tuple[int, int, int]

# Okabe and Ito's blue and orange, which people with any kind of colour blindness tell apart; BGR.
_COLOURS: dict[str, Colour] = {"Male": (178, 114, 0), "Female": (0, 159, 230)}
_OTHER_COLOUR: Colour = (150, 150, 150)
_BLACK: Colour = (0, 0, 0)
_WHITE: Colour = (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_DUPLEX
# Heights of a capital letter in pixels: readable, and growing with the face up to a share of the image.
_MIN_LETTER, _LETTER_PER_FACE, _LETTER_PER_IMAGE = 8.0, 0.085, 0.025
_SLACK = 4
_UNIT_LETTER = cv2.getTextSize("H", _FONT, 1.0, 1)[0][1]


@dataclass(frozen=True, slots=True)
class _Plate:
    """Lines of text in a given font scale, and the size in pixels of the plate that holds them."""

    lines: tuple[str, ...]
    scale: float
    thickness: int
    padding: int
    line_height: int
    width: int
    height: int


Corner = tuple[int, int]
Rectangle = tuple[int, int, int, int]


def draw(image: BGRImage, faces: Sequence[Face]) -> BGRImage:
    """A copy of a BGR image (h, w, 3) uint8 with a box and a label such as "Female 97%  31 (30-39)" for each face.

    Labels keep clear of each other and of other faces while there is room; a "?" marks an uncertain face.
    """
    canvas = image.copy()
    boxes = [_inside(canvas, face.detection.box.rounded()) for face in faces]
    for face, box in zip(faces, boxes, strict=True):
        _draw_box(canvas, box, _colour(face))
    placed: list[Rectangle] = []
    for index, face in enumerate(faces):
        plate = _plate(canvas, face)
        others = boxes[:index] + boxes[index + 1 :]
        left, top = _place(canvas, plate, boxes[index], placed, others)
        placed.append((left, top, left + plate.width, top + plate.height))
        _draw_plate(canvas, plate, (left, top), _colour(face))
    return canvas


def _colour(face: Face) -> Colour:
    return _COLOURS.get(face.gender.value, _OTHER_COLOUR)


def _inside(canvas: BGRImage, box: Rectangle) -> Rectangle:
    """A box whose sides can all be seen: those outside the image moved to its edge."""
    bottom, right = canvas.shape[0] - 1, canvas.shape[1] - 1
    x_min, x_max = (max(0, min(x, right)) for x in (box[0], box[2]))
    y_min, y_max = (max(0, min(y, bottom)) for y in (box[1], box[3]))
    return x_min, y_min, x_max, y_max


def _draw_box(canvas: BGRImage, box: Rectangle, colour: Colour) -> None:
    shorter = min(box[2] - box[0], box[3] - box[1])
    line = max(1, round(min(max(canvas.shape[:2]) / 400, shorter / 24)))
    # A dark rim keeps the box visible on backgrounds of its own colour.
    cv2.rectangle(canvas, box[:2], box[2:], _BLACK, line + 2, cv2.LINE_AA)
    cv2.rectangle(canvas, box[:2], box[2:], colour, line, cv2.LINE_AA)


def _plate(canvas: BGRImage, face: Face) -> _Plate:
    """The label in one line where that is not much wider than the face, else in two."""
    gender, age = _texts(face)
    box = face.detection.box
    letter = max(_MIN_LETTER, min(_LETTER_PER_FACE * box.height, _LETTER_PER_IMAGE * max(canvas.shape[:2])))
    one = _measured((f"{gender}  {age}",), letter)
    plate = one if one.width <= 1.3 * box.width else _measured((gender, age), letter)
    # The slack covers what rounding adds; a label in a photo a few pixels wide is not meant to be read.
    room = (canvas.shape[1] - _SLACK) / plate.width
    return plate if plate.width <= canvas.shape[1] else _measured(plate.lines, max(1.0, letter * room))


def _texts(face: Face) -> tuple[str, str]:
    mark = "? " if face.uncertain else ""
    gender = f"{mark}{face.gender.value} {face.gender.probability:.0%}"
    low, high = face.age.likely
    age = f"{face.age.years:.0f} ({low}-{high})"
    return _ascii(gender), _ascii(age)


def _ascii(text: str) -> str:
    """OpenCV's fonts have ASCII only."""
    return text.replace("–", "-").encode("ascii", "replace").decode()


def _measured(lines: tuple[str, ...], letter: float) -> _Plate:
    scale = letter / _UNIT_LETTER
    thickness = max(1, round(letter / 14))
    padding = max(2, round(0.45 * letter))
    line_height = round(1.6 * letter)
    width = max(cv2.getTextSize(line, _FONT, scale, thickness)[0][0] for line in lines)
    height = line_height * (len(lines) - 1) + round(letter)
    return _Plate(lines, scale, thickness, padding, line_height, width + 2 * padding, height + 2 * padding)


def _place(
    canvas: BGRImage, plate: _Plate, box: Rectangle, placed: Sequence[Rectangle], others: Sequence[Rectangle]
) -> Corner:
    """The first of some places around the box, kept inside the image, that hides least of labels and other faces."""
    room = max(0, canvas.shape[1] - plate.width), max(0, canvas.shape[0] - plate.height)
    corners = np.clip(_wishes(plate, box), 0, room)
    plates = np.hstack([corners, np.add(corners, (plate.width, plate.height))])
    # A hidden label is worse than a hidden face, and its own face may be hidden least.
    hidden = 4 * _overlaps(plates, placed) + 2 * _overlaps(plates, others) + _overlaps(plates, [box])
    left, top = corners[np.argmin(hidden)]
    return int(left), int(top)


def _wishes(plate: _Plate, box: Rectangle) -> list[Corner]:
    """Corners above and below the box, beside it, and last inside it."""
    left, top, right, bottom = box
    across = (left, right - plate.width, (left + right - plate.width) // 2)
    outside = [(x, y) for y in (top - plate.height, bottom + 1) for x in across]
    beside = [(x, y) for x in (right + 1, left - plate.width) for y in (top, bottom - plate.height)]
    return [*outside, *beside, (left, bottom - plate.height)]


def _overlaps(plates: NDArray[np.int64], others: Sequence[Rectangle]) -> NDArray[np.int64]:
    """Pixels of each plate (n, 4) under the other rectangles, counted once for each; (n,)."""
    rectangles = np.asarray(others, np.int64).reshape(-1, 4)
    first = np.maximum(plates[:, None, :2], rectangles[:, :2])
    last = np.minimum(plates[:, None, 2:], rectangles[:, 2:])
    return np.asarray(np.clip(last - first, 0, None).prod(axis=2).sum(axis=1))


def _draw_plate(canvas: BGRImage, plate: _Plate, corner: Corner, colour: Colour) -> None:
    left, top = corner
    cv2.rectangle(canvas, corner, (left + plate.width - 1, top + plate.height - 1), colour, cv2.FILLED)
    ink = _BLACK if _luminance(colour) > 110 else _WHITE
    letter = round(plate.scale * _UNIT_LETTER)
    for number, line in enumerate(plate.lines):
        origin = (left + plate.padding, top + plate.padding + letter + number * plate.line_height)
        cv2.putText(canvas, line, origin, _FONT, plate.scale, ink, plate.thickness, cv2.LINE_AA)


def _luminance(colour: Colour) -> float:
    return 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]
