"""Runs nets with OpenCV's DNN module: ONNX with any version, Caffe's own files with OpenCV 4."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import cv2
import numpy as np

from faceattr.errors import EngineError
from faceattr.exhaustion import is_exhaustion
from faceattr.types import FloatArray


class OpenCVEngine:
    """Loads nets for a number of threads ("slots") that run them at once, each run on `threads` threads of OpenCV's."""

    def __init__(self, slots: int, threads: int, precision: str = "f32") -> None:
        """Raises EngineError for a precision other than f32."""
        if precision != "f32":
            raise EngineError(f"Engine 'opencv' has no precision '{precision}'; use 'openvino', or f32.")
        self.name, self.precision = f"opencv {cv2.__version__}", precision
        self._slots = slots
        self._threads = threads
        cv2.setNumThreads(threads)

    def load(self, model: bytes) -> OpenCVNet:
        """A net from ONNX with one copy per slot. Raises EngineError when OpenCV cannot read it."""
        content = np.frombuffer(model, np.uint8)
        return OpenCVNet(lambda: cv2.dnn.readNetFromONNX(content), self._slots)

    def load_caffe(self, prototxt: bytes, weights: bytes) -> OpenCVNet:
        """A net from Caffe's files with one copy per slot. Raises EngineError when OpenCV cannot read it."""
        read: Any = getattr(cv2.dnn, "readNetFromCaffe", None)
        if read is None:
            raise EngineError(
                f"OpenCV {cv2.__version__} can no longer read Caffe models (removed in 5.0). Install OpenCV 4 "
                "(pip install 'opencv-python-headless>=4.11,<5') or what our importer needs (pip install onnx protobuf)"
            )
        structure, parameters = np.frombuffer(prototxt, np.uint8), np.frombuffer(weights, np.uint8)
        return OpenCVNet(lambda: read(structure, parameters), self._slots)

    @contextlib.contextmanager
    def single_thread(self) -> Iterator[None]:
        cv2.setNumThreads(1)
        try:
            yield
        finally:
            cv2.setNumThreads(self._threads)


class OpenCVNet:
    """Copies of one net, lent to one caller each: a cv2 net shared between threads answers wrongly without an error."""

    def __init__(self, read: Callable[[], cv2.dnn.Net], copies: int) -> None:
        self._idle: queue.LifoQueue[cv2.dnn.Net] = queue.LifoQueue()
        self._input_shape: tuple[int, ...] = ()
        try:
            for _ in range(copies):
                self._idle.put(read())
            net = self._idle.get()
            self._outputs = tuple(net.getUnconnectedOutLayersNames())
            self._idle.put(net)
        except cv2.error as error:
            raise _translated(error) from None

    def __call__(self, blob: FloatArray) -> Mapping[str, FloatArray]:
        self._input_shape = blob.shape[1:]
        net = self._idle.get()
        try:
            net.setInput(blob)
            outputs = [np.asarray(output, np.float32) for output in net.forward(self._outputs)]
            return dict(zip(self._outputs, outputs, strict=True))
        except cv2.error as error:
            raise _translated(error) from None
        finally:
            self._idle.put(net)

    def settle(self) -> None:
        """Runs one blank input through every idle copy: a cv2 net allocates, and frees, only when its input changes."""
        idle: list[cv2.dnn.Net] = []
        with contextlib.suppress(queue.Empty):
            while True:
                idle.append(self._idle.get_nowait())
        # Where even one input is too much, the retry that follows says so.
        with contextlib.suppress(cv2.error):
            for net in idle if self._input_shape else ():
                net.setInput(np.zeros((1, *self._input_shape), np.float32))
                net.forward(self._outputs)
        for net in idle:
            self._idle.put(net)


def _translated(error: cv2.error) -> Exception:
    text = " ".join(str(error).split())
    if is_exhaustion(error):
        return MemoryError(text)
    return EngineError(f"OpenCV {cv2.__version__}: {text}")
