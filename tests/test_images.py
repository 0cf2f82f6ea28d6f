"""Photos of every kind against Pillow's reading, limits, cuts at every place, and encoding."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from faceattr import images
from faceattr.errors import (
    BadDimensions,
    EmptyImage,
    ImageTooLarge,
    InvalidImage,
    PhotoError,
    TooManyPixels,
    TruncatedImage,
    UnsupportedImage,
)
from faceattr.images import DecodedPhoto, Limits
from faceattr.settings import Settings
from faceattr.types import BGRImage, PictureFormat
from tests.conftest import DATA, ROOT
from tests.photo_bytes import encoded, flat, png_chunk, with_exif_orientation
from tests.photo_files import HEIGHT, WIDTH, animation, bmp, deep, photos, picture, reference, save, see_through, tiff
from tests.photo_files import turned as turned_file

LIMITS = Limits(max_bytes=10_000_000, max_pixels=50_000_000, min_side=16, max_side=16_384)
NAMES = sorted(photos())
BGR = np.asarray(picture())[:, :, ::-1]
ON_WHITE = reference(save(see_through(), "PNG"))
TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(data: bytes) -> BGRImage:
    return images.decode(data, LIMITS).image


def distance(image: BGRImage, expected: BGRImage | np.ndarray) -> int:
    assert image.shape == expected.shape
    return int(np.abs(image.astype(int) - expected).max())


def upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(TRANSPOSES[orientation]) if orientation > 1 else image


# Pixels


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_photo_comes_out_as_pillow_reads_it(name: str) -> None:
    image = decode(photos()[name])
    assert image.flags.c_contiguous
    assert image.dtype == np.uint8
    assert distance(image, reference(photos()[name])) <= 1


def png16(pixels: np.ndarray) -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def png_grey4(transparent: int) -> bytes:
    """4 bits per pixel, of which one grey (0–15) is transparent."""
    grey = np.asarray(picture().convert("L")) >> 4
    rows = b"".join(b"\0" + (row[::2] << 4 | row[1::2]).tobytes() for row in grey)
    size = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 4, 0, 0, 0, 0)
    chunks = (b"IHDR", size), (b"tRNS", struct.pack(">H", transparent)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def bmp_with_masks(bits: int, masks: tuple[int, int, int], pixels: bytes) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, WIDTH, -HEIGHT, 1, bits, 3, len(pixels), 0, 0, 0, 0)
    return struct.pack("<2sIHHI", b"BM", 66 + len(pixels), 0, 0, 66) + header + struct.pack("<III", *masks) + pixels


def bmp565() -> bytes:
    blue, green, red = (BGR[:, :, channel].astype(np.uint16) for channel in range(3))
    packed = (red >> 3 << 11) | (green >> 2 << 5) | blue >> 3
    return bmp_with_masks(16, (0xF800, 0x7E0, 0x1F), packed.astype("<u2").tobytes())


def bmp_rle8() -> bytes:
    grey = np.asarray(picture().convert("L"))[::-1]
    palette = b"".join(bytes([level, level, level, 0]) for level in range(256))
    rows = [b"\0" + bytes([WIDTH]) + row.tobytes() + b"\0\0" for row in grey]
    pixels = b"".join(rows) + b"\0\1"
    header = struct.pack("<IiiHHIIiiII", 40, WIDTH, HEIGHT, 1, 8, 1, len(pixels), 0, 0, 256, 0)
    start = 54 + len(palette)
    return struct.pack("<2sIHHI", b"BM", start + len(pixels), 0, 0, start) + header + palette + pixels


def grey_bgr() -> BGRImage:
    return np.repeat(np.asarray(picture().convert("L"))[:, :, None], 3, axis=2)


RARE: dict[str, tuple[Callable[[], bytes], Callable[[], np.ndarray], int]] = {
    "png 16 bits": (lambda: png16(deep(picture())[:, :, ::-1]), lambda: BGR, 0),
    "png 16 bits grey": (lambda: png16(deep(picture().convert("L"))), grey_bgr, 0),
    "png 16 bits alpha": (lambda: png16(deep(see_through())[:, :, [2, 1, 0, 3]]), lambda: ON_WHITE, 1),
    "png 4 bits, one transparent": (
        lambda: png_grey4(5),
        lambda: np.where(grey_bgr() >> 4 == 5, 255, (grey_bgr() >> 4) * 17),
        0,
    ),
    "tiff 16 bits": (lambda: tiff(deep(picture()), rows=16), lambda: BGR, 0),
    "tiff 16 bits, big endian": (lambda: tiff(deep(picture()), rows=16, order=">"), lambda: BGR, 0),
    "tiff 16 bits grey": (lambda: tiff(deep(picture().convert("L"))), grey_bgr, 0),
    "tiff 16 bits grey tiles": (lambda: tiff(deep(picture().convert("L")), tile=64), grey_bgr, 0),
    "tiff 16 bits alpha": (lambda: tiff(deep(see_through()), extra=2), lambda: ON_WHITE, 1),
    "tiff alpha": (lambda: tiff(np.asarray(see_through()), extra=2), lambda: ON_WHITE, 1),
    "tiff multiplied alpha": (lambda: tiff(multiplied(see_through()), extra=1), lambda: ON_WHITE, 1),
    "tiff 16 bits multiplied alpha": (
        lambda: tiff(multiplied(see_through()).astype(np.uint16) * 257, extra=1),
        lambda: ON_WHITE,
        1,
    ),
    "tiff padding channel": (lambda: tiff(np.asarray(see_through()), extra=0), lambda: BGR, 0),
    "tiff white is zero": (lambda: tiff(255 - grey_bgr()[:, :, 0], more_tags={262: 0}), grey_bgr, 0),
    "bmp 32 bits, padded": (lambda: save(see_through(), "BMP"), lambda: BGR, 0),
    "bmp 32 bits, masks": (
        lambda: bmp_with_masks(32, (0xFF0000, 0xFF00, 0xFF), np.dstack([BGR, BGR[:, :, :1]]).tobytes()),
        lambda: BGR,
        0,
    ),
    "bmp 16 bits": (bmp565, lambda: BGR & [0xF8, 0xFC, 0xF8], 0),
    "bmp run lengths": (bmp_rle8, grey_bgr, 0),
}


def multiplied(image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image).astype(float)
    pixels[:, :, :3] *= pixels[:, :, 3:] / 255
    return np.round(pixels).astype(np.uint8)


@pytest.mark.parametrize("name", RARE)
def test_rare_depths_and_channels_come_out_as_8_bit_bgr(name: str) -> None:
    make, expected, tolerance = RARE[name]
    assert distance(decode(make()), expected()) <= tolerance


def test_what_transparency_hides_stays_hidden() -> None:
    image = picture().copy()
    image.putalpha(0)
    for data in (save(image, "PNG"), save(image, "WEBP", lossless=True, exact=True), save(image, "TIFF")):
        assert (decode(data) == 255).all()


@pytest.mark.parametrize("name", ["gif", "gif transparent"])
def test_gif_frame_smaller_than_its_screen_stands_on_one_colour(name: str) -> None:
    data = bytearray(photos()[name])
    data[6:10] = struct.pack("<HH", WIDTH + 30, HEIGHT + 20)
    image = decode(bytes(data))
    assert distance(image[:HEIGHT, :WIDTH], decode(photos()[name])) == 0
    around = np.vstack([image[HEIGHT:].reshape(-1, 3), image[:HEIGHT, WIDTH:].reshape(-1, 3)])
    assert (around == ([255, 255, 255] if name == "gif transparent" else around[0])).all()


def test_gif_with_a_background_that_its_table_lacks_is_decoded() -> None:
    data = bytearray(save(picture().quantize(4), "GIF"))
    data[11] = 200
    assert distance(decode(bytes(data)), reference(bytes(data))) == 0


def test_animated_png_shows_its_first_frame_even_where_that_is_not_the_still() -> None:
    still = Image.new("RGB", (WIDTH, HEIGHT), "red")
    data = save(still, "PNG", save_all=True, append_images=[picture(), picture().rotate(20)], default_image=True)
    assert distance(decode(data), BGR) == 0


def test_threads_decode_alike() -> None:
    expected = [decode(photos()[name]) for name in NAMES]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            for image, wanted in zip(pool.map(decode, [photos()[name] for name in NAMES]), expected, strict=True):
                assert distance(image, wanted) == 0


# Orientation

TURNED: dict[str, tuple[Callable[[int], bytes], Callable[[], Image.Image]]] = {
    "jpeg": (lambda turn: turned_file(picture(), "JPEG", turn, quality=100, subsampling=0), picture),
    "png": (lambda turn: turned_file(picture(), "PNG", turn), picture),
    "png alpha": (lambda turn: turned_file(see_through(), "PNG", turn), see_through),
    "webp": (lambda turn: turned_file(picture(), "WEBP", turn, lossless=True), picture),
    "webp alpha": (lambda turn: turned_file(see_through(), "WEBP", turn, lossless=True, exact=True), see_through),
    "tiff": (lambda turn: turned_file(picture(), "TIFF", turn), picture),
    "tiff lzw": (lambda turn: turned_file(picture(), "TIFF", turn, compression="tiff_lzw"), picture),
    "tiff alpha": (lambda turn: turned_file(see_through(), "TIFF", turn), see_through),
    "tiff strips": (lambda turn: tiff(np.asarray(picture()), rows=7, orientation=turn), picture),
    "tiff tiles": (lambda turn: tiff(np.asarray(picture()), tile=32, orientation=turn), picture),
    "tiff big endian": (lambda turn: tiff(np.asarray(picture()), orientation=turn, order=">"), picture),
    "tiff 16 bits": (lambda turn: tiff(deep(picture()), rows=16, orientation=turn), picture),
    "tiff 16 bits tiles": (lambda turn: tiff(deep(picture()), tile=32, orientation=turn), picture),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", TURNED)
def test_exif_orientation_is_applied_once(name: str, orientation: int) -> None:
    make, stored = TURNED[name]
    expected = reference(save(upright(stored(), orientation), "PNG"))
    assert distance(decode(make(orientation)), expected) <= (10 if name == "jpeg" else 1)


def test_pillow_turns_the_same_way() -> None:
    for name in ("jpeg", "png", "webp", "tiff"):
        for orientation in range(1, 9):
            data = TURNED[name][0](orientation)
            assert distance(decode(data), reference(data)) <= 1


def test_rotation_is_the_clockwise_turn_after_mirroring() -> None:
    found = {turn: images.decode(TURNED["png"][0](turn), LIMITS).rotation for turn in range(1, 9)}
    assert found == {1: 0, 2: 0, 3: 180, 4: 180, 5: 270, 6: 90, 7: 90, 8: 270}
    for turn, degrees in found.items():
        mirrored = np.fliplr(BGR) if turn in (2, 4, 5, 7) else BGR
        assert distance(decode(TURNED["png"][0](turn)), np.rot90(mirrored, -degrees // 90)) == 0


# Limits


def claiming(file_format: str, width: int, height: int) -> bytes:
    """A photo whose header claims another size than its pixels have."""
    data = bytearray(photos()[file_format])
    if file_format == "jpeg":
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", height, width)
    elif file_format == "png":
        data[16:24] = struct.pack(">II", width, height)
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    elif file_format == "bmp":
        data[18:26] = struct.pack("<ii", width, height)
    elif file_format == "gif":
        data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


@pytest.fixture
def no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        pytest.fail("a decoder was called")

    monkeypatch.setattr(cv2, "imdecode", fail)


@pytest.mark.usefixtures("no_decoder")
@pytest.mark.parametrize("file_format", ["jpeg", "png", "bmp"])
@pytest.mark.parametrize(
    ("width", "height", "error", "words"),
    [
        (30000, 30000, BadDimensions, "30000 × 30000 pixels; a side may have at most 16384"),
        (16385, 16, BadDimensions, "16385 × 16"),
        (16, 16385, BadDimensions, "16 × 16385"),
        (15, 400, BadDimensions, "15 × 400 pixels; a side must have at least 16"),
        (400, 15, BadDimensions, "400 × 15"),
        (10000, 5001, TooManyPixels, "10000 × 5001 = 50,010,000 pixels; at most 50,000,000"),
    ],
)
def test_claimed_size_is_checked_before_a_pixel_is_decoded(
    file_format: str, width: int, height: int, error: type[PhotoError], words: str
) -> None:
    with pytest.raises(error, match=words):
        images.decode(claiming(file_format, width, height), LIMITS)


@pytest.mark.usefixtures("no_decoder")
@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        (b"", EmptyImage, "0 bytes"),
        (b"%PDF-1.4", UnsupportedImage, "PDF"),
        (bytes(10_000_001), ImageTooLarge, "10,000,001 bytes; at most 10,000,000"),
        (photos()["jpeg"][:300], TruncatedImage, "within its header|cut off"),
        (photos()["png"][:300], TruncatedImage, "PNG photo is cut off"),
    ],
)
def test_what_the_bytes_tell_is_checked_before_a_pixel_is_decoded(
    data: bytes, error: type[PhotoError], words: str
) -> None:
    with pytest.raises(error, match=words):
        images.decode(data, LIMITS)


def test_limits_are_inclusive() -> None:
    data = photos()["png"]
    images.decode(data, Limits(len(data), WIDTH * HEIGHT, HEIGHT, WIDTH))
    for limits, error in (
        (Limits(len(data) - 1, WIDTH * HEIGHT, HEIGHT, WIDTH), ImageTooLarge),
        (Limits(len(data), WIDTH * HEIGHT - 1, HEIGHT, WIDTH), TooManyPixels),
        (Limits(len(data), WIDTH * HEIGHT, HEIGHT + 1, WIDTH), BadDimensions),
        (Limits(len(data), WIDTH * HEIGHT, HEIGHT, WIDTH - 1), BadDimensions),
    ):
        with pytest.raises(error):
            images.decode(data, limits)


def test_limits_come_from_the_settings() -> None:
    settings = Settings(max_image_bytes=1, max_pixels=300, min_side=3, max_side=40)
    assert Limits.from_settings(settings) == Limits(1, 300, 3, 40)


# Cuts and damage


def outcomes(data: bytes, cut: Callable[[int], bytes], places: list[int]) -> set[str]:
    whole = decode(data)
    found = set()
    for place in places:
        try:
            image = decode(cut(place))
        except (TruncatedImage, InvalidImage) as error:
            found.add(type(error).__name__)
            continue
        assert image.shape == whole.shape
        assert (image == whole).all(), f"cut after {place} of {len(data)} bytes, a part of the picture was given"
        found.add("whole")
    return found


def places(data: bytes, count: int = 60) -> list[int]:
    """Cuts all over a photo, and at every byte at its end."""
    return sorted({*range(1, len(data), max(1, len(data) // count)), *range(len(data) - 20, len(data))})


SURVIVING_A_CUT = {"gif", "gif animated", "gif interlaced", "gif transparent", "png animated", "tiff fax"}


@pytest.mark.parametrize("name", NAMES)
def test_photo_cut_anywhere_is_truncated_unless_no_pixel_is_missing(name: str) -> None:
    data = photos()[name]
    expected = {"TruncatedImage", "whole"} if name in SURVIVING_A_CUT else {"TruncatedImage"}
    assert outcomes(data, lambda place: data[:place], places(data)) == expected


@pytest.mark.parametrize("name", ["jpeg", "jpeg 4:4:4", "jpeg restart markers", "jpeg grey", "jpeg cmyk", "jpeg rgb"])
def test_jpeg_whose_end_marker_comes_too_early_is_truncated_not_half_grey(name: str) -> None:
    data = photos()[name]
    start = data.index(b"\xff\xda") + 20
    # The last block or two, 16 × 16 pixels in a corner, are beyond what can be told.
    cuts = list(range(start, len(data) - 200, 37))
    assert outcomes(data, lambda place: data[:place] + b"\xff\xd9", cuts) == {"TruncatedImage"}
    assert outcomes(data, lambda place: data[:place] + b"\xff\xd9 and something else", cuts) == {"TruncatedImage"}


def test_jpeg_that_ends_with_its_marker_and_lacks_pixels_may_be_damaged_and_is_told_so() -> None:
    data = photos()["jpeg"]
    middle = (data.index(b"\xff\xda") + len(data)) // 2
    with pytest.raises(TruncatedImage, match="pixels at its end are missing. It was cut off or is damaged"):
        decode(data[:middle] + b"\xff\xd9")


def test_progressive_jpeg_whose_end_marker_comes_before_its_last_scan_is_truncated() -> None:
    data = photos()["jpeg progressive"]
    start, last = data.index(b"\xff\xda") + 14, data.rindex(b"\xff\xda")
    found = outcomes(data, lambda place: data[:place] + b"\xff\xd9", list(range(start, last, 23)))
    assert found == {"TruncatedImage", "InvalidImage"}  # the latter where the cut goes through a table


def test_jpeg_of_which_only_zeros_came_after_a_while_is_not_decoded() -> None:
    data = photos()["jpeg"]
    found = outcomes(data, lambda place: data[:place] + bytes(len(data) - place), places(data)[3:-2])
    assert found <= {"TruncatedImage", "InvalidImage"}


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_jpeg_that_ends_in_plain_grey_is_whole(options: dict[str, Any]) -> None:
    for mode in ("RGB", "L", "CMYK"):
        for level in (64, 65, 127, 128):
            image = picture().copy()
            image.paste((level, level, level), (0, HEIGHT // 2, WIDTH, HEIGHT))
            data = save(image.convert(mode), "JPEG", **options)
            assert distance(decode(data), reference(data)) <= 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("garbage", [b"\0", b"\0" * 5000, b"\xff\xd8\xff\xe0", b"RIFF", photos()["jpeg"]])
def test_bytes_behind_a_photo_change_nothing(name: str, garbage: bytes) -> None:
    assert distance(decode(photos()[name] + garbage), decode(photos()[name])) == 0


def test_thumbnail_neither_stands_for_the_photo_nor_ends_it() -> None:
    thumbnail = save(picture().resize((32, 32)), "JPEG")
    main = photos()["jpeg"]
    payload = b"Exif\0\0" + b"II*\0\x08\0\0\0\0\0\0\0\0\0" + thumbnail
    data = main[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + main[2:]
    assert distance(decode(data), decode(main)) == 0
    assert outcomes(data, lambda place: data[:place], places(data)) == {"TruncatedImage"}


def test_second_picture_behind_a_jpeg_may_be_cut() -> None:
    main = photos()["jpeg"]
    data = main + photos()["jpeg progressive"]
    cuts = list(range(len(main), len(data), 100))
    assert outcomes(data, lambda place: data[:place], cuts) == {"whole"}


def test_animated_png_with_a_cut_or_damaged_second_frame_gives_its_first() -> None:
    data = photos()["png animated"]
    second = data.index(b"fcTL", data.index(b"IDAT"))
    assert outcomes(data, lambda place: data[:place], list(range(second + 4, len(data), 500))) == {"whole"}
    damaged = data[: second + 60] + bytes(50) + data[second + 110 :]
    assert distance(decode(damaged), decode(data)) == 0


@pytest.mark.parametrize(
    ("name", "landmark", "behind"),
    [
        ("jpeg", b"\xff\xc4", 5),  # lengths of Huffman codes
        ("jpeg progressive", b"\xff\xc4", 5),
        ("png", b"IDAT", 500),
        ("png palette", b"IDAT", 500),
        ("webp", b"VP8 ", 11),  # the start code
        ("gif", b",\0\0\0\0", 10),  # bits per code
    ],
)
def test_damage_that_decoders_can_tell_is_invalid(name: str, landmark: bytes, behind: int) -> None:
    data = photos()[name]
    at = data.index(landmark) + behind
    with pytest.raises(InvalidImage, match="damaged"):
        decode(data[:at] + b"\x7f" + data[at + 1 :])


@pytest.mark.usefixtures("no_decoder")
def test_screen_of_a_gif_is_checked_before_a_pixel_is_decoded() -> None:
    with pytest.raises(BadDimensions, match="30000 × 30000"):
        images.decode(claiming("gif", 30000, 30000), LIMITS)


@pytest.mark.parametrize("file_format", ["jpeg", "png", "bmp"])
def test_header_that_lies_about_the_size_is_not_believed(file_format: str) -> None:
    for width, height in ((WIDTH * 4, HEIGHT * 4), (WIDTH, HEIGHT + 32)):
        with pytest.raises((InvalidImage, TruncatedImage)):
            decode(claiming(file_format, width, height))


def test_pixels_of_another_size_than_the_header_says_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "imdecode", lambda *_: np.zeros((8, 9, 3), np.uint8))
    with pytest.raises(InvalidImage, match="96 × 80 pixels, its data hold 9 × 8"):
        decode(photos()["png"])


def test_bomb_of_many_scans_is_refused() -> None:
    data = photos()["jpeg progressive"]
    last = data.rindex(b"\xff\xda")
    with pytest.raises(InvalidImage, match="more than 200 scans"):
        decode(data[:last] + data[last:-2] * 300 + b"\xff\xd9")


def test_bad_uploads_leave_no_trace_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("tiff jpeg", "tiff lzw", "webp", "gif", "bmp", "bmp palette"):
        data = bytearray(photos()[name])
        data[60:400] = bytes(340)
        with pytest.raises(PhotoError):
            decode(bytes(data[: len(data) - 500]))
        try:
            decode(bytes(data))
        except PhotoError:
            continue
    for name in NAMES:
        with pytest.raises(PhotoError):
            decode(photos()[name][: len(photos()[name]) // 3])
    assert capfd.readouterr() == ("", "")


# Memory


@pytest.mark.parametrize(
    ("code", "message"),
    [(-4, "Failed to allocate 90000000 bytes"), (-2, "Insufficient memory"), (-2, "std::bad_alloc")],
)
def test_opencv_out_of_memory_is_a_memory_error(monkeypatch: pytest.MonkeyPatch, code: int, message: str) -> None:
    def fail(*_: Any) -> None:
        error = cv2.error(message)
        error.code = code
        raise error

    monkeypatch.setattr(cv2, "imdecode", fail)
    monkeypatch.setattr(cv2, "imencode", fail)
    monkeypatch.setattr(cv2, "cvtColor", fail)
    with pytest.raises(MemoryError):
        decode(photos()["jpeg"])
    with pytest.raises(MemoryError):
        images.encode(BGR, "jpeg")
    for threads in (1, 2):
        with pytest.raises(MemoryError):
            images.encode(np.resize(BGR, (100, 100, 3)), "png", threads)


def test_opencv_that_raises_means_a_damaged_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        error = cv2.error("assertion failed")
        error.code = -215
        raise error

    monkeypatch.setattr(cv2, "imdecode", fail)
    with pytest.raises(InvalidImage, match="JPEG photo is damaged"):
        decode(photos()["jpeg"])


SHORT_OF_MEMORY = """
import io, resource, sys
from PIL import Image
from faceattr.images import Limits, decode
stream = io.BytesIO()
Image.new("RGB", (4000, 3000), (9, 100, 200)).save(stream, sys.argv[1], progressive=True)
used = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[2]) * 2**20,) * 2)
try:
    decode(stream.getvalue(), Limits(10**8, 10**8, 1, 10**5))
except MemoryError:
    print("MemoryError")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits its memory as Linux does")
@pytest.mark.parametrize(("file_format", "mebibytes"), [("JPEG", 20), ("JPEG", 60), ("GIF", 50)])
def test_photo_too_large_for_the_memory_is_no_damaged_photo(file_format: str, mebibytes: int) -> None:
    command = [sys.executable, "-c", SHORT_OF_MEMORY, file_format, str(mebibytes)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("MemoryError\n", "")


# Encoding


def astronaut() -> DecodedPhoto:
    return images.decode((DATA / "astronaut.jpg").read_bytes(), LIMITS)


def test_png_keeps_every_pixel() -> None:
    image = astronaut().image
    data = images.encode(image, "png")
    assert data.startswith(b"\x89PNG")
    assert distance(decode(data), image) == 0


def test_png_is_no_larger_than_opencv_makes_it_by_default() -> None:
    image = astronaut().image
    assert len(images.encode(image, "png")) < len(cv2.imencode(".png", image)[1])


def test_jpeg_looks_the_same_and_is_small() -> None:
    image = astronaut().image
    data = images.encode(image, "jpeg")
    assert data.startswith(b"\xff\xd8\xff")
    assert np.abs(decode(data).astype(int) - image).mean() < 3
    assert len(data) < len(images.encode(image, "png")) / 3


@pytest.mark.parametrize("picture_format", ["png", "jpeg"])
def test_view_of_an_image_is_encoded_like_a_copy(picture_format: PictureFormat) -> None:
    view = astronaut().image[10:200:2, 300:20:-3]
    assert images.encode(view, picture_format) == images.encode(view.copy(), picture_format)


def test_core_header_and_top_down_rows_agree() -> None:
    assert distance(decode(bmp(picture(), core=True)), decode(bmp(picture(), height=-HEIGHT))) == 0


def test_first_frame_of_every_animation_is_decoded() -> None:
    for file_format, options in (("PNG", {}), ("GIF", {}), ("WEBP", {"lossless": True})):
        first = decode(save(picture(), file_format, **options))
        assert distance(decode(save(picture(), file_format, **animation(), **options)), first) == 0


@pytest.mark.parametrize(("most", "least", "reduction"), [(1, 1, 1), (2, 1, 2), (8, 1, 8), (8, 100, 4), (8, 300, 1)])
def test_a_jpeg_is_decoded_as_small_as_allowed(most: int, least: int, reduction: int) -> None:
    astronaut = (DATA / "astronaut.jpg").read_bytes()
    whole = images.decode(astronaut, LIMITS)
    reduced = images.decode(astronaut, LIMITS, max_reduction=most, least_side=least)
    assert (reduced.width, reduced.height, reduced.reduction) == (512, 512, reduction)
    side = 512 // reduction
    averaged = cv2.resize(whole.image, (side, side), interpolation=cv2.INTER_AREA)
    assert np.abs(reduced.image.astype(int) - averaged).mean() < 3


def test_reduced_sides_are_rounded_up_and_turned_upright() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (101, 203, 3), np.uint8)
    reduced = images.decode(with_exif_orientation(encoded(noise), 6), LIMITS, max_reduction=4)
    assert (reduced.width, reduced.height, reduced.image.shape) == (101, 203, (51, 26, 3))


def test_only_jpegs_are_reduced() -> None:
    assert images.decode(encoded(flat(300, 300), ".png"), LIMITS, max_reduction=8).reduction == 1


def test_a_truncated_jpeg_is_reported_at_reduced_scale_too() -> None:
    astronaut = (DATA / "astronaut.jpg").read_bytes()
    for cut in range(1000, len(astronaut) - 1, 4999):
        for data in (astronaut[:cut], astronaut[:cut] + b"\xff\xd9"):
            with pytest.raises(PhotoError):
                images.decode(data, LIMITS, max_reduction=8)


def test_a_tiff_in_one_strip_of_more_rows_than_it_has_is_read() -> None:
    whole = images.decode(tiff(np.asarray(picture())), LIMITS)
    assert np.array_equal(images.decode(tiff(np.asarray(picture()), more_tags={278: 65535}), LIMITS).image, whole.image)


TEXT_BOMB = zlib.compress(bytes(8_000_000), 9)


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
@pytest.mark.parametrize("behind", [False, True])
def test_a_png_with_text_bombs_costs_no_more_than_its_pixels(kind: bytes, behind: bool) -> None:
    plain = encoded(flat(64, 64), ".png")
    head = {b"zTXt": b"k\0\0", b"iTXt": b"k\0\1\0\0\0", b"iCCP": b"Maria Musterfrau 1999\0\0"}[kind]
    at = plain.index(b"IEND") - 4 if behind else 33
    bombs = png_chunk(kind, head + TEXT_BOMB) * 200
    script = (
        "import resource, sys; from faceattr import images; from faceattr.settings import Settings;"
        "data = sys.stdin.buffer.read(); limits = images.Limits.from_settings(Settings());"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "print(images.decode(data, limits).image.sum());"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], input=plain[:at] + bombs + plain[at:], capture_output=True, cwd=ROOT, check=True
    )
    pixels, grown_kb = ran.stdout.split()
    assert int(pixels) == 64 * 64 * 3 * 128
    assert int(grown_kb) < 30_000
    assert ran.stderr == b""
