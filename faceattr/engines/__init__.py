"""Engines run nets and know nothing else. An engine loads a net once; the net may then be called from any thread."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol, runtime_checkable

from faceattr.types import FloatArray


class Net(Protocol):
    """A loaded net. Calls from many threads at once are safe and give what single calls give."""

    def __call__(self, blob: FloatArray) -> Mapping[str, FloatArray]:
        """Runs the net on a blob (n, channels, height, width) float32; its outputs by name.

        Raises EngineError when the net fails, MemoryError when memory runs out.
        """
        ...

    def settle(self) -> None:
        """Brings the net to its resting state: every copy warm, none holding the memory of an earlier, larger batch."""
        ...


class Engine(Protocol):
    """Loads nets. `name` is what answers and logs say, with the version; `precision` what nets are computed in."""

    name: str
    precision: str

    def load(self, model: bytes) -> Net:
        """A net from a serialized ONNX model with a free batch. Raises EngineError when it cannot be loaded."""
        ...

    def single_thread(self) -> AbstractContextManager[None]:
        """While open, nets run on one thread each, to need as little memory as possible."""
        ...


@runtime_checkable
class CaffeEngine(Engine, Protocol):
    """An engine that can read Caffe's files by itself, for installations without the importer's libraries."""

    def load_caffe(self, prototxt: bytes, weights: bytes) -> Net:
        """A net from Caffe's two files. Raises EngineError when it cannot be loaded."""
        ...
