"""What cameras, light and codecs do to a picture; the boxes stay where they are."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from faceattr.types import BGRImage

Random = np.random.Generator


def spoil(image: BGRImage, random: Random, detail: float) -> BGRImage:
    """The picture in another light, and sometimes grey, blurred, noisy or compressed; (h, w, 3) of the same size.

    `detail`: height in pixels of what must stay recognisable, which limits blur and loss of resolution.
    """
    if random.random() < 0.15:
        image = _fewer_pixels(image, random, detail)
    if random.random() < 0.2:
        image = _blurred(image, random, detail)
    image = _colours(image, random)
    if random.random() < 0.85:
        image = _light(image, random)
    if random.random() < 0.2:
        image = _noisy(image, random)
    if random.random() < 0.25:
        image = _compressed(image, random)
    return image


def _fewer_pixels(image: BGRImage, random: Random, detail: float) -> BGRImage:
    factor = random.uniform(1, np.clip(detail / 9, 1.1, 6))
    height, width = image.shape[:2]
    down = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_NEAREST)[random.integers(3)]
    up = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST)[random.choice(3, p=(0.6, 0.2, 0.2))]
    small = cv2.resize(image, (max(1, round(width / factor)), max(1, round(height / factor))), interpolation=down)
    return np.asarray(cv2.resize(small, (width, height), interpolation=up), np.uint8)


def _blurred(image: BGRImage, random: Random, detail: float) -> BGRImage:
    most = float(np.clip(detail * 0.05, 0.6, 6))
    if random.random() < 0.6:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), random.uniform(0.3, most)), np.uint8)
    length = random.uniform(2, 2 + 2.5 * most)
    angle = random.uniform(0, np.pi)
    side = 2 * int(length / 2 + 1) + 1
    kernel = np.zeros((side, side), np.float32)
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    first, last = (np.round((side // 2 + sign * reach) * 16).astype(int).tolist() for sign in (-1, 1))
    cv2.line(kernel, first, last, 1.0, 1, cv2.LINE_AA, shift=4)
    return np.asarray(cv2.filter2D(image, -1, kernel / max(float(kernel.sum()), 1e-6)), np.uint8)


def _colours(image: BGRImage, random: Random) -> BGRImage:
    """Grey, or more or less colourful; one in six sepia, or with the channels mixed a little."""
    choice = random.random()
    if choice < 0.55:
        return image
    grey = np.tile(np.array([0.114, 0.587, 0.299]), (3, 1))
    if choice < 0.7:
        mix = grey * (random.uniform(0.75, 1.0, (3, 1)) if random.random() < 0.3 else 1.0)
    elif choice < 0.9:
        amount = random.uniform(0.2, 1.7)
        mix = grey * (1 - amount) + np.eye(3) * amount
    else:
        mix = np.eye(3) + random.normal(0, 0.12, (3, 3))
    return np.asarray(cv2.transform(image, mix.astype(np.float32)), np.uint8)


def _light(image: BGRImage, random: Random) -> BGRImage:
    """Contrast, brightness, gamma and white balance in one table; one picture in twelve is as dark as evening."""
    levels = np.linspace(0, 1, 256)[:, None]
    values = levels ** np.exp(random.normal(0, 0.35))
    values = (values - 0.5) * np.exp(random.normal(0, 0.22)) + 0.5 + random.normal(0, 0.07)
    values = np.clip(values, 0, 1) * np.exp(random.normal(0, 0.08, 3))
    if random.random() < 0.08:
        values = values * random.uniform(0.2, 0.6)
    table = (np.clip(values, 0, 1) * 255).round().astype(np.uint8)
    return np.asarray(cv2.LUT(image, table[None]), np.uint8)


def _noisy(image: BGRImage, random: Random) -> BGRImage:
    noise = _noise()
    top, left = (int(random.integers(0, noise.shape[axis] - image.shape[axis] + 1)) for axis in (0, 1))
    piece = noise[top : top + image.shape[0], left : left + image.shape[1]]
    strength = random.uniform(2, 18) / 32
    return np.asarray(cv2.addWeighted(image, 1.0, piece, strength, 0.0, dtype=cv2.CV_8U), np.uint8)


@cache
def _noise() -> np.ndarray:
    """Normal noise of deviation 32, of which samples take pieces: drawing it anew would take most of their time."""
    values = np.random.default_rng(1).normal(0, 32, (640, 640, 3))
    return values.round().astype(np.int16)


def _compressed(image: BGRImage, random: Random) -> BGRImage:
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(12, 85))])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
