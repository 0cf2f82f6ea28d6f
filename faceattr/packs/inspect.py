"""Says what a model file really is, when it is not what its name says."""

from __future__ import annotations

import re

_LAYER_FIELDS = {2, 100}
"""NetParameter.layers (V1) and NetParameter.layer (V2) in caffe.proto."""


def describe_wrong_file(content: bytes) -> str | None:
    """What people really have on disk under a model's name ("a Git LFS pointer"), or None when it may be a model."""
    size = f"({len(content):,} bytes)"
    head = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not content:
        return "empty (0 bytes)"
    if head.startswith(b"version https://git-lfs"):
        return f"a Git LFS pointer {size}: the real file was not downloaded; run 'git lfs pull' where it came from"
    if re.match(rb"<!doctype html|<html|<head|<\?xml|<body", head, re.IGNORECASE):
        return f"an HTML page {size}: a web page was saved in place of the file"
    if not content.strip(b"\0"):
        return f"nothing but zero bytes {size}"
    return None


def describe_wrong_prototxt(content: bytes) -> str | None:
    """As describe_wrong_file, for a net's structure in text form."""
    wrong = describe_wrong_file(content)
    if wrong is None and not re.search(rb"\blayers?\s*\{", content):
        return f"not a Caffe prototxt ({len(content):,} bytes): no layer in it"
    return wrong


def describe_wrong_weights(content: bytes) -> str | None:
    """As describe_wrong_file, for a caffemodel: also text, other data, and a file that ends within a layer."""
    wrong = describe_wrong_file(content)
    if wrong is not None:
        return wrong
    size = f"({len(content):,} bytes)"
    if re.fullmatch(rb"[\t\n\r\x20-\x7e]*", content[:4096]):
        return f"a text file {size}"
    layers, position = 0, 0
    while position < len(content):
        field, wire_type, position = _tag(content, position)
        if field == 0 or wire_type not in (0, 2):
            return f"not a caffemodel {size}"
        length, position = _varint(content, position)
        if wire_type == 2:
            layers += field in _LAYER_FIELDS
            position += length
    if layers == 0:
        return f"not a caffemodel {size}: no layer in it"
    if position > len(content):
        missing = position - len(content)
        return f"truncated {size}: at least {missing:,} bytes are missing at its end"
    return None


def _tag(content: bytes, position: int) -> tuple[int, int, int]:
    key, position = _varint(content, position)
    return key >> 3, key & 7, position


def _varint(content: bytes, position: int) -> tuple[int, int]:
    """A base-128 number and the place after it; one that the file cuts off ends after the file's end."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(content):
            return value, len(content) + 1
        byte = content[position]
        value |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            break
    return value, position
