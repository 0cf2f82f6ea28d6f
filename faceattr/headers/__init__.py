"""What a photo's bytes say about it before any pixel is decoded. Pure parsing: no codec, no NumPy."""

from __future__ import annotations

import struct
from collections.abc import Callable

from faceattr.errors import EmptyImage, TruncatedImage
from faceattr.headers import bmp, gif, jpeg, png, sniff, tiff, webp
from faceattr.headers.model import SUPPORTED, Edit, Format, PhotoHeader, invalid, unsupported

__all__ = ["SUPPORTED", "Edit", "Format", "PhotoHeader", "read_header"]

_READERS: tuple[tuple[bytes, Callable[[bytes], PhotoHeader]], ...] = (
    (jpeg.MAGIC, jpeg.read),
    (png.MAGIC, png.read),
    *((magic, gif.read) for magic in gif.MAGICS),
    *((magic, tiff.read) for magic in tiff.MAGICS),
    (bmp.MAGIC, bmp.read),
)


def read_header(data: bytes) -> PhotoHeader:
    """Format, size, orientation and completeness of a photo, told by its bytes alone, never by a name or a media type.

    Raises EmptyImage, UnsupportedImage (naming what the bytes look like), TruncatedImage (they end within the header)
    or InvalidImage (the header makes no sense).
    """
    if not data:
        raise EmptyImage("The photo is empty (0 bytes).")
    try:
        header = _reader(data)(data)
    except (struct.error, IndexError):
        raise _ends_early(data) from None
    if not header.width or not header.height:
        raise invalid(header.format.upper(), f"it gives the size as {header.width} × {header.height} pixels")
    return header


def _reader(data: bytes) -> Callable[[bytes], PhotoHeader]:
    if webp.matches(data):
        return webp.read
    for magic, reader in _READERS:
        if data.startswith(magic):
            return reader
    if any(magic.startswith(data) for magic, _ in _READERS) or (len(data) < 12 and b"RIFF".startswith(data[:4])):
        raise _ends_early(data)
    raise unsupported(sniff.kind_of(data))


def _ends_early(data: bytes) -> TruncatedImage:
    return TruncatedImage(f"The photo ends within its header, after {len(data)} bytes.")
