"""Image file directories: the tag lists of TIFF 6.0, which EXIF took over."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

ORIENTATION = 274
MAX_VALUES = 1_000_000
_BYTE, _SHORT, _LONG, _UNDEFINED = 1, 3, 4, 7
_CODES = {_BYTE: ("B", 1), _SHORT: ("H", 2), _LONG: ("I", 4), _UNDEFINED: ("B", 1)}


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag of a directory: its 12 bytes stand at `at`, its values at `values_at`."""

    tag: int
    type: int
    count: int
    at: int
    values_at: int


def byte_order(data: bytes | memoryview) -> str | None:
    """`<` or `>` for a classic TIFF header (`II*` or `MM*`), None for anything else."""
    return {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(data[:4]))


def entries(data: bytes | memoryview, order: str) -> Iterator[Entry]:
    """The tags of the first directory of a TIFF stream. Raises struct.error where the data end."""
    (start,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, start)
    for at in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, values, inline = struct.unpack_from(order + "HHII", data, at)
        size = _CODES.get(kind, ("", 8))[1] * values
        yield Entry(tag, kind, values, at, at + 8 if size <= 4 else inline)


def integers(data: bytes | memoryview, order: str, entry: Entry) -> tuple[int, ...]:
    """The whole numbers of an entry; empty for other types and above MAX_VALUES. Raises struct.error where data end."""
    if entry.type not in _CODES or entry.count > MAX_VALUES:
        return ()
    return struct.unpack_from(f"{order}{entry.count}{_CODES[entry.type][0]}", data, entry.values_at)


def orientation(data: bytes | memoryview) -> int:
    """The EXIF orientation (1–8) of a TIFF stream with or without its `Exif` prefix; 1 when none can be read."""
    if bytes(data[:6]) == b"Exif\0\0":
        data = data[6:]
    order = byte_order(data)
    if order is None:
        return 1
    try:
        for entry in entries(data, order):
            if entry.tag == ORIENTATION:
                return valid_orientation(integers(data, order, entry))
    except struct.error:
        pass  # A cut or wrong EXIF block costs the turn, not the photo.
    return 1


def valid_orientation(values: tuple[int, ...]) -> int:
    """The first value when it is an EXIF orientation, else 1."""
    return values[0] if values and 1 <= values[0] <= 8 else 1
