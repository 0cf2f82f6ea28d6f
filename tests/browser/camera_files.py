"""A film for Chromium's fake camera, made from photos: `--use-file-for-fake-video-capture=FILE.mjpeg`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

SIZE = (640, 480)
"""Width and height of the film in pixels."""
FRAMES = 30
"""The film begins again after so many; Chromium plays 30 a second."""
SWAY = 6
"""How far the picture sways to each side, in pixels, so that no two neighbouring frames are the same."""
CAMERA_ARGS = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]


def film(path: Path, photos: Sequence[bytes]) -> Path:
    """Writes a Motion JPEG in which the photos stand side by side, sway a little and are noisy, as before a camera.

    Returns the path, which must end in `.mjpeg`.
    """
    picture = scene(photos)
    noise = np.random.default_rng(7)
    with path.open("wb") as file:
        for number in range(FRAMES):
            angle = 2 * math.pi * number / FRAMES
            shift = np.array([[1, 0, SWAY * math.sin(angle)], [0, 1, SWAY / 2 * math.cos(angle)]], np.float32)
            moved = cv2.warpAffine(picture, shift, SIZE, borderMode=cv2.BORDER_REPLICATE)
            grainy = np.clip(moved + noise.normal(0, 4, moved.shape), 0, 255).astype(np.uint8)
            done, data = cv2.imencode(".jpg", grainy, [cv2.IMWRITE_JPEG_QUALITY, 92])
            assert done
            file.write(data.tobytes())
    return path


def scene(photos: Sequence[bytes]) -> npt.NDArray[np.uint8]:
    """The photos side by side, each whole in its share of the film's width, on grey."""
    picture = np.full((SIZE[1], SIZE[0], 3), 96, np.uint8)
    share = SIZE[0] // len(photos)
    for place, data in enumerate(photos):
        photo = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert photo is not None
        scale = min(share / photo.shape[1], SIZE[1] / photo.shape[0])
        small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        height, width = small.shape[:2]
        top, left = (SIZE[1] - height) // 2, place * share + (share - width) // 2
        picture[top : top + height, left : left + width] = small
    return picture


def as_jpeg(picture: npt.NDArray[np.uint8]) -> bytes:
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert done
    return data.tobytes()
