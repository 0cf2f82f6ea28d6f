"""Runs nets with ONNX Runtime on the CPU."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Mapping

import numpy as np

# Before the import, which else makes an id of this machine in the home directory and begins to report to its makers.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime as ort

from faceattr.errors import EngineError
from faceattr.exhaustion import is_exhaustion
from faceattr.types import FloatArray

SPIN_MICROSECONDS = "50"
"""20 gain nearly as much on a quiet machine, 1,000, the default, no more; these take a third longer on a busy one."""


class ONNXRuntimeEngine:
    """Loads nets whose runs use `threads` threads each. A session may be run from many threads at once.

    https://onnxruntime.ai/docs/performance/tune-performance/threading.html
    """

    def __init__(self, threads: int, precision: str = "f32") -> None:
        """Raises EngineError for a precision that ONNX Runtime's CPU kernels do not have."""
        if precision != "f32":
            raise EngineError(
                f"Engine 'onnxruntime' has no precision '{precision}' on the CPU; use 'openvino', or f32."
            )
        _share_memory()
        self.name, self.precision = f"onnxruntime {ort.__version__}", precision
        self._threads = threads

    def load(self, model: bytes) -> ONNXRuntimeNet:
        """A net from a serialized ONNX model. Raises EngineError when it cannot be loaded."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.log_severity_level = 3
        # Threads wait awake for the next layer, as waking them takes a tenth of a photo's time; but no longer, or they
        # burn cores that other programs need, a kiosk's browser above all.
        options.add_session_config_entry("session.intra_op.allow_spinning", "1")
        options.add_session_config_entry("session.intra_op.spin_duration_us", SPIN_MICROSECONDS)
        try:
            return ONNXRuntimeNet(ort.InferenceSession(model, options, providers=["CPUExecutionProvider"]))
        except Exception as error:  # noqa: BLE001 - its exceptions share no other base
            raise EngineError(f"ONNX Runtime {ort.__version__}: {_short(error)}") from None

    @contextlib.contextmanager
    def single_thread(self) -> Iterator[None]:
        """Sessions keep their threads; what counts is that one photo runs alone."""
        yield


class ONNXRuntimeNet:
    """A session, shared by all callers."""

    def __init__(self, session: ort.InferenceSession) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        self._outputs = tuple(output.name for output in session.get_outputs())

    def __call__(self, blob: FloatArray) -> Mapping[str, FloatArray]:
        try:
            outputs = self._session.run(self._outputs, {self._input: blob})
        except Exception as error:  # noqa: BLE001 - its exceptions share no other base
            if is_exhaustion(error):
                raise MemoryError(_short(error)) from None
            raise EngineError(f"ONNX Runtime {ort.__version__}: {_short(error)}") from None
        return {name: np.asarray(output, np.float32) for name, output in zip(self._outputs, outputs, strict=True)}

    def settle(self) -> None:
        """Nothing to do: what a session keeps for its next run it shares between all."""


@functools.cache
def _share_memory() -> None:
    """Makes the sessions of this process work in one pool of memory. By default each keeps one as large as its largest
    run so far, and of all sessions only a few run at once.

    https://onnxruntime.ai/docs/get-started/with-c.html#share-allocators-between-sessions
    """
    memory = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
    # Refused where the program that we are part of has done so already: then we share its pool.
    with contextlib.suppress(RuntimeError):
        ort.create_and_register_allocator(memory, ort.OrtArenaCfg(0, -1, -1, -1))


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:500]
