"""Reads `.caffemodel` files with the protobuf library and a subset of caffe.proto: names and weights of the layers.

Numbers stay bytes until a layer asks for them. A packed field of floats and a field of bytes look the same on the wire
(https://protobuf.dev/programming-guides/encoding/#packed), so declaring them as bytes spares a list of Python floats.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from faceattr.caffe.graph import Shape
from faceattr.caffe.wire import MAX_FIELDS, too_many_fields
from faceattr.errors import CaffeError

# Field numbers of caffe.proto; raw_data is NVIDIA's addition, in which half-precision releases are written.
_MESSAGES = {
    "NetParameter": "layers:2:V1LayerParameter* layer:100:LayerParameter*",
    "LayerParameter": "name:1:bytes blobs:7:BlobProto*",
    "V1LayerParameter": "name:4:bytes blobs:6:BlobProto*",
    "BlobProto": (
        "num:1:int32 channels:2:int32 height:3:int32 width:4:int32 data:5:bytes* shape:7:bytes double_data:8:bytes* "
        "raw_data_type:10:int32 raw_data:12:bytes"
    ),
    "BlobShape": "dim:1:int64*",
}
_LEGACY = ("num", "channels", "height", "width")
_RAW_TYPES = {0: "<f8", 1: "<f4", 2: "<f2"}
_MAX_SHAPE_BYTES = 32 * 11


def _message_classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="faceattr_caffe.proto", package="faceattr.caffe", syntax="proto2")
    field_type = descriptor_pb2.FieldDescriptorProto
    scalars = {"bytes": field_type.TYPE_BYTES, "int32": field_type.TYPE_INT32, "int64": field_type.TYPE_INT64}
    for message_name, fields in _MESSAGES.items():
        message = file.message_type.add(name=message_name)
        for entry in fields.split():
            name, number, kind = entry.split(":")
            field = message.field.add(name=name, number=int(number))
            field.label = field_type.LABEL_REPEATED if kind.endswith("*") else field_type.LABEL_OPTIONAL
            kind = kind.removesuffix("*")
            if kind in scalars:
                field.type = scalars[kind]
            else:
                field.type, field.type_name = field_type.TYPE_MESSAGE, f".faceattr.caffe.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    find = pool.FindMessageTypeByName
    return {name: message_factory.GetMessageClass(find(f"faceattr.caffe.{name}")) for name in _MESSAGES}


_CLASSES = _message_classes()


class Caffemodel:
    """The weights of a trained net, by layer name."""

    def __init__(self, data: bytes) -> None:
        """Raises CaffeError when the bytes are not a NetParameter with layers."""
        if cause := mistaken(data):
            raise CaffeError(f"the caffemodel is {cause}")
        try:
            if too_many_fields(data):
                raise CaffeError(f"the caffemodel has more than {MAX_FIELDS} fields")
            net = _CLASSES["NetParameter"].FromString(data)
        except (DecodeError, ValueError):
            raise CaffeError(
                f"the caffemodel ({len(data)} bytes) is truncated, damaged or something else than a Caffe model"
            ) from None
        self._blobs: Mapping[bytes, Sequence[Any]] = {layer.name: layer.blobs for layer in (*net.layers, *net.layer)}
        if not self._blobs:
            raise CaffeError(f"the caffemodel ({len(data)} bytes) holds no layers")

    def weights(self, layer: str, expected: Sequence[Shape]) -> tuple[NDArray[np.float32], ...]:
        """The weights of a layer in the shapes it needs. Raises CaffeError when the file has others."""
        if not expected:
            return ()
        blobs = self._blobs.get(layer.encode())
        if blobs is None:
            raise CaffeError("the caffemodel has no weights for this layer")
        if len(blobs) != len(expected):
            raise CaffeError(
                f"expected {len(expected)} weight blobs ({', '.join(map(text, expected))}), found {len(blobs)}"
            )
        return tuple(
            _fitted(blob, shape, index) for index, (blob, shape) in enumerate(zip(blobs, expected, strict=True))
        )


def mistaken(data: bytes) -> str | None:
    """What people really have under a net's name, or None when it may be a net's file."""
    head = data[:512].lstrip()
    if not data:
        return "empty"
    if not head.strip(b"\0") and not data.strip(b"\0 \t\r\n"):
        return f"nothing but blanks or zeros ({len(data)} bytes)"
    if head.startswith(b"version https://git-lfs"):
        return f"a Git LFS pointer ({len(data)} bytes), not the file itself"
    if head[:1] == b"<":
        return f"a web page ({len(data)} bytes)"
    return None


def text(shape: Shape) -> str:
    """A shape for people: 96×3×7×7."""
    return "×".join(map(str, shape)) or "a single number"


def _fitted(blob: Any, expected: Shape, index: int) -> NDArray[np.float32]:
    """The blob as float32 of the expected shape. Leading ones do not count: legacy shapes always have four numbers."""
    values = _values(blob)
    found = _shape(blob)
    if found is None:
        found = (values.size,)
    if _bare(found) != _bare(expected):
        raise CaffeError(f"weight blob {index} must be {text(expected)}, the caffemodel has {text(found)}")
    if values.size != math.prod(expected):
        raise CaffeError(
            f"weight blob {index} is {text(expected)}, but the caffemodel holds {values.size} numbers for it"
        )
    if not np.isfinite(values).all():
        raise CaffeError(f"weight blob {index} holds numbers that are not finite")
    return values.reshape(expected)


def _bare(shape: Shape) -> Shape:
    leading = 0
    while leading < len(shape) and shape[leading] == 1:
        leading += 1
    return shape[leading:]


def _shape(blob: Any) -> Shape | None:
    if any(blob.HasField(name) for name in _LEGACY):
        return tuple(getattr(blob, name) for name in _LEGACY)
    if not blob.HasField("shape"):
        return None
    if len(blob.shape) > _MAX_SHAPE_BYTES:
        raise CaffeError("a weight blob has more than 32 dimensions")
    try:
        return tuple(_CLASSES["BlobShape"].FromString(blob.shape).dim)
    except DecodeError:
        raise CaffeError("the shape of a weight blob is damaged") from None


def _values(blob: Any) -> NDArray[np.float32]:
    """The numbers of a blob, from whichever field has them. Float data are not copied."""
    if blob.data:
        chunks, kind = blob.data, "<f4"
    elif blob.double_data:
        chunks, kind = blob.double_data, "<f8"
    else:
        if blob.raw_data_type not in _RAW_TYPES:
            raise CaffeError(f"a weight blob has raw data of the unknown type {blob.raw_data_type}")
        chunks, kind = [blob.raw_data], _RAW_TYPES[blob.raw_data_type]
    data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    if len(data) % np.dtype(kind).itemsize:
        raise CaffeError("the numbers of a weight blob break off in the middle of one")
    with np.errstate(over="ignore"):
        return np.frombuffer(data, kind).astype(np.float32, copy=False)
