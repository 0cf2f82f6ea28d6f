"""JPEG markers (ITU-T T.81, annex B) up to the frame and scans that libjpeg decodes."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from faceattr.errors import TruncatedImage
from faceattr.headers import exif
from faceattr.headers.model import PhotoHeader, invalid, unsupported

MAGIC = b"\xff\xd8\xff"
END = b"\xff\xd9"
# A scan of a few bytes makes libjpeg pass over every pixel (0.03 s for 49 megapixels). Encoders write up to 18 scans.
_SCANS_ALWAYS, _SCANS_NEVER, _PASSED_PIXELS = 24, 200, 10**9
_MAX_MARKERS = 10_000
_SOI, _EOI, _SOS, _APP1, _TEM = 0xD8, 0xD9, 0xDA, 0xE1, 0x01
_SEQUENTIAL, _PROGRESSIVE = (0xC0, 0xC1, 0xC9), (0xC2, 0xCA)
_OTHER_FRAMES = (0xC3, 0xC5, 0xC6, 0xC7, 0xC8, 0xCB, 0xCD, 0xCE, 0xCF)
# Not FF00, which stands for FF among the pixels, not FFFF, which is padding, and not a restart (D0–D7). One FF only:
# a quantifier here would make a long run of FF quadratic.
_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")


@dataclass(frozen=True, slots=True)
class _Frame:
    """A start-of-frame segment, and for each component the bits that its 64 coefficients still lack."""

    width: int
    height: int
    progressive: bool
    missing_bits: dict[int, bytearray]

    @property
    def max_scans(self) -> int:
        affordable = _PASSED_PIXELS // max(1, self.width * self.height)
        return max(_SCANS_ALWAYS, min(affordable, _SCANS_NEVER))


def read(data: bytes) -> PhotoHeader:
    """The frame, orientation and scans of a JPEG. Raises TruncatedImage, InvalidImage or UnsupportedImage."""
    frame: _Frame | None = None
    orientation: int | None = None
    scans, pixels_at, ended = 0, 0, False
    for marker, at, stop in _markers(data):
        if marker in _SEQUENTIAL or marker in _PROGRESSIVE or marker in _OTHER_FRAMES:
            if frame:
                raise invalid("JPEG", "it has two frames")
            frame = _frame(data, marker, at)
        elif marker == _APP1 and orientation is None and data.startswith(b"Exif\0\0", at + 2):
            orientation = exif.orientation(memoryview(data)[at + 2 : stop])
        elif marker == _SOS:
            if frame is None:
                raise invalid("JPEG", "its pixels come before their size")
            scans, pixels_at = scans + 1, pixels_at or stop
            whole = _count_scan(data, at, frame)
            if scans > frame.max_scans:
                raise invalid("JPEG", f"it has more than {frame.max_scans} scans")
            if whole and scans == 1 and not frame.progressive:
                # The usual photo. Searching its one scan from behind costs nothing, walking through it milliseconds.
                ended = data.rfind(END, at) >= 0
                break
        elif marker == _EOI:
            ended = True
            break
        elif marker == _SOI:
            raise invalid("JPEG", "it starts twice")
    if frame is None:
        raise TruncatedImage("The JPEG ends before it tells its size.")
    complete = ended and not any(any(bits) for bits in frame.missing_bits.values())
    return PhotoHeader(
        "jpeg",
        frame.width,
        frame.height,
        orientation=orientation or 1,
        scans=max(1, scans),
        truncated=not complete,
        pixels_at=pixels_at,
    )


def scan_end(data: bytes, start: int) -> int:
    """Where the pixels of a scan that starts there end: at the next marker, or at the end of the data."""
    found = _MARKER.search(data, start)
    return found.start() if found else len(data)


def _markers(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Each marker, where its segment starts and stops, skipping pixels, to the end of the data at most."""
    position = 2
    for _ in range(_MAX_MARKERS):
        found = _MARKER.search(data, position)
        if found is None:
            return
        marker, start, length = data[found.end() - 1], found.end(), 0
        if marker not in (_SOI, _EOI, _TEM):
            if start + 2 > len(data):
                return
            (length,) = struct.unpack_from(">H", data, start)
            if length < 2:
                raise invalid("JPEG", f"a segment gives its length as {length} bytes")
        position = start + length
        yield marker, start, position
    raise invalid("JPEG", f"it has more than {_MAX_MARKERS} segments")


def _frame(data: bytes, marker: int, at: int) -> _Frame:
    precision, height, width, components = struct.unpack_from(">BHHB", data, at + 2)
    if marker in _OTHER_FRAMES:
        raise unsupported("a JPEG of a rare kind (lossless or hierarchical)")
    if precision != 8:
        raise unsupported(f"a JPEG with {precision} bits per channel instead of 8")
    if not 1 <= components <= 4:
        raise invalid("JPEG", f"it has {components} colour channels instead of 1 to 4")
    names = data[at + 8 : at + 8 + 3 * components : 3]
    return _Frame(width, height, marker in _PROGRESSIVE, {name: bytearray(b"\xff" * 64) for name in names})


def _count_scan(data: bytes, at: int, frame: _Frame) -> bool:
    """Take what a scan brings off the frame's missing bits; whether it brings all components."""
    (components,) = struct.unpack_from(">B", data, at + 2)
    names = data[at + 3 : at + 3 + 2 * components : 2]
    first, last, bits = struct.unpack_from(">BBB", data, at + 3 + 2 * components)
    if frame.progressive and not first <= last <= 63:
        raise invalid("JPEG", f"a scan has the coefficients {first} to {last} instead of some within 0 to 63")
    if not frame.progressive:
        first, last, bits = 0, 63, 0
    for name in names:
        if name not in frame.missing_bits:
            raise invalid("JPEG", "a scan has a colour channel that the frame lacks")
        frame.missing_bits[name][first : last + 1] = bytes([bits & 15]) * (last - first + 1)
    return len(names) == len(frame.missing_bits)
