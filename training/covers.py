"""What hides parts of faces: masks, dark glasses, hats, hands and boards, drawn along the landmarks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from faceattr.types import BGRImage, FloatArray
from training.placing import Scene

Random = np.random.Generator
Colour = NDArray[np.float64]

_MASK_COLOURS = ((235, 235, 235), (225, 200, 150), (205, 185, 120), (200, 215, 170), (35, 35, 35), (70, 55, 45))
"""White, surgical blues and green, black, grey; b, g, r."""
SKIN = np.array([130.0, 160, 205])
_MASKED_PLACE, _HIDING_PLACE = 0.25, 0.1


def cover_faces(scene: Scene, random: Random) -> None:
    """Covers some faces of a scene. Pictures differ in it, as places do: in one of four nearly everybody wears a mask,
    in one of ten most faces are hidden somehow, elsewhere one face in ten."""
    place = random.random()
    masked = 0.85 if place < _MASKED_PLACE else 0.0
    hidden = 0.8 if 0 <= place - _MASKED_PLACE < _HIDING_PLACE else 0.1
    for box, points in zip(scene.boxes, scene.points, strict=True):
        if random.random() < masked:
            draw_mask(scene.canvas, points, random)
        elif random.random() < hidden:
            cover_face(scene.canvas, box, points, random)


def cover_face(canvas: BGRImage, box: FloatArray, points: FloatArray, random: Random) -> None:
    """Hides a part of one face: `box` (4,) and `points` (4, 2: eyes, nose, mouth) in the canvas's pixels."""
    choice = random.random()
    if choice < 0.55:
        draw_mask(canvas, points, random)
    elif choice < 0.72:
        _glasses(canvas, points, random)
    elif choice < 0.84:
        _hat(canvas, points, random)
    else:
        _board(canvas, box, random)


def _axes(points: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The middle of the eyes, and the vectors from there to the right by an eye distance and down to the mouth."""
    eyes = (points[0] + points[1]) / 2
    down = points[3] - eyes
    length = max(float(np.hypot(*down)), 1e-3)
    across = max(float(np.hypot(*(points[1] - points[0]))), 0.8 * length)  # turned heads are wider than their eyes say
    right = np.array([down[1], -down[0]], np.float32) / length * across
    return eyes, right, down


def _outline(points: FloatArray, shape: list[tuple[float, float]], random: Random) -> FloatArray:
    """A shape given in eye distances right of, and eyes–mouth distances below the eyes, as canvas pixels (n, 2)."""
    eyes, right, down = _axes(points)
    wobbly = np.array(shape) + random.normal(0, 0.04, (len(shape), 2))
    return np.asarray(eyes + wobbly[:, :1] * right + wobbly[:, 1:] * down, np.float32)


def draw_mask(canvas: BGRImage, points: FloatArray, random: Random) -> None:
    """A pleated surgical mask, a cup, or a cloth; on a turned head it lies where the nose is."""
    eyes, right, down = _axes(points)
    leans = float(np.clip((points[2] - eyes - 0.6 * down) @ right / max(float(right @ right), 1e-3), -0.5, 0.5))
    top = random.uniform(0.2, 0.55) if random.random() < 0.8 else random.uniform(0.6, 0.85)  # the nose stays out
    side, chin = random.uniform(0.8, 1.15), random.uniform(1.5, 1.95)
    kind = random.random()
    if kind < 0.25:  # a cup: round, and over the nose a tip
        edge = [(0.22, top), (0.55, top + 0.3), (0.85 * side, 0.85), (0.8 * side, 1.2), (0.5, chin - 0.1)]
    else:
        edge = [(0.4, top + 0.1), (side, top + random.uniform(0, 0.25)), (0.95 * side, 1.15), (0.6, chin - 0.12)]
    mirrored = [(-x, y) for x, y in reversed(edge)]
    shape = [(x * (1 - leans * np.sign(x)) + leans, y) for x, y in [(0, top), *edge, (0, chin), *mirrored]]
    outline = _outline(points, shape, random)
    colour = np.array(_MASK_COLOURS[random.integers(len(_MASK_COLOURS))], np.float64)
    if kind > 0.8:
        colour = random.integers(0, 256, 3).astype(np.float64)
    if random.random() < 0.5:
        _strings(canvas, points, side, colour, random)
    colour = np.clip(colour * random.uniform(0.6, 1.05), 0, 255)
    paint(canvas, outline, colour, random, pleated=0.25 <= kind < 0.7, rounded=random.uniform(0, 0.4))
    if kind < 0.1:
        _valve(canvas, eyes + (leans + random.uniform(-0.4, 0.4)) * right + 1.1 * down, right, colour, random)


def _valve(canvas: BGRImage, centre: FloatArray, right: FloatArray, colour: Colour, random: Random) -> None:
    radius = max(1, round(float(np.hypot(*right)) * random.uniform(0.12, 0.22)))
    shade = np.clip(colour * random.uniform(0.6, 1.2), 0, 255)
    x, y = (round(value) for value in centre.tolist())
    cv2.circle(canvas, (x, y), radius, shade.tolist(), cv2.FILLED, cv2.LINE_AA)


def _strings(canvas: BGRImage, points: FloatArray, side: float, colour: Colour, random: Random) -> None:
    eyes, right, down = _axes(points)
    thickness = max(1, round(float(np.hypot(*right)) / 25))
    ear = random.uniform(0.05, 0.4)
    for sign in (-1, 1):
        for height in (0.5, 1.2):
            ends = [eyes + sign * side * 0.9 * right + height * down, eyes + sign * 1.35 * right + ear * down]
            first, last = (tuple(map(round, end.tolist())) for end in ends)
            cv2.line(canvas, first, last, colour.tolist(), thickness, cv2.LINE_AA)


def _glasses(canvas: BGRImage, points: FloatArray, random: Random) -> None:
    colour = random.uniform(0, 60) + random.uniform(0, 30, 3)
    wide, high = random.uniform(0.32, 0.5), random.uniform(0.2, 0.42)
    if random.random() < 0.3:  # a bar over both eyes
        shape = [(-0.6 - wide, -high), (0.6 + wide, -high), (0.6 + wide, high), (-0.6 - wide, high)]
        paint(canvas, _outline(points, shape, random), colour, random)
        return
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    for centre in (-0.52, 0.52):
        rim = [(centre + wide * float(np.cos(a)), 0.05 + high * float(np.sin(a))) for a in angles]
        paint(canvas, _outline(points, rim, random), colour, random)
    bridge = [(-0.95, -0.12), (0.95, -0.12), (0.95, 0.0), (-0.95, 0.0)]
    paint(canvas, _outline(points, bridge, random), colour, random)


def _hat(canvas: BGRImage, points: FloatArray, random: Random) -> None:
    brim, wide = random.uniform(-0.6, -0.25), random.uniform(1.1, 1.6)
    top = brim - random.uniform(0.7, 1.2)
    left = [(-wide, brim), (-0.95, brim - 0.2), (-0.9, top)]
    right = [(-x, y) for x, y in reversed(left)]
    paint(canvas, _outline(points, [*left, (0, top - 0.2), *right], random), random.uniform(0, 255, 3), random)


def _board(canvas: BGRImage, box: FloatArray, random: Random) -> None:
    """A hand, an arm or a board that hides up to half of the box from any side."""
    size = box[2:] - box[:2]
    angle = random.uniform(0, 2 * np.pi)
    outward = np.array([np.cos(angle), np.sin(angle)])
    along = np.array([-outward[1], outward[0]])
    near, far = random.uniform(0.0, 0.3), random.uniform(0.6, 1.0)
    half = random.uniform(0.2, 0.8)
    corners = [near * outward - half * along, near * outward + half * along, far * outward + half * along]
    corners.append(far * outward - half * along)
    outline = ((box[:2] + box[2:]) / 2 + np.array(corners) * size).astype(np.float32)
    colour = SKIN * random.uniform(0.4, 1.15) if random.random() < 0.5 else random.uniform(0, 255, 3)
    paint(canvas, outline, np.clip(colour, 0, 255), random)


def paint(
    canvas: BGRImage,
    outline: FloatArray,
    colour: Colour,
    random: Random,
    *,
    pleated: bool = False,
    rounded: float = 0.0,
) -> None:
    """Fills an outline (n, 2) with a colour that is lit from one side, sometimes striped or pleated; `rounded`: how
    much darker its rim is than its middle."""
    height, width = canvas.shape[:2]
    left, top = np.clip(np.floor(outline.min(axis=0)).astype(int) - 1, 0, [width, height]).tolist()
    right, bottom = np.clip(np.ceil(outline.max(axis=0)).astype(int) + 2, 0, [width, height]).tolist()
    if right - left < 1 or bottom - top < 1:
        return
    patch = canvas[top:bottom, left:right]
    mask = np.zeros(patch.shape[:2], np.uint8)
    cv2.fillPoly(mask, [((outline - [left, top]) * 8).round().astype(np.int32)], 255, cv2.LINE_AA, shift=3)
    across = np.linspace(-1, 1, patch.shape[1], dtype=np.float32)
    downward = np.linspace(-1, 1, patch.shape[0], dtype=np.float32)[:, None]
    light = 1 + np.float32(random.uniform(-0.25, 0.25)) * across + np.float32(random.uniform(-0.25, 0.15)) * downward
    light = light * (1 - np.float32(rounded) * (across**2 + downward**2) / 2)
    if pleated:
        light = light * (1 - np.float32(0.12) * (np.sin(downward * np.float32(random.uniform(6, 12))) > 0.6))
    elif random.random() < 0.25:
        waves = across * np.float32(random.uniform(0, 20)) + downward * np.float32(random.uniform(0, 20))
        light = light * (1 + np.float32(0.35) * np.sign(np.sin(waves)))
    texture = cv2.merge([np.clip(light * np.float32(channel), 0, 255) for channel in colour]).astype(np.uint8)
    opacity = 255 if random.random() < 0.8 else random.uniform(170, 255)
    weight = mask.astype(np.float32) * np.float32(opacity / 255 / 255)
    patch[:] = cv2.blendLinear(texture, np.ascontiguousarray(patch), weight, 1 - weight)
