"""The first picture of a classic TIFF (TIFF 6.0)."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from faceattr.headers import exif
from faceattr.headers.exif import ORIENTATION, Entry
from faceattr.headers.model import Alpha, Edit, PhotoHeader, invalid, unsupported

MAGICS = (b"II*\0", b"MM\0*")
_SUBFILE, _WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC = 254, 256, 257, 258, 262
_STRIPS, _SAMPLES, _ROWS, _STRIP_LENGTHS, _PLANAR = 273, 277, 278, 279, 284
_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_LENGTHS = 322, 323, 324, 325
_COLOUR_MAP, _JPEG_TABLES = 320, 347
_EXTRA_SAMPLES, _SAMPLE_FORMAT, _DNG_VERSION = 338, 339, 50706
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB = 0, 1, 2, 3, 5, 6, 8
_PREMULTIPLIED, _STRAIGHT = 1, 2
_ALPHAS: dict[int, Alpha] = {_PREMULTIPLIED: "premultiplied", _STRAIGHT: "straight"}
_WHOLE_NUMBERS = 1
_ONE_STRIP = 2**32 - 1
_PLANES = 2
_LARGE_BLOCK = 2**22
_WANTED = frozenset(
    {_SUBFILE, _WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _STRIPS, ORIENTATION, _SAMPLES, _ROWS, _STRIP_LENGTHS, _PLANAR}
    | {_TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_LENGTHS, _EXTRA_SAMPLES, _SAMPLE_FORMAT, _DNG_VERSION}
    | {_COLOUR_MAP, _JPEG_TABLES}
)

Tags = Mapping[int, tuple[int, ...]]


def read(data: bytes) -> PhotoHeader:
    """Size, transparency, orientation and completeness of a TIFF's first picture.

    Raises InvalidImage, UnsupportedImage, or struct.error where the data end before the tags do.
    """
    order = "<" if data[:2] == b"II" else ">"
    found: dict[int, Entry] = {}
    for entry in exif.entries(data, order):
        if entry.tag in _WANTED:
            found.setdefault(entry.tag, entry)
    tags = {tag: exif.integers(data, order, entry) for tag, entry in found.items()}
    width, height = _one(tags, _WIDTH), _one(tags, _HEIGHT)
    _require_a_photo(tags, data)
    _require_sane_blocks(tags, width, height)
    offsets, lengths = (
        tags.get(_TILES) or tags.get(_STRIPS, ()),
        tags.get(_TILE_LENGTHS) or tags.get(_STRIP_LENGTHS, ()),
    )
    if not offsets:
        raise invalid("TIFF", "it does not tell where its pixels are")
    turn = found.get(ORIENTATION)
    return PhotoHeader(
        "tiff",
        width,
        height,
        orientation=exif.valid_orientation(tags.get(ORIENTATION, ())),
        alpha=_alpha(tags),
        truncated=any(start + length > len(data) for start, length in zip(offsets, lengths, strict=False)),
        # OpenCV turns the pixels by itself, but wrongly where they are stored in tiles.
        edits=(Edit(turn.at, turn.at + 12, struct.pack(order + "HHIHH", ORIENTATION, 3, 1, 1, 0)),) if turn else (),
    )


def _one(tags: Tags, tag: int, default: int = 0) -> int:
    return next(iter(tags.get(tag, ())), default)


def _alpha(tags: Tags) -> Alpha:
    return _ALPHAS.get(_one(tags, _EXTRA_SAMPLES), "none")


def _require_a_photo(tags: Tags, data: bytes) -> None:
    """Raise UnsupportedImage for what OpenCV cannot read as a photo, or would read as something else."""
    bits, samples = _one(tags, _BITS, 1), _one(tags, _SAMPLES, 1)
    photometric = _one(tags, _PHOTOMETRIC, _BLACK_IS_ZERO)
    grey = photometric in (_WHITE_IS_ZERO, _BLACK_IS_ZERO)
    if _DNG_VERSION in tags or _one(tags, _SUBFILE) & 1 or data[8:10] == b"CR":
        raise unsupported("a camera's raw file or a TIFF that starts with a preview")
    if any(kind != _WHOLE_NUMBERS for kind in tags.get(_SAMPLE_FORMAT, ())):
        raise unsupported("a TIFF whose pixels are signed or floating-point numbers")
    if bits not in (1, 8, 16) and (bits, photometric) != (4, _PALETTE):
        raise unsupported(f"a TIFF with {bits} bits per channel instead of 1, 8 or 16")
    if photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR, _LAB):
        raise unsupported(f"a TIFF of a rare kind of colour ({photometric})")
    deep_and_rare = bits == 16 and (photometric == _WHITE_IS_ZERO or _one(tags, _PLANAR, 1) == _PLANES)
    if samples > 4 or (grey and samples > 1) or deep_and_rare:
        raise unsupported(f"a TIFF of a rare kind ({samples} channels of {bits} bits, colour {photometric})")


def _require_sane_blocks(tags: Tags, width: int, height: int) -> None:
    """Raise InvalidImage for strips or tiles much larger than the picture: a decoder would make room for them."""
    rows = _one(tags, _ROWS, _ONE_STRIP)
    block = width * min(height, rows)
    if _TILES in tags:
        block = _one(tags, _TILE_WIDTH) * _one(tags, _TILE_HEIGHT)
    if block > max(width * height, _LARGE_BLOCK):
        raise invalid("TIFF", "its blocks of pixels are far larger than the picture")
