"""Small picture files of every kind for the tests, made from the astronaut with Pillow or by hand."""

from __future__ import annotations

import functools
import io
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from faceattr.types import BGRImage

WIDTH, HEIGHT = 96, 80
Pixels = NDArray[np.uint8] | NDArray[np.uint16]


@functools.cache
def picture() -> Image.Image:
    """The astronaut's face, 96 × 80, RGB."""
    astronaut = Image.open(Path(__file__).parent / "data" / "astronaut.jpg")
    return astronaut.convert("RGB").crop((130, 40, 322, 200)).resize((WIDTH, HEIGHT))


@functools.cache
def see_through() -> Image.Image:
    """The same, from opaque at the bottom to transparent at the top, RGBA."""
    image = picture().copy()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


def save(image: Image.Image, file_format: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def turned(image: Image.Image, file_format: str, orientation: int, **options: Any) -> bytes:
    """A file whose EXIF says how to turn it."""
    exif = Image.Exif()
    exif[274] = orientation
    return save(image, file_format, exif=exif, **options)


def deep(image: Image.Image) -> NDArray[np.uint16]:
    """The pixels of an image with 16 bits per channel."""
    return np.asarray(image).astype(np.uint16) * 257


def animation() -> dict[str, Any]:
    """Options that make Pillow save two more frames."""
    return {"save_all": True, "append_images": [picture().rotate(20), picture().rotate(40)]}


def reference(data: bytes) -> BGRImage:
    """What Pillow makes of the first frame: upright, on white, BGR."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])


@functools.cache
def photos() -> Mapping[str, bytes]:
    """One file of each kind that is decoded, by name; the name starts with the format. All show `picture()`."""
    rgb, rgba, grey = picture(), see_through(), picture().convert("L")
    palette, lines = rgb.quantize(64), rgb.convert("1")
    moving = animation()
    return {
        "jpeg": save(rgb, "JPEG", quality=90),
        "jpeg progressive": save(rgb, "JPEG", quality=90, progressive=True),
        "jpeg 4:4:4": save(rgb, "JPEG", quality=90, subsampling=0),
        "jpeg restart markers": save(rgb, "JPEG", quality=90, restart_marker_rows=1),
        "jpeg grey": save(grey, "JPEG"),
        "jpeg cmyk": save(rgb.convert("CMYK"), "JPEG"),
        "jpeg rgb": save(rgb, "JPEG", keep_rgb=True),
        "png": save(rgb, "PNG"),
        "png grey": save(grey, "PNG"),
        "png 1 bit": save(lines, "PNG"),
        "png palette": save(palette, "PNG"),
        "png alpha": save(rgba, "PNG"),
        "png grey alpha": save(rgba.convert("LA"), "PNG"),
        "png palette alpha": save(rgb.quantize(4), "PNG", transparency=bytes([0, 128, 255, 30])),
        "png transparent colour": save(rgb, "PNG", transparency=rgb.getpixel((10, 10))),
        "png transparent grey": save(grey, "PNG", transparency=grey.getpixel((10, 10))),
        "png transparent bit": save(lines, "PNG", transparency=1),
        "png animated": save(rgb, "PNG", **moving),
        "webp": save(rgb, "WEBP", quality=80),
        "webp lossless": save(rgb, "WEBP", lossless=True),
        "webp alpha": save(rgba, "WEBP", quality=80),
        "webp lossless alpha": save(rgba, "WEBP", lossless=True, exact=True),
        "webp animated": save(rgb, "WEBP", lossless=True, duration=50, **moving),
        "bmp": save(rgb, "BMP"),
        "bmp palette": save(palette, "BMP"),
        "bmp 1 bit": save(lines, "BMP"),
        "bmp top down": bmp(rgb, height=-HEIGHT),
        "bmp core header": bmp(rgb, core=True),
        "gif": save(rgb, "GIF"),
        "gif interlaced": save(palette, "GIF", interlace=1),
        "gif transparent": save(palette, "GIF", transparency=5),
        "gif animated": save(rgb, "GIF", **moving),
        "tiff": save(rgb, "TIFF"),
        "tiff lzw": save(rgb, "TIFF", compression="tiff_lzw"),
        "tiff deflate": save(rgb, "TIFF", compression="tiff_deflate"),
        "tiff jpeg": save(rgb, "TIFF", compression="jpeg"),
        "tiff packbits": save(rgb, "TIFF", compression="packbits"),
        "tiff fax": save(lines, "TIFF", compression="group4"),
        "tiff grey": save(grey, "TIFF"),
        "tiff palette": save(palette, "TIFF"),
        "tiff cmyk": save(rgb.convert("CMYK"), "TIFF"),
        "tiff alpha": save(rgba, "TIFF"),
        "tiff strips": tiff(np.asarray(rgb), rows=16),
        "tiff tags first": tiff(np.asarray(rgb), rows=16, tags_first=True),
        "tiff tiles": tiff(np.asarray(rgb), tile=32),
        "tiff planes": tiff(np.asarray(rgb), rows=16, planes=True),
        "tiff big endian": tiff(np.asarray(rgb), rows=16, order=">"),
    }


def bmp(image: Image.Image, *, height: int | None = None, core: bool = False) -> bytes:
    """A 24-bit BMP; a negative height stores it from the top down; core: with the header of OS/2."""
    rows = np.asarray(image)[:, :, ::-1]
    height = image.height if height is None else height
    pixels = (rows if height < 0 else rows[::-1]).tobytes()  # 96 × 3 bytes per row need no padding
    if core:
        header = struct.pack("<IHHHH", 12, image.width, height, 1, 24)
    else:
        header = struct.pack("<IiiHHIIiiII", 40, image.width, height, 1, 24, 0, len(pixels), 2835, 2835, 0, 0)
    start = 14 + len(header)
    return struct.pack("<2sIHHI", b"BM", start + len(pixels), 0, 0, start) + header + pixels


def tiff(
    pixels: Pixels,
    *,
    rows: int = HEIGHT,
    tile: int = 0,
    planes: bool = False,
    orientation: int = 1,
    extra: int | None = None,
    order: Literal["<", ">"] = "<",
    tags_first: bool = False,
    more_tags: Mapping[int, int] | None = None,
) -> bytes:
    """An uncompressed TIFF of (h, w) or (h, w, c) pixels in strips of some rows, or in square tiles."""
    array: NDArray[Any] = pixels.reshape(*pixels.shape[:2], -1)
    array = array.astype(array.dtype.newbyteorder(order))
    height, width, channels = array.shape
    layers = [array[:, :, [channel]] for channel in range(channels)] if planes else [array]
    blocks = [block for layer in layers for block in (_tiles(layer, tile) if tile else _strips(layer, rows))]
    tags: dict[int, tuple[int, ...]] = {
        256: (width,),
        257: (height,),
        258: (8 * array.itemsize,) * channels,
        259: (1,),
        262: (2 if channels >= 3 else 1,),
        274: (orientation,),
        277: (channels,),
        284: (2 if planes else 1,),
        **({322: (tile,), 323: (tile,)} if tile else {278: (rows,)}),
        **({} if extra is None else {338: (extra,)}),
        **{tag: (value,) for tag, value in (more_tags or {}).items()},
    }
    places, lengths = (324, 325) if tile else (273, 279)
    tags[lengths] = tuple(len(block) for block in blocks)
    tags[places] = (0,) * len(blocks)
    start = 8 + _directory_length(tags) if tags_first else 8
    ends = np.cumsum([start, *tags[lengths]]).tolist()
    tags[places] = tuple(ends[:-1])
    directory_at = 8 if tags_first else ends[-1]
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", directory_at)
    parts = [_directory(tags, directory_at, order), b"".join(blocks)]
    return header + b"".join(parts if tags_first else reversed(parts))


def _strips(array: NDArray[Any], rows: int) -> list[bytes]:
    return [array[top : top + rows].tobytes() for top in range(0, len(array), rows)]


def _tiles(array: NDArray[Any], side: int) -> list[bytes]:
    height, width, channels = array.shape
    padded = np.zeros((-(-height // side) * side, -(-width // side) * side, channels), array.dtype)
    padded[:height, :width] = array
    return [
        padded[top : top + side, left : left + side].tobytes()
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]


def _directory_length(tags: Mapping[int, tuple[int, ...]]) -> int:
    return 2 + 12 * len(tags) + 4 + sum(4 * len(values) for values in tags.values() if len(values) > 1)


def _directory(tags: Mapping[int, tuple[int, ...]], at: int, order: str) -> bytes:
    """The tags at a place in the file, and behind them the values that do not fit into 4 bytes."""
    entries, outside = b"", b""
    outside_at = at + 2 + 12 * len(tags) + 4
    for tag, values in sorted(tags.items()):
        kind, code = (4, "I") if tag in (273, 279, 324, 325) else (3, "H")
        data = struct.pack(f"{order}{len(values)}{code}", *values)
        if len(data) > 4:
            place = struct.pack(order + "I", outside_at + len(outside))
            outside += data.ljust(4 * len(values), b"\0")
        else:
            place = data.ljust(4, b"\0")
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + place
    return struct.pack(order + "H", len(tags)) + entries + bytes(4) + outside
