"""Decoded pixels of any kind → opaque 8-bit BGR, upright."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from faceattr.headers import PhotoHeader
from faceattr.types import BGRImage

# EXIF orientation → (mirrored left to right first, then turned clockwise by this many degrees).
TURNS = {
    1: (False, 0),
    2: (True, 0),
    3: (False, 180),
    4: (True, 180),
    5: (True, 270),
    6: (False, 90),
    7: (True, 90),
    8: (False, 270),
}
_ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def opaque_bgr(pixels: np.ndarray, header: PhotoHeader) -> BGRImage:
    """Pixels as decoded → (h, w, 3) uint8, transparent ones mixed with white as far as they are."""
    premultiplied = header.alpha == "premultiplied" or (header.format == "tiff" and pixels.dtype == np.uint8)
    if header.transparent_grey is not None:
        pixels = np.where(pixels == header.transparent_grey, pixels.dtype.type(np.iinfo(pixels.dtype).max), pixels)
    if pixels.dtype == np.uint16:
        pixels = cv2.convertScaleAbs(pixels, alpha=1 / 257)
    if pixels.ndim == 2:
        return cast(BGRImage, cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR))
    if pixels.shape[2] == 3:
        return cast(BGRImage, pixels)
    colours = cv2.cvtColor(pixels, cv2.COLOR_BGRA2BGR)
    if header.alpha == "none":
        return cast(BGRImage, colours)
    alpha = cv2.cvtColor(cv2.extractChannel(pixels, 3), cv2.COLOR_GRAY2BGR)
    if not premultiplied:
        colours = cv2.multiply(colours, alpha, scale=1 / 255)
    return cast(BGRImage, cv2.add(colours, cv2.bitwise_not(alpha)))


def turned(image: BGRImage, mirrored: bool, degrees: int) -> BGRImage:
    """The image mirrored left to right, if asked, then turned clockwise by 0, 90, 180 or 270 degrees."""
    upright: np.ndarray = cv2.flip(image, 1) if mirrored else image
    if degrees:
        upright = cv2.rotate(upright, _ROTATIONS[degrees])
    return np.ascontiguousarray(upright)
