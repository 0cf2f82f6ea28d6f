"""Bytes → an upright BGR image, checked before and after decoding; and an image → PNG or JPEG bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from faceattr.errors import BadDimensions, ImageTooLarge, InvalidImage, PhotoError, TooManyPixels, TruncatedImage
from faceattr.exhaustion import is_exhaustion, memory_errors
from faceattr.headers import PhotoHeader, jpeg, read_header
from faceattr.pixels import TURNS, opaque_bgr, turned
from faceattr.png import encode_png
from faceattr.settings import Settings
from faceattr.types import BGRImage, PictureFormat

# What is wrong with a photo is told by an exception; OpenCV would tell it to standard error too.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

JPEG_QUALITY = 90
_REDUCED_FLAGS = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
# The grey that libjpeg paints where a JPEG has no data (the other two: after CMYK or YCCK became BGR).
_JPEG_BLANKS = (128, 65, 64)
# Bits that no Huffman code has, as many as libjpeg reads ahead of the last block.
_JPEG_FILLER = b"\xff\x00" * 8
# What a decoder needs for each pixel at most, beside the image: the coefficients of a progressive CMYK JPEG.
_DECODER_BYTES_PER_PIXEL = 12


@dataclass(frozen=True, slots=True)
class Limits:
    """What a photo may measure: bytes, width × height, and each side in pixels, all inclusive."""

    max_bytes: int
    max_pixels: int
    min_side: int
    max_side: int

    @classmethod
    def from_settings(cls, settings: Settings) -> Limits:
        return cls(settings.max_image_bytes, settings.max_pixels, settings.min_side, settings.max_side)


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """An upright image, contiguous (h, w, 3) uint8 BGR, and how it came to stand so.

    `rotation` is how far the stored pixels were turned clockwise (0, 90, 180 or 270 degrees), after mirroring them left
    to right where the EXIF orientation is a mirrored one (2, 4, 5, 7). `width` and `height` are those of the upright
    photo; the image is smaller by `reduction` (sides rounded up) when the photo was decoded at reduced scale.
    """

    image: BGRImage
    rotation: int
    width: int
    height: int
    reduction: int = 1


def decode(data: bytes, limits: Limits, *, max_reduction: int = 1, least_side: int = 1) -> DecodedPhoto:
    """The first frame of a photo, upright, on white where it is transparent; 8 bits per channel whatever it had.

    A JPEG may be decoded at 1/2, 1/4 or 1/8 of its size, at most `max_reduction`, as long as the shorter side keeps
    `least_side` pixels: the DCT gives a well-averaged smaller image at less than the cost of the whole one. What the
    header tells is checked before a pixel is decoded. Raises EmptyImage, ImageTooLarge, UnsupportedImage,
    BadDimensions, TooManyPixels, TruncatedImage (pixels are missing), InvalidImage (bytes are wrong), or MemoryError.
    """
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(f"The photo has {len(data):,} bytes; at most {limits.max_bytes:,} are allowed.")
    header = read_header(data)
    _check_size(header, limits)
    if header.truncated:
        raise _truncated(header)
    reduction = _reduction(header, max_reduction, least_side)
    pixels = _opencv_decode(_edited(data, header), _flags(header, reduction))
    if pixels is None:
        # A decoder out of memory answers None too. Asking for as much again raises MemoryError then.
        np.empty(header.width * header.height * _DECODER_BYTES_PER_PIXEL, np.uint8)
        raise InvalidImage(f"The {header.format.upper()} photo is damaged: its pixels cannot be decoded.")
    if pixels.shape[:2] != (-(-header.height // reduction), -(-header.width // reduction)):
        raise InvalidImage(
            f"The photo is damaged: its header says {header.width} × {header.height} pixels,"
            f" its data hold {pixels.shape[1]} × {pixels.shape[0]}."
        )
    if _lacks_blocks(data, header, pixels):
        raise TruncatedImage(
            "The JPEG photo is incomplete: pixels at its end are missing. It was cut off or is damaged."
        )
    mirrored, rotation = TURNS[header.orientation]
    image = turned(opaque_bgr(pixels, header), mirrored, rotation)
    size = (header.height, header.width) if rotation in (90, 270) else (header.width, header.height)
    return DecodedPhoto(image, rotation, *size, reduction)


def reduction_of(data: bytes, most: int, least_side: int) -> int:
    """By how much `decode` reduces a photo with the same `max_reduction` and `least_side`: 1, 2, 4 or 8; 1 for what it
    refuses."""
    try:
        return _reduction(read_header(data), most, least_side)
    except PhotoError:
        return 1


def encode(image: BGRImage, picture: PictureFormat, threads: int = 1) -> bytes:
    """A BGR image (h, w, 3) uint8 as PNG, on so many threads, or as JPEG of quality 90. Raises MemoryError."""
    with memory_errors():
        if picture == "png":
            return encode_png(image, threads)
        _, encoded = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
        return encoded.tobytes()


def _check_size(header: PhotoHeader, limits: Limits) -> None:
    width, height = header.width, header.height
    if max(width, height) > limits.max_side:
        raise BadDimensions(f"The photo is {width} × {height} pixels; a side may have at most {limits.max_side}.")
    if min(width, height) < limits.min_side:
        raise BadDimensions(f"The photo is {width} × {height} pixels; a side must have at least {limits.min_side}.")
    if width * height > limits.max_pixels:
        raise TooManyPixels(
            f"The photo is {width} × {height} = {width * height:,} pixels; at most {limits.max_pixels:,} are allowed."
        )


def _truncated(header: PhotoHeader) -> TruncatedImage:
    return TruncatedImage(f"The {header.format.upper()} photo is cut off: it ends before its last pixel.")


def _edited(data: bytes, header: PhotoHeader) -> bytes:
    """The bytes with the header's edits, which are in order and apart, made in one copy."""
    if not header.edits:
        return data
    parts, kept = [], 0
    for edit in header.edits:
        parts += [data[kept : edit.start], edit.bytes]
        kept = len(data) if edit.stop is None else edit.stop
    return b"".join([*parts, data[kept:]])


def _reduction(header: PhotoHeader, most: int, least_side: int) -> int:
    if header.format != "jpeg":
        return 1
    side = min(header.width, header.height)
    return max(k for k in _REDUCED_FLAGS if k == 1 or (k <= most and side // k >= least_side))


def _flags(header: PhotoHeader, reduction: int) -> int:
    # "Color" turns palettes, grey, CMYK and 16 bits into 8-bit BGR, but drops alpha, showing what it hid, and is wrong
    # for tiled 16-bit TIFFs.
    if header.alpha != "none" or header.transparent_grey is not None or header.format == "tiff":
        return cv2.IMREAD_UNCHANGED
    return _REDUCED_FLAGS[reduction] | cv2.IMREAD_IGNORE_ORIENTATION


def _opencv_decode(data: bytes, flags: int) -> np.ndarray | None:
    """Pixels (h, w) or (h, w, 3 or 4) of 8 or 16 bits, None for what cannot be decoded. Raises MemoryError."""
    try:
        return cast("np.ndarray | None", cv2.imdecode(np.frombuffer(data, np.uint8), flags))
    except cv2.error as error:
        if is_exhaustion(error):
            raise MemoryError("OpenCV ran out of memory.") from error
        return None


def _lacks_blocks(data: bytes, header: PhotoHeader, pixels: np.ndarray) -> bool:
    """Whether a JPEG's pixels end before its last block, which libjpeg only warns of and paints grey.

    A grey last pixel may be just that, so then the photo is decoded once more, small, and cut before the marker that
    ends its pixels: where a block is missing, libjpeg now waits for more bytes, and OpenCV answers None.
    """
    last = set(pixels[-1, -1].tolist()) if header.format == "jpeg" and header.scans == 1 else set()
    if len(last) != 1 or not last <= set(_JPEG_BLANKS):
        return False
    end = jpeg.scan_end(data, header.pixels_at)
    return _opencv_decode(data[:end] + _JPEG_FILLER, cv2.IMREAD_REDUCED_GRAYSCALE_8) is None
