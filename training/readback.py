"""Reads exported nets back, and holds their answers against the trained net's."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from faceattr.caffe import fold, read_net, subgraph, to_onnx
from faceattr.engines.choice import choose_engine
from faceattr.types import FloatArray


class ExportError(Exception):
    """What was written does not answer as what was trained."""


def require_same_answers(
    name: str, net: tuple[str, bytes], blobs: FloatArray, output: str, expected: FloatArray, tolerance: float
) -> None:
    """Raises ExportError unless prototxt and caffemodel answer blobs (n, 3, h, w) with rows (n, …) as expected.

    Both our importer and, where OpenCV has one, its own are asked.
    """
    text, binary = net
    graph = subgraph(fold(read_net(text.encode(), binary)), [output])
    ours = choose_engine("auto", "f32", 1, 1, onnx=True).load(to_onnx(graph))
    readers: dict[str, Any] = {"our importer": lambda blob: ours(blob)[output]}
    if read := getattr(cv2.dnn, "readNetFromCaffe", None):
        theirs = read(np.frombuffer(text.encode(), np.uint8), np.frombuffer(binary, np.uint8))

        def ask_opencv(blob: FloatArray) -> FloatArray:
            theirs.setInput(blob)
            return np.asarray(theirs.forward(output), np.float32)

        readers["OpenCV"] = ask_opencv
    for reader, ask in readers.items():
        for blob, row in zip(blobs, expected, strict=True):
            worst = float(np.abs(ask(blob[None]).ravel() - row.ravel()).max())
            if not worst <= tolerance:
                raise ExportError(f"{name}, read by {reader}, is off by {worst:.2g}, more than {tolerance:g}.")
        print(f"{name}: read by {reader}, answers as trained")
