"""What a photo's first bytes say about it, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from faceattr.errors import InvalidImage, UnsupportedImage

Format = Literal["jpeg", "png", "webp", "bmp", "gif", "tiff"]
Alpha = Literal["none", "straight", "premultiplied"]

SUPPORTED = "Supported formats are JPEG, PNG, WebP, BMP, GIF and TIFF."


@dataclass(frozen=True, slots=True)
class Edit:
    """`data[start:stop]` is to be replaced by `bytes` before decoding; a `stop` of None means the end of the data."""

    start: int
    stop: int | None
    bytes: bytes


@dataclass(frozen=True, slots=True)
class PhotoHeader:
    """What a photo says of itself before any pixel is decoded.

    `width`, `height`: pixels as stored, before `orientation` (EXIF 1–8; 1 when absent or invalid). `alpha`: how colours
    relate to a transparency channel; `transparent_grey`: the one grey that stands for transparent. `scans`: of a JPEG
    (1 elsewhere). `truncated`: the bytes end before the first frame does. `pixels_at`: where a JPEG's first scan is.
    `edits`: make a copy of the bytes that a decoder reads as one unturned, still frame.
    """

    format: Format
    width: int
    height: int
    orientation: int = 1
    alpha: Alpha = "none"
    transparent_grey: int | None = None
    scans: int = 1
    truncated: bool = False
    pixels_at: int = 0
    edits: tuple[Edit, ...] = ()


def unsupported(kind: str) -> UnsupportedImage:
    """An error for bytes of a known kind that is not decoded; `kind` is a noun phrase: "a PDF document"."""
    return UnsupportedImage(f"This is {kind}. {SUPPORTED}")


def invalid(name: str, fault: str) -> InvalidImage:
    """An error for a header of format `name` that makes no sense; `fault` completes the sentence."""
    return InvalidImage(f"The {name} header is damaged: {fault}.")
