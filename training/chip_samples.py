"""What a face crop may look like in the field: one chip → one training sample, varied as detectors and cameras vary it.

A crop is off by the detector's jitter, turned, mirrored, far away (few pixels), compressed, dark, grey or half covered.
"""

from __future__ import annotations

import cv2
import numpy as np

from faceattr.types import BGRImage

Random = np.random.Generator


def vary(chip: BGRImage, side: int, random: Random, amount: float = 1.0) -> BGRImage:
    """A varied crop of `side` pixels, (side, side, 3). `amount`: how often and how far, 0 to 1."""
    image = _place(chip, side, random, amount)
    if random.random() < 0.25 * amount:
        image = _few_pixels(image, random)
    if random.random() < 0.15 * amount:
        image = _blur(image, random)
    if amount == 1 or random.random() < amount:
        image = _light(image, random)
    if random.random() < 0.15 * amount:
        image = _compressed(image, random)
    if random.random() < 0.3 * amount:
        _cover(image, random)
    return image


def plain(chip: BGRImage, side: int) -> BGRImage:
    """The crop as the service would see it."""
    return np.asarray(cv2.resize(chip, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _place(chip: BGRImage, side: int, random: Random, amount: float) -> BGRImage:
    height, width = chip.shape[:2]
    reach = 0.5 + 0.5 * amount
    scale = np.exp(random.normal(0, 0.08 * reach)) * side / max(width, height)
    stretch = np.exp(random.normal(0, 0.04 * reach))
    turn = np.deg2rad(random.uniform(-35, 35) if random.random() < 0.2 * amount else random.normal(0, 8 * reach))
    shift = random.normal(0, 0.03 * reach, 2) * side + side / 2
    mirror = -1.0 if random.random() < 0.5 else 1.0
    cos, sin = np.cos(turn) * scale, np.sin(turn) * scale
    linear = np.array([[cos * mirror * stretch, -sin / stretch], [sin * mirror * stretch, cos / stretch]])
    offset = shift - linear @ np.array([width / 2, height / 2])
    matrix = np.column_stack([linear, offset])
    if scale < 0.6:  # sampling alone would alias: average first
        chip = np.asarray(cv2.resize(chip, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8)
        matrix[:, :2] *= 2
    warped = cv2.warpAffine(chip, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


def _few_pixels(image: BGRImage, random: Random) -> BGRImage:
    side = image.shape[0]
    few = int(side * random.uniform(0.2, 0.8))
    how = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_NEAREST)[random.integers(3)]
    small = cv2.resize(image, (few, few), interpolation=how)
    return np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_LINEAR), np.uint8)


def _blur(image: BGRImage, random: Random) -> BGRImage:
    if random.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), random.uniform(0.4, 1.8)), np.uint8)
    length = int(random.integers(3, 8))
    kernel = np.zeros((length, length), np.float32)
    if random.random() < 0.5:
        kernel[length // 2] = 1 / length
    else:
        kernel[:, length // 2] = 1 / length
    return np.asarray(cv2.filter2D(image, -1, kernel), np.uint8)


def _light(image: BGRImage, random: Random) -> BGRImage:
    """Contrast, brightness, gamma, white balance and saturation, some sensor noise; one in eight is grey."""
    values = image.astype(np.float32)
    if random.random() < 0.125:
        values[:] = values.mean(axis=2, keepdims=True)
    elif random.random() < 0.5:
        grey = values.mean(axis=2, keepdims=True)
        values = grey + (values - grey) * np.float32(random.uniform(0.4, 1.5))
        values *= random.normal(1, 0.06, 3).astype(np.float32)
    if random.random() < 0.7:
        values = (values - 127.5) * np.float32(random.uniform(0.6, 1.35)) + np.float32(127.5 + random.normal(0, 22))
    if random.random() < 0.2:
        power = np.float32(np.exp(random.normal(0, 0.35)))
        values = np.float32(255) * (np.clip(values, 0, 255) / np.float32(255)) ** power
    if random.random() < 0.15:
        noise = random.standard_normal(values.shape, dtype=np.float32)
        values += noise * np.float32(random.uniform(2, 12))
    return np.clip(values, 0, 255).astype(np.uint8)


def _compressed(image: BGRImage, random: Random) -> BGRImage:
    _, encoded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(random.integers(15, 80))])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)


def _cover(image: BGRImage, random: Random) -> None:
    """Hides a rectangle, often the lower half as a mask does, under a colour or noise (Zhong et al., AAAI 2020)."""
    side = image.shape[0]
    if random.random() < 0.3:
        top = int(side * random.uniform(0.5, 0.75))
        left, right, bottom = (int(side * random.uniform(*span)) for span in ((0, 0.2), (0.8, 1), (0.85, 1)))
    else:
        area, aspect = random.uniform(0.02, 0.2), np.exp(random.normal(0, 0.5))
        wide, high = (int(side * min(0.9, value)) for value in ((area * aspect) ** 0.5, (area / aspect) ** 0.5))
        left, top = int(random.integers(0, side - wide)), int(random.integers(0, side - high))
        right, bottom = left + wide, top + high
    patch = image[top:bottom, left:right]
    if random.random() < 0.5:
        patch[:] = random.integers(0, 256, 3)
    else:
        patch[:] = random.integers(0, 256, patch.shape)
