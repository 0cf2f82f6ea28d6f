"""PNG chunks (W3C PNG, third edition), with those of animations."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from faceattr.headers import exif
from faceattr.headers.model import Alpha, Edit, PhotoHeader, invalid, unsupported

MAGIC = b"\x89PNG\r\n\x1a\n"
_END = bytes.fromhex("0000000049454e44ae426082")
_MAX_CHUNKS = 200_000
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
# Bit 5 of a chunk type's first letter: decoding needs none of these but the ones named. The others are left out: libpng
# inflates texts and colour profiles, which may hide gigabytes in kilobytes, and writes what is wrong with them to
# standard error.
_ANCILLARY = 0x20
_NEEDED = (b"tRNS", b"acTL", b"fcTL", b"fdAT")
_DEPTHS = {
    _GREY: (1, 2, 4, 8, 16),
    _RGB: (8, 16),
    _PALETTE: (1, 2, 4, 8),
    _GREY_ALPHA: (8, 16),
    _RGB_ALPHA: (8, 16),
}


def read(data: bytes) -> PhotoHeader:
    """Size, transparency, orientation and completeness of a PNG.

    Raises InvalidImage, UnsupportedImage, or struct.error where the data end within the header.
    """
    width, height, depth, colour = _size(data)
    alpha: Alpha = "straight" if colour in (_GREY_ALPHA, _RGB_ALPHA) else "none"
    transparent_grey: int | None = None
    orientation: int | None = None
    animation, still_is_first, pixels_seen, pixels_end, ended = (0, 0), False, False, 0, False
    needless: list[tuple[int, int]] = []
    for kind, start, stop in _chunks(data):
        if kind[0] & _ANCILLARY and kind not in _NEEDED:
            # Runs of them become one edit.
            begin = needless.pop()[0] if needless and needless[-1][1] == start - 8 else start - 8
            needless.append((begin, stop + 4))
        if kind == b"IDAT":
            pixels_seen = True
        elif pixels_seen and not pixels_end:
            pixels_end = start - 8
        if kind == b"acTL" and not pixels_seen:
            animation = (start - 8, stop + 4)
        elif kind == b"fcTL" and not pixels_seen:
            still_is_first = True
        elif kind == b"tRNS" and colour in (_RGB, _PALETTE):
            alpha = "straight"
        elif kind == b"tRNS" and colour == _GREY:
            # Greys of fewer than 8 bits are decoded to 0–255.
            transparent_grey = struct.unpack_from(">H", data, start)[0] * (255 // (2**depth - 1) if depth < 8 else 1)
        elif kind == b"eXIf" and orientation is None:
            orientation = exif.orientation(memoryview(data)[start:stop])
        elif kind == b"IEND":
            ended = True
    edits = [Edit(begin, end, b"") for begin, end in needless]
    if animation[1] and still_is_first and pixels_end:
        # Without the frames behind the first one, and without the word that there are some, their damage is no matter.
        edits = [Edit(*animation, b""), *(edit for edit in edits if edit.start < pixels_end)]
        edits, ended = [*sorted(edits, key=lambda edit: edit.start), Edit(pixels_end, None, _END)], True
    return PhotoHeader(
        "png",
        width,
        height,
        orientation=orientation or 1,
        alpha=alpha,
        transparent_grey=transparent_grey,
        truncated=not ended,
        edits=tuple(edits),
    )


def _size(data: bytes) -> tuple[int, int, int, int]:
    kind = data[12:16]
    if kind == b"CgBI":
        raise unsupported("a PNG rewritten for iPhone apps (CgBI)")
    if len(kind) == 4 and kind != b"IHDR":
        raise invalid("PNG", "it does not start with its size")
    width, height, depth, colour = struct.unpack_from(">IIBB", data, 16)
    if depth not in _DEPTHS.get(colour, ()):
        raise invalid("PNG", f"there is no colour type {colour} with {depth} bits")
    return width, height, depth, colour


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and stop of each chunk's data, to IEND or to the first chunk that the data do not hold in full.

    That one is still named, because it ends what came before it, unless it is IEND.
    """
    position = len(MAGIC)
    for _ in range(_MAX_CHUNKS):
        if position + 8 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, position)
        start, stop = position + 8, position + 8 + length
        whole = stop + 4 <= len(data)
        if whole or kind != b"IEND":
            yield kind, start, stop
        if not whole or kind == b"IEND":
            return
        position = stop + 4
    raise invalid("PNG", f"it has more than {_MAX_CHUNKS} chunks")
