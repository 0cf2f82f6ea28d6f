"""Photos for the benchmark of the batch: any number, of any size, made of a few."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks.textbook import ASTRONAUT
from faceattr.types import BGRImage
from tests.photo_bytes import decoded, encoded


def sources(photos: Path | None) -> list[BGRImage]:
    """The photos to make folders of."""
    paths = sorted(path for path in photos.iterdir() if path.suffix == ".jpg") if photos else [ASTRONAUT]
    return [decoded(path.read_bytes()) for path in paths]


def scenes(images: Sequence[BGRImage], width: int, height: int) -> Iterator[bytes]:
    """JPEGs without end, no two alike: one to four pictures side by side, shifted, with grain as a camera has it."""
    random = np.random.default_rng(0)
    for number in itertools.count():
        tiles = 1 + number % min(4, width // 320)
        scene = np.zeros((height, width, 3), np.uint8)
        edges = np.linspace(0, width, tiles + 1).astype(int)
        for tile, (left, right) in enumerate(itertools.pairwise(edges)):
            scene[:, left:right] = filling(images[(number + tile) % len(images)], int(right - left), height, random)
        grain = random.normal(0, 3, scene.shape)
        yield encoded(np.clip(scene + grain, 0, 255).astype(np.uint8))


def filling(image: BGRImage, width: int, height: int, random: np.random.Generator) -> BGRImage:
    """The image, scaled to cover width × height and cut there at some place."""
    scale = max(width / image.shape[1], height / image.shape[0])
    size = max(width, round(image.shape[1] * scale)), max(height, round(image.shape[0] * scale))
    scaled = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    left = int(random.integers(scaled.shape[1] - width + 1))
    top = int(random.integers((scaled.shape[0] - height) // 4 + 1))  # faces are above the middle
    return scaled[top : top + height, left : left + width]
