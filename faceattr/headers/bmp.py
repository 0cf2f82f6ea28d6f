"""BMP headers: OS/2 core and Windows info headers of any version."""

from __future__ import annotations

import struct

from faceattr.headers.model import PhotoHeader, invalid, unsupported

MAGIC = b"BM"
_CORE, _INFO = 12, 40
_PLAIN, _RLE8, _RLE4, _MASKS = 0, 1, 2, 3
_KINDS = (
    {(bits, _PLAIN) for bits in (1, 4, 8, 16, 24, 32)} | {(8, _RLE8), (4, _RLE4), (16, _MASKS), (32, _MASKS)}
)  # fmt: skip
_USUAL_MASKS = (0xFF0000, 0x00FF00, 0x0000FF)


def read(data: bytes) -> PhotoHeader:
    """Size and completeness of a BMP; its fourth byte per pixel, if any, is padding.

    Raises InvalidImage, UnsupportedImage, or struct.error where the data end within the header.
    """
    pixels_at, header_length = struct.unpack_from("<II", data, 10)
    compression = packed = 0
    if header_length == _CORE:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    elif header_length >= _INFO:
        width, height, _, bits, compression, packed = struct.unpack_from("<iiHHII", data, 18)
    else:
        raise unsupported(f"a BMP with a rare header of {header_length} bytes")
    if (bits, compression) not in _KINDS:
        raise unsupported(f"a BMP of a rare kind ({bits} bits per pixel, compression {compression})")
    if (bits, compression) == (32, _MASKS) and struct.unpack_from("<III", data, 54) != _USUAL_MASKS:
        raise unsupported("a BMP with an unusual order of its colours")
    if width < 0:
        raise invalid("BMP", f"its width is {width}")
    row = (width * bits + 31) // 32 * 4
    length = row * abs(height) if compression in (_PLAIN, _MASKS) else packed
    return PhotoHeader("bmp", width, abs(height), truncated=pixels_at + length > len(data))
