"""Which engine runs the nets: the named one, else the fastest that is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

from faceattr.engines import Engine
from faceattr.engines.adaptive import AdaptiveEngine
from faceattr.errors import EngineError

ENGINES = ("onnxruntime", "openvino", "opencv")
"""Fastest first with the built-in pack in f32, measured by `python -m benchmarks.textbook`; OpenVINO wins in bf16."""


def choose_engine(
    name: str, precision: str, slots: int, threads: int, *, onnx: bool, is_alone: Callable[[], bool] | None = None
) -> Engine:
    """The engine called `name` for `slots` runs at once on `threads` threads each.

    "auto" is the fastest installed, and OpenVINO for bf16, which the others do not have. With 0 threads, a run has as
    many as there are slots while `is_alone` says so, else one. `onnx`: whether models come as ONNX; without, only
    OpenCV 4 can read them. Raises EngineError.
    """
    if name == "auto":
        name = _fastest(precision, onnx)
    try:
        if threads or slots == 1 or is_alone is None or name == "opencv":
            # OpenCV has one number of threads for the whole process.
            return _load(name, precision, slots, threads or 1)
        return AdaptiveEngine(_load(name, precision, slots, 1), _load(name, precision, 1, slots), is_alone)
    except ImportError as error:
        raise EngineError(f"Engine '{name}' is not installed ({error}): pip install {name}.") from None


def _fastest(precision: str, onnx: bool) -> str:
    if precision == "bf16":
        return "openvino"
    return next((engine for engine in ENGINES[:2] if onnx and importlib.util.find_spec(engine)), "opencv")


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
