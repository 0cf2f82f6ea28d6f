"""Writes PNG on several threads: stripes of rows are compressed at once and joined into one stream.

W3C, "Portable Network Graphics (Third Edition)"; RFC 1950 and 1951 for the stream. OpenCV's encoder is as fast on one
thread, and has no more; most answers carry a picture, and most of their time is its compression.
"""

from __future__ import annotations

import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import cv2
import numpy as np

from faceattr.types import BGRImage

_UP = 2
_ROWS = 64
"""Filtered at once, to stay in the cache and to need little memory."""
_LEAST_ROWS = 32
"""A thread for fewer takes longer to start than to help."""
_ADLER = 65521


def encode_png(image: BGRImage, threads: int) -> bytes:
    """A BGR image (h, w, 3) uint8, neither side 0, as PNG, compressed on so many threads. Raises MemoryError."""
    height, width = image.shape[:2]
    stripes = max(1, min(threads, height // _LEAST_ROWS))
    edges = [height * number // stripes for number in range(stripes + 1)]
    compress = partial(_compressed, image)
    if stripes == 1:
        parts = [compress(0, height)]
    else:
        with ThreadPoolExecutor(stripes) as pool:
            parts = list(pool.map(compress, edges[:-1], edges[1:]))
    check = 1
    for _, of_part, length in parts:
        check = _joined(check, of_part, length)
    bodies = [data for data, _, _ in parts]
    bodies[0] = b"\x78\x01" + bodies[0]  # deflate with a window of 32 kB, the fastest level
    bodies[-1] += struct.pack(">I", check)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)  # 8 bits of each of red, green and blue
    chunks = [(b"IHDR", header), *((b"IDAT", body) for body in bodies), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(part for kind, data in chunks for part in _chunk(kind, data))


def _compressed(image: BGRImage, first: int, end: int) -> tuple[bytes, int, int]:
    """Rows `first` to `end` as a part of the stream, and the check sum and number of the bytes that went into it."""
    # Of a 640×480 and a 12-megapixel photo, on one thread, this makes 0.46 and 14 MB in 9 and 313 ms; level 1 with
    # longer matches 0.44 and 14 MB in 17 and 612 ms; level 6 0.40 and 12 MB in 68 and 2,997 ms. Without run lengths
    # it is 10 % faster, but a blank page becomes 40 times as large.
    deflate = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    width = image.shape[1]
    data, check, length = [], 1, 0
    for top in range(first, end, _ROWS):
        bottom = min(end, top + _ROWS)
        rows = cv2.cvtColor(image[max(0, top - 1) : bottom], cv2.COLOR_BGR2RGB).reshape(-1, width * 3)
        filtered = np.empty((bottom - top, 1 + width * 3), np.uint8)
        filtered[:, 0] = _UP
        if top == 0:
            filtered[0, 1:] = rows[0]
        np.subtract(rows[1:], rows[:-1], out=filtered[1 if top == 0 else 0 :, 1:])
        check, length = zlib.adler32(filtered.data, check), length + filtered.size
        data.append(deflate.compress(filtered.data))
    # What ends on a whole byte without the last block's mark can be followed by another part.
    data.append(deflate.flush(zlib.Z_FINISH if end == image.shape[0] else zlib.Z_SYNC_FLUSH))
    return b"".join(data), check, length


def _joined(first: int, second: int, length: int) -> int:
    """Adler-32 of two parts from those of each; `length`: bytes of the second. From the definition in RFC 1950, 8.2."""
    low = (first & 0xFFFF) + (second & 0xFFFF) - 1
    high = (first >> 16) + (second >> 16) + length * ((first & 0xFFFF) - 1)
    return (high % _ADLER) << 16 | low % _ADLER


def _chunk(kind: bytes, data: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    return struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
