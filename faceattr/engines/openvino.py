"""Runs nets with OpenVINO on the CPU."""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import queue
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import openvino as ov

from faceattr.errors import EngineError
from faceattr.exhaustion import is_exhaustion
from faceattr.processor import processor
from faceattr.types import FloatArray

PRECISIONS = ("f32", "bf16")

_warn = functools.cache(logging.getLogger(__name__).warning)
"""Once: a service loads two engines."""


def is_slow_in_bfloat16(features: Sequence[str]) -> bool:
    """Whether a processor of these features has bfloat16 for vectors (AVX-512) only, not for matrices (AMX).

    Measured on an Intel: the built-in pack takes a quarter longer than in float32.
    """
    return "avx512_bf16" in features and "amx_bf16" not in features


class OpenVINOEngine:
    """Loads nets for `slots` runs at once, each on `threads` threads.

    A compiled model may be shared between threads, its infer requests may not: each caller borrows one.
    https://docs.openvino.ai/2026/openvino-workflow/running-inference/inference-request.html
    """

    def __init__(self, slots: int, threads: int, precision: str = "f32") -> None:
        """A processor without bfloat16 computes in float32, which is logged; so is one that is slower in it.
        Raises EngineError for an unknown precision."""
        if precision not in PRECISIONS:
            raise EngineError(f"Engine 'openvino' has no precision '{precision}'; known: {', '.join(PRECISIONS)}.")
        self._core = ov.Core()
        if precision == "bf16" and "BF16" not in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            _warn("This processor has no bfloat16; the nets are computed in float32.")
            precision = "f32"
        if precision == "bf16" and is_slow_in_bfloat16(processor()[1]):
            _warn("This processor has bfloat16 without AMX, and is probably slower in it: try --precision f32.")
        self.name = f"openvino {ov.__version__.partition('-')[0]}" + ("" if precision == "f32" else f" {precision}")
        self.precision = precision
        self._slots = slots
        self._config = {
            "NUM_STREAMS": slots,
            "INFERENCE_NUM_THREADS": slots * threads,
            "INFERENCE_PRECISION_HINT": precision,
            # Other processes share these cores: the operating system knows better than we which one is free.
            "ENABLE_CPU_PINNING": False,
        }

    def load(self, model: bytes) -> OpenVINONet:
        """A net from a serialized ONNX model. Raises EngineError when it cannot be loaded."""
        try:
            compiled = self._core.compile_model(self._core.read_model(io.BytesIO(model)), "CPU", self._config)
            return OpenVINONet(compiled, self._slots)
        except Exception as error:  # noqa: BLE001 - a bare RuntimeError, or what pybind makes of others
            raise _translated(error) from None

    @contextlib.contextmanager
    def single_thread(self) -> Iterator[None]:
        """Compiled models keep their threads; what counts is that one photo runs alone."""
        yield


class OpenVINONet:
    """A compiled model and its infer requests, lent to one caller each."""

    def __init__(self, compiled: ov.CompiledModel, slots: int) -> None:
        self._idle: queue.LifoQueue[ov.InferRequest] = queue.LifoQueue()
        for _ in range(slots):
            self._idle.put(compiled.create_infer_request())
        self._outputs = tuple(port.get_any_name() for port in compiled.outputs)

    def __call__(self, blob: FloatArray) -> Mapping[str, FloatArray]:
        request = self._idle.get()
        try:
            request.infer(ov.Tensor(blob, shared_memory=True), share_inputs=True)
            # Copied: the request overwrites its tensors in its next run.
            return {name: np.array(request.get_output_tensor(i).data) for i, name in enumerate(self._outputs)}
        except Exception as error:  # noqa: BLE001 - a bare RuntimeError, or what pybind makes of others
            raise _translated(error) from None
        finally:
            self._idle.put(request)

    def settle(self) -> None:
        """Nothing to do: the compiled model's memory does not depend on the request that ran last."""


def _translated(error: Exception) -> Exception:
    text = " ".join(str(error).split())[:500]
    if is_exhaustion(error):
        return MemoryError(text)
    return EngineError(f"OpenVINO {ov.__version__}: {text}")
