"""What every engine promises for a net in ONNX, whichever are installed."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from faceattr.engines import Engine
from faceattr.engines.choice import ENGINES, choose_engine
from faceattr.errors import EngineError
from faceattr.types import FloatArray

onnx = pytest.importorskip("onnx", reason="the importer's libraries (onnx, protobuf) are not installed")

INSTALLED = [name for name in ENGINES if name == "opencv" or importlib.util.find_spec(name)]
W1 = (np.random.default_rng(0).standard_normal((8, 3, 3, 3)) / 5).astype(np.float32)
W2 = (np.random.default_rng(1).standard_normal((5, 8)) / 3).astype(np.float32)


def model() -> bytes:
    """Convolution, ReLU, global average, dense layer, softmax; two outputs; a free batch."""
    make, tensor = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [
            make("Conv", ["data", "w1"], ["conv"], pads=[1, 1, 1, 1], kernel_shape=[3, 3], strides=[2, 2]),
            make("Relu", ["conv"], ["relu"]),
            make("GlobalAveragePool", ["relu"], ["pool"]),
            make("Flatten", ["pool"], ["flat"]),
            make("Gemm", ["flat", "w2"], ["fc"], transB=1),
            make("Softmax", ["fc"], ["prob"], axis=1),
        ],
        "small",
        [tensor("data", 1, ["N", 3, 16, 16])],
        [tensor("fc", 1, ["N", 5]), tensor("prob", 1, ["N", 5])],
        [onnx.numpy_helper.from_array(W1, "w1"), onnx.numpy_helper.from_array(W2, "w2")],
    )
    built = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    return bytes(built.SerializeToString())


def expected(blob: FloatArray) -> FloatArray:
    padded = np.pad(blob, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))[:, :, ::2, ::2]
    relu = np.maximum(np.einsum("nchwij,ocij->nohw", windows, W1), 0)
    logits = relu.mean(axis=(2, 3)) @ W2.T
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


@pytest.fixture(params=INSTALLED)
def engine(request: pytest.FixtureRequest) -> Engine:
    return choose_engine(request.param, "f32", 3, 1, onnx=True)


def blobs(count: int) -> list[FloatArray]:
    random = np.random.default_rng(2)
    return [random.standard_normal((1 + i % 4, 3, 16, 16)).astype(np.float32) for i in range(count)]


def test_outputs_come_by_name_for_any_batch(engine: Engine) -> None:
    net = engine.load(model())
    for blob in blobs(8):
        outputs = net(blob)
        assert set(outputs) == {"fc", "prob"}
        assert outputs["prob"] == pytest.approx(expected(blob), abs=1e-5)


def test_an_answer_is_not_overwritten_by_the_next(engine: Engine) -> None:
    net = engine.load(model())
    first, second = blobs(2)
    kept = net(first)["prob"]
    before = kept.copy()
    net(second)
    assert np.array_equal(kept, before)


def test_thirty_two_threads_get_what_one_gets(engine: Engine) -> None:
    net = engine.load(model())
    inputs = blobs(400)
    serial = [net(blob)["prob"] for blob in inputs]
    with ThreadPoolExecutor(32) as pool:
        parallel = list(pool.map(lambda blob: net(blob)["prob"], inputs))
    assert all(np.array_equal(one, other) for one, other in zip(serial, parallel, strict=True))


def test_settling_and_a_single_thread_change_no_answer(engine: Engine) -> None:
    net = engine.load(model())
    (blob,) = blobs(1)
    before = net(blob)["prob"]
    net.settle()
    with engine.single_thread():
        assert np.array_equal(net(blob)["prob"], before)


@pytest.mark.parametrize("broken", [b"", b"not a model", model()[:-500]], ids=["empty", "text", "cut"])
def test_what_is_no_model_is_an_engine_error(engine: Engine, broken: bytes) -> None:
    with pytest.raises(EngineError):
        engine.load(broken)(np.zeros((1, 3, 16, 16), np.float32))


def test_a_blob_that_does_not_fit_is_an_engine_error_and_the_net_lives(engine: Engine) -> None:
    if engine.name.startswith("opencv 5"):
        pytest.skip("OpenCV 5 takes a blob with too few channels without an error; the loader proves what is fed")
    net = engine.load(model())
    with pytest.raises(EngineError):
        net(np.zeros((1, 2, 16, 16), np.float32))
    assert net(blobs(1)[0])["prob"].shape == (1, 5)


def test_names_say_the_version() -> None:
    for name in INSTALLED:
        assert choose_engine(name, "f32", 1, 1, onnx=True).name.startswith(f"{name} ")


def test_auto_takes_the_fastest_installed() -> None:
    assert choose_engine("auto", "f32", 1, 1, onnx=True).name.startswith(INSTALLED[0])
    assert choose_engine("auto", "f32", 1, 1, onnx=False).name.startswith("opencv")


def test_auto_takes_openvino_for_bfloat16() -> None:
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    chosen = choose_engine("auto", "bf16", 1, 1, onnx=True)
    assert chosen.name.startswith("openvino ")


@pytest.mark.parametrize("capable", [True, False])
def test_what_an_engine_says_it_computes_in_is_what_the_processor_can(
    capable: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    openvino = pytest.importorskip("openvino", reason="OpenVINO is not installed")
    from faceattr.engines import openvino as ours

    ours._warn.cache_clear()
    capabilities = ["FP32", "BF16"] if capable else ["FP32"]
    monkeypatch.setattr(openvino.Core, "get_property", lambda *_: capabilities)
    chosen = choose_engine("openvino", "bf16", 2, 0, onnx=True, is_alone=lambda: True)
    assert chosen.precision == ("bf16" if capable else "f32")
    assert chosen.name.endswith(" bf16") == capable
    assert caplog.text.count("no bfloat16") == (0 if capable else 1)


@pytest.mark.parametrize(
    ("features", "is_slow"),
    [(("avx512_bf16", "amx_bf16"), False), (("avx512_bf16",), True), (("avx2",), False), ((), False)],
)
def test_a_processor_that_is_slower_in_bfloat16_is_known(features: tuple[str, ...], is_slow: bool) -> None:
    pytest.importorskip("openvino", reason="OpenVINO is not installed")
    from faceattr.engines.openvino import is_slow_in_bfloat16

    assert is_slow_in_bfloat16(features) == is_slow


def test_bfloat16_without_amx_is_said_to_be_slow_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    openvino = pytest.importorskip("openvino", reason="OpenVINO is not installed")
    from faceattr.engines import openvino as ours

    ours._warn.cache_clear()
    monkeypatch.setattr(openvino.Core, "get_property", lambda *_: ["FP32", "BF16"])
    monkeypatch.setattr(ours, "processor", lambda: ("A processor", ("avx512_bf16",)))
    for _ in range(2):
        assert choose_engine("openvino", "bf16", 1, 1, onnx=True).precision == "bf16"
    assert caplog.text.count("probably slower in it") == 1


@pytest.mark.parametrize(
    ("call", "cause"),
    [
        (lambda: choose_engine("tensorflow", "f32", 1, 1, onnx=True), "no engine 'tensorflow'. Known engines: auto"),
        (lambda: choose_engine("opencv", "bf16", 1, 1, onnx=True), "no precision 'bf16'"),
        (lambda: choose_engine("opencv", "f64", 1, 1, onnx=True), "no precision 'f64'"),
    ],
)
def test_what_cannot_be_chosen_is_said(call: Callable[[], Engine], cause: str) -> None:
    with pytest.raises(EngineError, match=cause):
        call()


def test_an_engine_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    monkeypatch.delitem(__import__("sys").modules, "faceattr.engines.openvino", raising=False)
    with pytest.raises(EngineError, match=r"Engine 'openvino' is not installed .*pip install openvino"):
        choose_engine("openvino", "f32", 1, 1, onnx=True)


def test_nets_that_run_by_turns_work_in_the_same_memory() -> None:
    if "onnxruntime" not in INSTALLED:
        pytest.skip("ONNX Runtime is not installed")
    shared = choose_engine("onnxruntime", "f32", 3, 1, onnx=True)
    nets = [shared.load(model()) for _ in range(6)]
    blob = np.zeros((20_000, 3, 16, 16), np.float32)
    work = 20_000 * 8 * 8 * 8 * 4  # bytes of the convolution's answer
    nets[0](blob)
    before = resident_bytes()
    for net in nets[1:]:
        net(blob)
    assert resident_bytes() - before < 2 * work


@pytest.mark.parametrize("name", INSTALLED)
def test_threads_sleep_between_runs(name: str) -> None:
    net = choose_engine(name, "f32", 1, 2, onnx=True).load(model())
    blob = np.zeros((500, 3, 16, 16), np.float32)
    spent = 0.0
    for _ in range(30):
        net(blob)
        begin = time.process_time()
        time.sleep(0.005)
        spent += time.process_time() - begin
    assert spent < 0.075  # of 0.15 seconds, which a thread takes that waits awake


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
