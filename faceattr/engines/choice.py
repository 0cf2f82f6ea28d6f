"""Which engine runs the nets: the named one, else the fastest that is installed."""

from __future__ import annotations

import importlib.util

from faceattr.engines import Engine
from faceattr.errors import EngineError

ENGINES = ("onnxruntime", "openvino", "opencv")
"""Fastest first with the built-in pack in f32, measured by `python -m benchmarks.textbook`; OpenVINO wins in bf16."""


def choose_engine(name: str, precision: str, slots: int, threads: int, *, onnx: bool) -> Engine:
    """The engine called `name` ("auto": the fastest installed) for `slots` runs at once on `threads` threads each.

    `onnx`: whether models come as ONNX; without, only OpenCV 4 can read them. Raises EngineError.
    """
    if name == "auto":
        name = next((engine for engine in ENGINES[:2] if onnx and importlib.util.find_spec(engine)), "opencv")
    try:
        return _load(name, precision, slots, threads)
    except ImportError as error:
        raise EngineError(f"Engine '{name}' is not installed ({error}): pip install {name}.") from None


def _load(name: str, precision: str, slots: int, threads: int) -> Engine:
    if name == "openvino":
        from faceattr.engines.openvino import OpenVINOEngine

        return OpenVINOEngine(slots, threads, precision)
    if name == "onnxruntime":
        from faceattr.engines.onnxruntime import ONNXRuntimeEngine

        return ONNXRuntimeEngine(threads, precision)
    if name == "opencv":
        from faceattr.engines.opencv import OpenCVEngine

        return OpenCVEngine(slots, threads, precision)
    raise EngineError(f"There is no engine '{name}'. Known engines: auto, {', '.join(ENGINES)}.")
