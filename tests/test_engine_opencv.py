from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from faceattr.engines.opencv import OpenCVEngine, OpenCVNet
from faceattr.errors import EngineError
from tests.caffe_files import classifier


@pytest.fixture
def net() -> OpenCVNet:
    if not hasattr(cv2.dnn, "readNetFromCaffe"):
        pytest.skip("OpenCV 5 cannot read Caffe nets")
    prototxt, weights = classifier(5, 32)
    return OpenCVEngine(4, 1).load_caffe(prototxt.encode(), weights)


def test_outputs_come_by_name(net: OpenCVNet) -> None:
    outputs = net(np.ones((3, 3, 32, 32), np.float32))
    assert list(outputs) == ["prob"]
    assert outputs["prob"].shape == (3, 5)
    assert outputs["prob"].sum(axis=1) == pytest.approx(1.0)


def test_many_threads_get_what_one_gets(net: OpenCVNet) -> None:
    random = np.random.default_rng(1)
    blobs = [random.standard_normal((1 + i % 3, 3, 32, 32)).astype(np.float32) for i in range(300)]
    serial = [net(blob)["prob"] for blob in blobs]
    with ThreadPoolExecutor(16) as pool:
        parallel = list(pool.map(lambda blob: net(blob)["prob"], blobs))
    assert all(np.array_equal(one, other) for one, other in zip(serial, parallel, strict=True))


def test_settling_leaves_answers_as_they_were(net: OpenCVNet) -> None:
    net.settle()
    blob = np.full((8, 3, 32, 32), 0.3, np.float32)
    before = net(blob)["prob"]
    net.settle()
    assert np.array_equal(net(blob)["prob"], before)


@pytest.mark.parametrize(("prototxt", "weights"), [(b"layer {", b"\0\1"), (b"", b""), (b"x: 1", b"abc" * 100)])
def test_what_is_no_net_is_an_engine_error(prototxt: bytes, weights: bytes) -> None:
    with pytest.raises(EngineError):
        OpenCVEngine(1, 1).load_caffe(prototxt, weights)(np.zeros((1, 3, 32, 32), np.float32))


def test_a_blob_that_does_not_fit_is_an_engine_error(net: OpenCVNet) -> None:
    with pytest.raises(EngineError, match="OpenCV"):
        net(np.zeros((1, 2, 32, 32), np.float32))
    assert net(np.zeros((1, 3, 32, 32), np.float32))["prob"].shape == (1, 5)


@pytest.mark.parametrize("text", ["Insufficient memory: Failed to allocate 8 bytes", "std::bad_alloc"])
def test_exhausted_memory_is_a_memory_error(net: OpenCVNet, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Exhausted:
        def setInput(self, blob: object) -> None:  # noqa: N802
            raise cv2.error(text)

    monkeypatch.setattr(net._idle, "get", Exhausted)
    with pytest.raises(MemoryError):
        net(np.zeros((1, 3, 32, 32), np.float32))


def test_an_opencv_without_caffe_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2.dnn, "readNetFromCaffe", raising=False)
    monkeypatch.setattr(cv2, "__version__", "5.0.0")
    cause = r"OpenCV 5\.0\.0 can no longer read Caffe .*opencv-python-headless>=4\.11,<5.*pip install onnx protobuf"
    with pytest.raises(EngineError, match=cause):
        OpenCVEngine(1, 1).load_caffe(b"", b"")


def test_single_thread_is_for_a_while_only() -> None:
    engine = OpenCVEngine(1, 2)
    with engine.single_thread():
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == 2
    OpenCVEngine(1, 1)
