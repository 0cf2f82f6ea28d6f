"""WebP containers (RFC 9649): RIFF with a lossy, lossless or extended first chunk."""

from __future__ import annotations

import struct

from faceattr.headers import exif
from faceattr.headers.model import PhotoHeader, invalid

_MAX_CHUNKS = 100_000
_ALPHA_FLAG = 0x10


def matches(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def read(data: bytes) -> PhotoHeader:
    """Size, transparency, orientation and completeness of a WebP.

    Raises InvalidImage, or struct.error where the data end within the header.
    """
    (riff_length,) = struct.unpack_from("<I", data, 4)
    end = 8 + riff_length
    width, height, alpha = _size(data)
    extended = data[12:16] == b"VP8X"
    return PhotoHeader(
        "webp",
        width,
        height,
        orientation=_orientation(data, min(end, len(data))) if extended else 1,
        alpha="straight" if alpha else "none",
        truncated=end > len(data),
    )


def _size(data: bytes) -> tuple[int, int, bool]:
    kind = data[12:16]
    if kind == b"VP8X":
        flags, width, width_high, height, height_high = struct.unpack_from("<B3xHBHB", data, 20)
        return (width | width_high << 16) + 1, (height | height_high << 16) + 1, bool(flags & _ALPHA_FLAG)
    if kind == b"VP8L":
        signature, bits = struct.unpack_from("<BI", data, 20)
        if signature != 0x2F:
            raise invalid("WebP", "its lossless pixels do not start as they should")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    if kind == b"VP8 ":
        start, width, height = struct.unpack_from("<3x3sHH", data, 20)
        if start != b"\x9d\x01\x2a":
            raise invalid("WebP", "its pixels do not start as they should")
        return width & 0x3FFF, height & 0x3FFF, False
    struct.unpack_from("<4s", data, 12)
    raise invalid("WebP", "it does not start with a picture")


def _orientation(data: bytes, end: int) -> int:
    position = 12
    for _ in range(_MAX_CHUNKS):
        if position + 8 > end:
            return 1
        kind, length = struct.unpack_from("<4sI", data, position)
        if kind == b"EXIF":
            return exif.orientation(memoryview(data)[position + 8 : position + 8 + length])
        position += 8 + length + (length & 1)
    raise invalid("WebP", f"it has more than {_MAX_CHUNKS} chunks")
