"""GIF blocks (GIF87a, GIF89a) up to the end of the first frame."""

from __future__ import annotations

import struct

from faceattr.headers.model import Alpha, Edit, PhotoHeader, invalid

MAGICS = (b"GIF87a", b"GIF89a")
_EXTENSION, _CONTROL, _FRAME, _TRAILER = 0x21, 0xF9, 0x2C, 0x3B
_MAX_BLOCKS = 1_000_000


def read(data: bytes) -> PhotoHeader:
    """Size and completeness of a GIF's first frame, the only one that is decoded.

    Raises InvalidImage, or struct.error and IndexError where the data end within the header.
    """
    width, height, flags, background = struct.unpack_from("<HHBB", data, 6)
    position = 13 + _table_length(flags)
    alpha: Alpha = "none"
    while data[position] == _EXTENSION:
        if data[position + 1] == _CONTROL and data[position + 3] & 1:
            alpha = "straight"
        position = _skip_blocks(data, position + 2)
    if data[position] != _FRAME:
        raise invalid("GIF", "it holds no picture")
    left, top, frame_width, frame_height, frame_flags = struct.unpack_from("<HHHHB", data, position + 1)
    if left + frame_width > width or top + frame_height > height:
        raise invalid(
            "GIF", f"its first frame ({frame_width} × {frame_height}) reaches out of its {width} × {height} screen"
        )
    try:
        end = _skip_blocks(data, position + 11 + _table_length(frame_flags))
    except IndexError:
        return PhotoHeader("gif", width, height, alpha=alpha, truncated=True)
    edits = []
    if flags & 0x80 and 3 * background >= _table_length(flags):
        edits.append(Edit(11, 12, b"\0"))  # A background that the table lacks is never seen, but OpenCV refuses it.
    if data[end : end + 1] != bytes([_TRAILER]):
        edits.append(Edit(end, None, bytes([_TRAILER])))
    return PhotoHeader("gif", width, height, alpha=alpha, edits=tuple(edits))


def _table_length(flags: int) -> int:
    """Bytes of the colour table that the flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _skip_blocks(data: bytes, position: int) -> int:
    """The place behind a chain of blocks, each led by its length, that one of length 0 ends."""
    for _ in range(_MAX_BLOCKS):
        length = data[position]
        position += length + 1
        if not length:
            return position
    raise invalid("GIF", f"it has more than {_MAX_BLOCKS} blocks")
