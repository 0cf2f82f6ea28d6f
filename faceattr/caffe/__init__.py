"""Reads Caffe's files, and makes of them what engines run. Knows nothing about faces."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faceattr.caffe.folding import fold
    from faceattr.caffe.graph import Graph, Node
    from faceattr.caffe.joining import join, subgraph
    from faceattr.caffe.onnx_export import to_onnx
    from faceattr.caffe.reader import read_net
    from faceattr.caffe.ssd import SSDHead

__all__ = ["Graph", "Node", "SSDHead", "fold", "join", "read_net", "subgraph", "to_onnx"]

_HOMES = {
    "Graph": "graph",
    "Node": "graph",
    "SSDHead": "ssd",
    "fold": "folding",
    "join": "joining",
    "read_net": "reader",
    "subgraph": "joining",
    "to_onnx": "onnx_export",
}


def __getattr__(name: str) -> Any:
    # Imported when first used (PEP 562): reading nets needs protobuf and exporting them onnx, which not every
    # installation has; prototxt and priors work without.
    if name not in _HOMES:
        raise AttributeError(f"module 'faceattr.caffe' has no attribute {name!r}")
    return getattr(importlib.import_module(f"faceattr.caffe.{_HOMES[name]}"), name)
