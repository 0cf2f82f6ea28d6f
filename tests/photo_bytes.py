"""Photos for tests, made of the astronaut or of nothing."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np

from faceattr.types import BGRImage


def encoded(image: BGRImage, extension: str = ".jpg") -> bytes:
    ok, buffer = cv2.imencode(extension, image)
    assert ok
    return buffer.tobytes()


def decoded(photo: bytes) -> BGRImage:
    image = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return np.asarray(image, np.uint8)


def flat(width: int, height: int, level: int = 128) -> BGRImage:
    return np.full((height, width, 3), level, np.uint8)


def on_grey(photo: bytes, width: int, height: int, x: int, y: int) -> BGRImage:
    """A photo pasted onto a grey image at (x, y)."""
    image, pasted = flat(width, height), decoded(photo)
    image[y : y + pasted.shape[0], x : x + pasted.shape[1]] = pasted
    return image


def jpeg_of_size(width: int, height: int) -> bytes:
    """A small JPEG whose header claims a size that its pixels do not have."""
    photo = bytearray(encoded(flat(64, 64)))
    start = photo.index(b"\xff\xc0")
    photo[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(photo)


def with_exif_orientation(photo: bytes, orientation: int) -> bytes:
    """A JPEG with an EXIF orientation tag (TIFF tag 274)."""
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 274, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + tiff
    return photo[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + photo[2:]


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def blank_png(width: int, height: int) -> bytes:
    """A black grey-scale PNG of any size in few bytes."""
    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(bytes(width + 1)) for _ in range(height)) + rows.flush()
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")
