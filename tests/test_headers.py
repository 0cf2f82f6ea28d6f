"""What a header tells, from real files of every kind, from hand-made ones, and from any bytes at all."""

from __future__ import annotations

import contextlib
import io
import struct
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from faceattr.errors import EmptyImage, InvalidImage, PhotoError, TruncatedImage, UnsupportedImage
from faceattr.headers import PhotoHeader, read_header
from tests import photo_files
from tests.photo_files import HEIGHT, WIDTH, photos, picture, save, tiff, turned

NAMES = sorted(photos())
EXIF_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF")


def segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def frame(width: int, height: int, marker: int = 0xC0, precision: int = 8) -> bytes:
    return segment(marker, struct.pack(">BHHB", precision, height, width, 1) + b"\1\x11\0")


def scan(first: int = 0, last: int = 63, bits: int = 0) -> bytes:
    return segment(0xDA, bytes([1, 1, 0, first, last, bits])) + b"pixels"


def jpeg(*parts: bytes) -> bytes:
    return b"\xff\xd8" + b"".join(parts) + b"\xff\xd9"


def chunk(kind: bytes, payload: bytes = b"") -> bytes:
    return struct.pack(">I4s", len(payload), kind) + payload + bytes(4)


def png(*chunks: bytes, depth: int = 8, colour: int = 2) -> bytes:
    size = chunk(b"IHDR", struct.pack(">IIBBBBB", 20, 10, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + size + b"".join(chunks)


def exif_block(orientation: int, kind: int = 3, order: str = "<") -> bytes:
    value = struct.pack(order + ("HH" if kind == 3 else "I"), *((orientation, 0) if kind == 3 else (orientation,)))
    start = b"II*\0" if order == "<" else b"MM\0*"
    return start + struct.pack(order + "IHHHI", 8, 1, 274, kind, 1) + value + bytes(4)


@pytest.mark.parametrize("name", NAMES)
def test_format_and_size_are_told_without_decoding(name: str) -> None:
    header = read_header(photos()[name])
    assert (header.format, header.width, header.height) == (name.split()[0], WIDTH, HEIGHT)
    assert (header.orientation, header.truncated) == (1, False)


def test_alpha_is_told_where_there_is_some() -> None:
    declared = {name: read_header(photos()[name]).alpha for name in NAMES}
    assert {name for name, alpha in declared.items() if alpha == "straight"} == {
        *("png alpha", "png grey alpha", "png palette alpha", "png transparent colour", "tiff alpha"),
        *("webp alpha", "webp lossless alpha", "webp animated"),
        "gif transparent",
    }
    assert read_header(tiff(np.asarray(photo_files.see_through()), extra=1)).alpha == "premultiplied"
    assert read_header(tiff(np.asarray(photo_files.see_through()), extra=0)).alpha == "none"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", EXIF_FORMATS)
def test_orientation_is_told_for_every_format_with_exif(file_format: str, orientation: int) -> None:
    header = read_header(turned(picture(), file_format, orientation))
    assert (header.orientation, header.width, header.height) == (orientation, WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (exif_block(6), 6),
        (exif_block(6, order=">"), 6),
        (exif_block(6, kind=4), 6),
        (exif_block(0), 1),
        (exif_block(9), 1),
        (exif_block(6, kind=2), 1),
        (exif_block(6)[:12], 1),
        (b"II*\0" + struct.pack("<I", 2**31), 1),
        (b"not exif", 1),
        (b"", 1),
    ],
)
def test_exif_that_cannot_be_read_costs_the_turn_and_not_the_photo(block: bytes, expected: int) -> None:
    in_jpeg = jpeg(segment(0xE1, b"Exif\0\0" + block), frame(20, 10), scan())
    in_png = png(chunk(b"IDAT"), chunk(b"eXIf", block), chunk(b"IEND"))
    assert read_header(in_jpeg).orientation == read_header(in_png).orientation == expected


def test_exif_prefix_within_a_webp_chunk_is_skipped() -> None:
    plain = turned(picture(), "WEBP", 6)
    at = plain.index(b"EXIF") + 8
    block = b"Exif\0\0" + plain[at:]
    prefixed = plain[: at - 4] + struct.pack("<I", len(block)) + block
    prefixed = prefixed[:4] + struct.pack("<I", len(prefixed) - 8) + prefixed[8:]
    assert read_header(prefixed).orientation == 6


@pytest.mark.parametrize(
    ("parts", "size"),
    [
        ((frame(20, 10), scan()), (20, 10)),
        ((b"\xff\xff\xff", frame(20, 10), scan()), (20, 10)),  # padding before a marker
        ((segment(0xE0, b""), b"junk", frame(20, 10), scan()), (20, 10)),
        ((b"\xff\x01", b"\xff\xd0", frame(20, 10), scan()), (20, 10)),  # markers without a segment
        ((segment(0xE0, frame(1, 2)), frame(20, 10), scan()), (20, 10)),  # a thumbnail's frame
        ((segment(0xE1, b"\xff\xd9"), frame(20, 10), scan()), (20, 10)),  # a thumbnail's end
        ((frame(20, 10, 0xC1), scan()), (20, 10)),
        ((frame(60000, 50000), scan()), (60000, 50000)),
    ],
)
def test_jpeg_size_is_that_of_the_frame_libjpeg_decodes(parts: tuple[bytes, ...], size: tuple[int, int]) -> None:
    header = read_header(jpeg(*parts))
    assert (header.width, header.height, header.truncated) == (*size, False)


@pytest.mark.parametrize(
    ("parts", "error", "words"),
    [
        ((frame(20, 10), frame(30, 10), scan()), InvalidImage, "two frames"),
        ((scan(), frame(20, 10)), InvalidImage, "before their size"),
        ((frame(20, 10), b"\xff\xd8", scan()), InvalidImage, "starts twice"),
        ((b"\xff\xe0\0\1", frame(20, 10)), InvalidImage, "1 bytes"),
        ((frame(0, 10), scan()), InvalidImage, "0 × 10"),
        ((frame(20, 0), scan()), InvalidImage, "20 × 0"),
        ((frame(20, 10, precision=12), scan()), UnsupportedImage, "12 bits"),
        ((frame(20, 10, 0xC3), scan()), UnsupportedImage, "lossless"),
        ((), TruncatedImage, "ends before"),
        ((frame(20, 10, 0xC2), *[scan(0, 0)] * 201), InvalidImage, "200 scans"),
        ((frame(10_000, 10_000, 0xC2), *[scan(0, 0)] * 25), InvalidImage, "24 scans"),
        ((frame(20, 10, 0xC2), scan(1, 64)), InvalidImage, "1 to 64"),
        ((frame(20, 10), scan().replace(b"\1\1\0", b"\1\7\0")), InvalidImage, "colour channel"),
    ],
)
def test_senseless_jpeg_header_is_named(parts: tuple[bytes, ...], error: type[PhotoError], words: str) -> None:
    with pytest.raises(error, match=words):
        read_header(jpeg(*parts))


@pytest.mark.parametrize(
    ("scans", "truncated"),
    [
        ([scan(0, 0), scan(1, 63)], False),
        ([scan(0, 0, 1), scan(1, 63), scan(0, 0, 0x10)], False),
        ([scan(0, 0, 1), scan(1, 63)], True),  # the last bit of the brightness is missing
        ([scan(0, 0), scan(1, 5)], True),  # the finer details are missing
        ([], True),
    ],
)
def test_progressive_jpeg_is_whole_only_when_its_scans_bring_every_bit(scans: list[bytes], truncated: bool) -> None:
    header = read_header(jpeg(frame(20, 10, 0xC2), *scans))
    assert (header.scans, header.truncated) == (max(1, len(scans)), truncated)


def test_scans_of_a_real_progressive_jpeg_are_counted() -> None:
    assert read_header(photos()["jpeg progressive"]).scans == 10


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (png(depth=4), InvalidImage, "colour type 2 with 4 bits"),
        (png(colour=5), InvalidImage, "colour type 5"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"CgBI", bytes(4)), UnsupportedImage, "iPhone"),
        (b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", bytes(40)), InvalidImage, "start with its size"),
        (b"RIFF\x30\0\0\0WEBPVP8L" + bytes(40), InvalidImage, "lossless"),
        (b"RIFF\x30\0\0\0WEBPVP8 " + bytes(40), InvalidImage, "WebP"),
        (b"RIFF\x30\0\0\0WEBPJUNK" + bytes(40), InvalidImage, "WebP"),
        (photos()["bmp"][:14] + struct.pack("<I", 16) + bytes(80), UnsupportedImage, "16 bytes"),
        (photos()["bmp"][:28] + struct.pack("<H", 7) + bytes(80), UnsupportedImage, "7 bits"),
        (photos()["bmp"][:28] + struct.pack("<HI", 32, 3) + bytes(80), UnsupportedImage, "order of its colours"),
        (photos()["bmp"][:18] + struct.pack("<i", -5) + photos()["bmp"][22:], InvalidImage, "width is -5"),
        (b"GIF89a" + struct.pack("<HHBBB", 9, 9, 0, 0, 0) + b";", InvalidImage, "no picture"),
        (b"GIF89a" + struct.pack("<HHBBBBHHHHB", 9, 9, 0, 0, 0, 44, 5, 0, 8, 2, 0), InvalidImage, "8 × 2"),
        (b"MM\0+" + bytes(80), UnsupportedImage, "BigTIFF"),
        (save(picture().convert("F"), "TIFF"), UnsupportedImage, "floating-point"),
        (tiff(np.asarray(picture()), more_tags={254: 1}), UnsupportedImage, "raw file"),
        (tiff(np.asarray(picture()), more_tags={50706: 1}), UnsupportedImage, "raw file"),
        (tiff(np.asarray(picture()), more_tags={258: 12}), UnsupportedImage, "12 bits"),
        (tiff(np.asarray(picture()), more_tags={262: 9}), UnsupportedImage, "colour"),
        (tiff(np.asarray(picture())[:, :, :2]), UnsupportedImage, "2 channels"),
        (tiff(photo_files.deep(picture()), planes=True), UnsupportedImage, "16 bits"),
        (tiff(photo_files.deep(picture().convert("L")), more_tags={262: 0}), UnsupportedImage, "16 bits"),
        (tiff(np.asarray(picture()), tile=32, more_tags={322: 60000, 323: 60000}), InvalidImage, "far larger"),
        (b"II*\0\x08\0\0\0\0\0\0\0\0\0", InvalidImage, "where its pixels are"),
    ],
)
def test_senseless_or_rare_header_is_named(data: bytes, error: type[PhotoError], words: str) -> None:
    with pytest.raises(error, match=words):
        read_header(data)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.7\n", "a PDF document"),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"\xef\xbb\xbf\n <HTML lang=en>", "an HTML page"),
        (b"<svg xmlns='x'/>", "an SVG drawing"),
        (b"<?xml version='1.0'?>\n<!-- x -->\n<svg/>", "an SVG drawing"),
        (b"<?xml version='1.0'?><Error/>", "an XML document"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC picture"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic", "a HEIC picture"),
        (b"\0\0\0\x1cftypavif\0\0\0\0mif1", "an AVIF picture"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", "an AVIF picture"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "a camera's raw file"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isom", "a video (MP4 or MOV)"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
        (b"\xff\x4f\xff\x51\0\x2f", "a JPEG 2000 picture"),
        (b"\xff\x0a\xfa", "a JPEG XL picture"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
        (b"\0\0\1\0\1\0", "an icon (ICO)"),
        (b"\x76\x2f\x31\x01\2", "an OpenEXR picture"),
        (b"#?RADIANCE\n", "a Radiance HDR picture"),
        (b"8BPS\0\1", "a Photoshop document (PSD)"),
        (b"PK\3\4\x14", "a ZIP archive"),
        (b"RIFF\0\0\0\0AVI LIST", "a video (AVI)"),
        (b"\x1a\x45\xdf\xa3\1", "a video (Matroska or WebM)"),
        (b"P6\n640 480\n255\n\0\0", "a Netpbm picture"),
        (bytes(128) + b"DICM", "a medical picture (DICOM)"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer"),
        (b"/9j/4AAQSkZJRgABAQ==", "base64 text"),
        (b"data:image/jpeg;base64,/9j/4A", "a data URL"),
        (b'{"error": "not found"}', "JSON text"),
        ("Grüße\n".encode(), "plain text"),
        (("é" * 2000).encode()[1:], "a file of an unknown kind"),
        (b"a" + ("é" * 2000).encode(), "plain text"),
        (bytes(500), "nothing but zero bytes"),
        (b"\x93\x01\x02\xfe", "a file of an unknown kind"),
    ],
)
def test_unsupported_bytes_are_named_with_what_is_supported(data: bytes, kind: str) -> None:
    with pytest.raises(UnsupportedImage) as caught:
        read_header(data)
    assert str(caught.value).startswith(f"This is {kind}")
    assert str(caught.value).endswith("Supported formats are JPEG, PNG, WebP, BMP, GIF and TIFF.")


def test_errors_tell_nothing_of_what_the_bytes_say() -> None:
    with pytest.raises(UnsupportedImage) as caught:
        read_header(b"my secret diary")
    assert "secret" not in str(caught.value)


def test_no_bytes_are_an_empty_photo() -> None:
    with pytest.raises(EmptyImage, match="0 bytes"):
        read_header(b"")


@pytest.mark.parametrize("name", NAMES)
def test_beginning_of_a_photo_is_truncated_or_tells_the_right_size(name: str) -> None:
    data = photos()[name]
    for length in [*range(2, min(1000, len(data))), *range(1000, len(data), 97)]:
        try:
            header = read_header(data[:length])
        except TruncatedImage:
            continue
        assert (header.width, header.height) == (WIDTH, HEIGHT), length


@pytest.mark.parametrize(
    "name", ["jpeg", "jpeg progressive", "png", "png palette", "webp", "webp alpha", "bmp", "gif", "tiff tags first"]
)
def test_missing_last_byte_is_told_by_the_header(name: str) -> None:
    data = photos()[name]
    assert read_header(data[: -2 if name == "gif" else -1]).truncated  # a GIF's last byte follows its pixels


@pytest.mark.parametrize("name", NAMES)
def test_bytes_behind_the_photo_change_nothing(name: str) -> None:
    plain, trailed = read_header(photos()[name]), read_header(photos()[name] + b"\xff\xd8\xff\xda garbage")
    assert (trailed.truncated, trailed.scans, trailed.edits) == (False, plain.scans, plain.edits)


FLOODS = {
    "JPEG padding": b"\xff\xd8" + b"\xff" * 10_000_000,
    "JPEG markers": b"\xff\xd8" + b"\xff\x01" * 5_000_000,
    "JPEG segments": b"\xff\xd8" + b"\xff\xe0\0\2" * 2_500_000,
    "JPEG stuffing": jpeg(frame(20, 10, 0xC2), scan(0, 0), b"\xff\x00" * 5_000_000),
    "JPEG scans": jpeg(frame(20, 10, 0xC2), scan(0, 0) * 500_000),
    "PNG chunks": png(chunk(b"teXt") * 800_000),
    "WebP chunks": b"RIFF\xff\xff\xff\0WEBPVP8X\x0a\0\0\0" + bytes(10) + b"JUNK\0\0\0\0" * 1_250_000,
    "GIF blocks": photos()["gif"][:781] + b"!\xfe" + b"\1a" * 5_000_000,
    "TIFF tags": b"II*\0\x08\0\0\0\xff\xff"
    + b"".join(struct.pack("<HHII", tag, 4, 999_999, 8) for tag in range(65535))
    + bytes(4_000_000),
    "text": b" " * 10_000_000,
    "markup": b"<?xml " + b"<" * 10_000_000,
}


def calls_for(data: bytes) -> int:
    """How many calls, of Python's functions and C's, reading a header takes: its work, whatever the machine's speed."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        with contextlib.suppress(PhotoError):
            read_header(data)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize("name", FLOODS)
def test_hostile_headers_are_answered_with_bounded_work(name: str) -> None:
    assert calls_for(FLOODS[name]) < 1_500_000


@pytest.mark.parametrize("name", ["JPEG markers", "JPEG segments", "PNG chunks", "WebP chunks", "GIF blocks"])
def test_endless_headers_are_given_up(name: str) -> None:
    with pytest.raises(InvalidImage, match="more than"):
        read_header(FLOODS[name])


def test_the_header_of_a_plain_jpeg_costs_the_same_however_large_it_is() -> None:
    small = photos()["jpeg"]
    large = small[:-2] + b"\x55" * 5_000_000 + small[-2:]
    assert not read_header(large).truncated
    assert calls_for(large) == calls_for(small) < 200


def assert_header_or_photo_error(data: bytes) -> None:
    try:
        header = read_header(data)
    except PhotoError as error:
        assert str(error).endswith(".")
        return
    assert isinstance(header, PhotoHeader)
    assert header.width > 0
    assert header.height > 0
    assert 1 <= header.orientation <= 8


@settings(deadline=None)
@given(st.sampled_from([b"", *(photos()[name][:12] for name in NAMES)]), st.binary(max_size=300))
def test_any_bytes_give_a_header_or_a_photo_error(start: bytes, rest: bytes) -> None:
    assert_header_or_photo_error(start + rest)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(NAMES),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8),
    st.integers(0, 6000),
)
def test_damaged_photos_give_a_header_or_a_photo_error(name: str, damage: list[tuple[int, int]], length: int) -> None:
    data = bytearray(photos()[name])
    for place, value in damage:
        data[place % len(data)] = value
    assert_header_or_photo_error(bytes(data[: length or None]))


def test_pillow_agrees_on_the_size_of_every_file() -> None:
    assert all(Image.open(io.BytesIO(data)).size == (WIDTH, HEIGHT) for data in photos().values())
