from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceattr.png import encode_png
from faceattr.types import BGRImage
from tests.photo_bytes import decoded


def grain(height: int, width: int, seed: int = 0) -> BGRImage:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and data of every chunk, each with the right check sum."""
    found, at = [], 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", png, at + 8 + length) == (zlib.crc32(kind + data),)
        found.append((kind, data))
        at += 12 + length
    return found


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 40), st.integers(1, 5), st.booleans())
def test_a_picture_comes_back_pixel_by_pixel(height: int, width: int, threads: int, blank: bool) -> None:
    image = np.full((height, width, 3), 7, np.uint8) if blank else grain(height, width)
    assert (decoded(encode_png(image, threads)) == image).all()


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_stream_is_one_and_whole_however_many_threads_made_it(threads: int, astronaut: bytes) -> None:
    image = decoded(astronaut)
    png = encode_png(image, threads)
    kinds = [kind for kind, _ in chunks(png)]
    assert kinds == [b"IHDR", *[b"IDAT"] * threads, b"IEND"]
    stream = b"".join(data for kind, data in chunks(png) if kind == b"IDAT")
    inflate = zlib.decompressobj()
    rows = inflate.decompress(stream)  # fails for a wrong check sum
    assert inflate.eof
    assert inflate.unused_data == b""
    assert len(rows) == image.shape[0] * (1 + image.shape[1] * 3)


def test_parts_cost_hardly_any_bytes_and_blank_pages_are_small(astronaut: bytes) -> None:
    image = decoded(astronaut)
    assert len(encode_png(image, 4)) < 1.005 * len(encode_png(image, 1))
    assert len(encode_png(image, 1)) <= 1.02 * len(cv2.imencode(".png", image)[1])
    assert len(encode_png(np.full((1500, 2000, 3), 255, np.uint8), 2)) < 100_000


def test_a_view_of_a_larger_image_is_written_as_it_looks() -> None:
    image = grain(200, 200)[10:150:2, ::-1]
    assert (decoded(encode_png(image, 2)) == image).all()
