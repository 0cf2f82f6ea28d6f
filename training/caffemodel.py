"""Writes weights in Caffe's binary form: a NetParameter in protobuf's wire format (caffe.proto, V2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Blobs = Sequence[NDArray[np.float32]]
"""Of one layer: weights, and often a bias."""

NAME, TYPE, BLOBS, LAYER = 1, 2, 7, 100
"""Field numbers of LayerParameter, and of its list in NetParameter."""
_SHAPE, _DIM, _DATA = 7, 1, 5


def caffemodel(layers: Mapping[str, tuple[str, Blobs]]) -> bytes:
    """A NetParameter with the named layers: type and blobs of each."""
    return b"".join(
        message(
            LAYER,
            message(NAME, name.encode())
            + message(TYPE, kind.encode())
            + b"".join(message(BLOBS, _blob(blob)) for blob in blobs),
        )
        for name, (kind, blobs) in layers.items()
    )


def message(field: int, content: bytes) -> bytes:
    """A length-delimited field."""
    return varint(field << 3 | 2) + varint(len(content)) + content


def number(field: int, value: int) -> bytes:
    """A varint field."""
    return varint(field << 3) + varint(value)


def varint(value: int) -> bytes:
    """A whole number ≥ 0 in base 128, least significant first."""
    digits = bytearray()
    while value > 127:
        digits.append(value & 127 | 128)
        value >>= 7
    return bytes([*digits, value])


def packed_floats(values: NDArray[np.float32]) -> bytes:
    """The `data` field of a blob."""
    return message(_DATA, np.ascontiguousarray(values, "<f4").tobytes())


def _blob(values: NDArray[np.float32]) -> bytes:
    dims = b"".join(varint(side) for side in values.shape)
    return message(_SHAPE, message(_DIM, dims)) + packed_floats(values)
