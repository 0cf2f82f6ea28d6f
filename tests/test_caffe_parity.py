"""Nets through our importer and ONNX, on every engine, against OpenCV 4's own import of the same Caffe files.

OpenCV 4.14 does not compute what Caffe does for LRN's `k` (taken for 1), InnerProduct's `transpose` (ignored) and a
Deconvolution's `dilation` (ignored), and it refuses ArgMax, Bias, `round_mode`, a Permute that leaves axes out, a
Reshape that inserts one, and Normalize across the map with a scale for each channel. `test_caffe_onnx` holds these,
as every layer, to Caffe's definition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.caffe_files import classifier, levi_hassner, ssd
from tests.conftest import BUILT_IN

pytest.importorskip("onnx", reason="onnx is not installed: nothing is converted without it")
pytest.importorskip("google.protobuf", reason="protobuf is not installed: nothing is read without it")
if not hasattr(cv2.dnn, "readNetFromCaffe"):
    pytest.skip(
        f"OpenCV {cv2.__version__} cannot read Caffe: there is nothing to compare with", allow_module_level=True
    )

from faceattr.caffe import fold, read_net, subgraph, to_onnx
from tests.opencv_caffe import caffe_net
from tests.test_caffe_onnx import ENGINES
from training.caffemodel import caffemodel

Array = NDArray[np.float32]
Files = tuple[str, bytes]


class Sketch:
    """A small net, layer by layer, with random weights. Layers have their output's name: OpenCV knows no other."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape
        self._random = np.random.default_rng(sum(shape))
        self._text = ['input: "data" input_shape {', *(f"dim: {side}" for side in (1, *shape)), "}"]
        self._weights: dict[str, tuple[str, Sequence[Array]]] = {}
        self._last = "data"

    def add(
        self, name: str, kind: str, param: str = "", *weights: tuple[int, ...], of: str = "", tops: Sequence[str] = ()
    ) -> None:
        """A layer on what the last one made, or on the named blobs; `weights` are shapes."""
        bottoms = " ".join(f'bottom: "{blob}"' for blob in of.split() or [self._last])
        made = " ".join(f'top: "{top}"' for top in tops or [name])
        self._text.append(f'layer {{ name: "{name}" type: "{kind}" {bottoms} {made} {param} }}')
        self._last = name
        self._weights[name] = kind, [self._random.standard_normal(w).astype(np.float32) * 0.5 for w in weights]

    def positive(self, name: str, *indices: int) -> None:
        """Makes weights positive, as variances are."""
        kind, weights = self._weights[name]
        self._weights[name] = kind, [abs(w) + 0.5 if i in indices else w for i, w in enumerate(weights)]

    @property
    def files(self) -> Files:
        return "\n".join(self._text), caffemodel(self._weights)


def convolutions() -> Sketch:
    net = Sketch(4, 17, 15)
    net.add("plain", "Convolution", "convolution_param { num_output: 6 kernel_size: 3 pad: 1 }", (6, 4, 3, 3), (6,))
    net.add("relu", "ReLU")
    oblong = "convolution_param { num_output: 4 kernel_h: 1 kernel_w: 5 stride_h: 1 stride_w: 2 pad_h: 0 pad_w: 2"
    net.add("oblong", "Convolution", f"{oblong} group: 2 }}", (4, 3, 1, 5), (4,))
    net.add("leaky", "ReLU", "relu_param { negative_slope: 0.1 }")
    dilated = "convolution_param { num_output: 4 kernel_size: 3 dilation: 2 pad: 2 bias_term: false }"
    net.add("dilated", "Convolution", dilated, (4, 4, 3, 3))
    net.add(
        "depthwise", "Convolution", "convolution_param { num_output: 4 kernel_size: 3 group: 4 }", (4, 1, 3, 3), (4,)
    )
    return net


def roundings() -> Sketch:
    net = Sketch(3, 18, 23)
    net.add("max", "Pooling", "pooling_param { pool: MAX kernel_size: 3 stride: 2 }")
    net.add("mean", "Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 2 }", of="data")
    net.add("mean_padded", "Pooling", "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }", of="data")
    net.add("mean_clipped", "Pooling", "pooling_param { pool: AVE kernel_size: 5 stride: 3 pad: 1 }", of="data")
    net.add("even", "Pooling", "pooling_param { pool: MAX kernel_size: 2 stride: 2 }", of="data")
    net.add("padded", "Pooling", "pooling_param { pool: MAX kernel_size: 3 stride: 2 pad: 1 }", of="data")
    net.add("clipped", "Pooling", "pooling_param { pool: MAX kernel_size: 2 stride: 2 pad: 1 }", of="data")
    oblong = "kernel_h: 2 kernel_w: 5 stride_h: 1 stride_w: 3 pad_h: 1 pad_w: 2"
    net.add("oblong", "Pooling", f"pooling_param {{ pool: MAX {oblong} }}", of="data")
    net.add("global", "Pooling", "pooling_param { pool: AVE global_pooling: true }", of="data")
    net.add("greatest", "Pooling", "pooling_param { pool: MAX global_pooling: true }", of="data")
    return net


def deconvolutions() -> Sketch:
    net = Sketch(4, 5, 6)
    double = "num_output: 4 kernel_size: 4 stride: 2 pad: 1"
    net.add("twice", "Deconvolution", f"convolution_param {{ {double} }}", (4, 4, 4, 4), (4,))
    net.add(
        "each", "Deconvolution", f"convolution_param {{ {double} group: 4 bias_term: false }}", (4, 1, 4, 4), of="data"
    )
    oblong = "num_output: 6 kernel_h: 3 kernel_w: 2 stride_h: 1 stride_w: 3"
    net.add("oblong", "Deconvolution", f"convolution_param {{ {oblong} group: 2 }}", (4, 3, 3, 2), (6,), of="data")
    return net


def products() -> Sketch:
    net = Sketch(3, 4, 5)
    net.add("last", "InnerProduct", "inner_product_param { num_output: 6 axis: -1 }", (6, 5), (6,))
    net.add("map", "InnerProduct", "inner_product_param { num_output: 7 axis: 2 bias_term: false }", (7, 20), of="data")
    net.add("all", "InnerProduct", "inner_product_param { num_output: 8 }", (8, 60), (8,), of="data")
    net.add("next", "InnerProduct", "inner_product_param { num_output: 4 }", (4, 8), (4,))
    net.add("prob", "Softmax")
    return net


def activations() -> Sketch:
    net = Sketch(5, 6, 4)
    net.add("prelu", "PReLU", "", (5,))
    net.add("shared", "PReLU", "prelu_param { channel_shared: true }", (1,), of="data")
    net.add("elu", "ELU", "elu_param { alpha: 0.6 }", of="data")
    net.add("tanh", "TanH", of="data")
    net.add("linear", "Power", "power_param { scale: -2 shift: 0.5 }", of="data")
    net.add("sigmoid", "Sigmoid", of="data")
    net.add("root", "Power", "power_param { power: 0.5 scale: 3 shift: 0.1 }")
    net.add("inverse", "Power", "power_param { power: -2 shift: 1 }")
    return net


def norms() -> Sketch:
    net = Sketch(9, 5, 6)
    net.add("lrn", "LRN", "lrn_param { local_size: 5 alpha: 0.3 beta: 0.75 }")
    net.add("narrow", "LRN", "lrn_param { local_size: 3 alpha: 2 beta: 0.5 }", of="data")
    net.add("pixels", "LRN", "lrn_param { local_size: 5 alpha: 3 norm_region: WITHIN_CHANNEL }", of="data")
    return net


def statistics() -> Sketch:
    net = Sketch(4, 5, 6)
    net.add("norm", "BatchNorm", "batch_norm_param { eps: 0.001 }", (4,), (4,), (1,))
    net.positive("norm", 1, 2)
    net.add("scale", "Scale", "scale_param { bias_term: true }", (4,), (4,))
    net.add("conv", "Convolution", "convolution_param { num_output: 5 kernel_size: 3 }", (5, 4, 3, 3), (5,))
    net.add("conv_norm", "BatchNorm", "", (5,), (5,), (1,))
    net.positive("conv_norm", 1, 2)
    net.add("conv_scale", "Scale", "", (5,))
    return net


def sums() -> Sketch:
    net = Sketch(4, 5, 6)
    for name in "abc":
        net.add(
            name, "Convolution", "convolution_param { num_output: 3 kernel_size: 1 }", (3, 4, 1, 1), (3,), of="data"
        )
    net.add("sum", "Eltwise", of="a b")
    net.add("weighted", "Eltwise", "eltwise_param { coeff: 1 coeff: -0.5 coeff: 2 }", of="a b c")
    net.add("difference", "Eltwise", "eltwise_param { operation: SUM coeff: 1 coeff: -1 }", of="a b")
    net.add("product", "Eltwise", "eltwise_param { operation: PROD }", of="a b c")
    net.add("maximum", "Eltwise", "eltwise_param { operation: MAX }", of="a b c")
    return net


def parts() -> Sketch:
    net = Sketch(6, 5, 4)
    net.add("halves", "Slice", "", tops=("first", "second"))
    net.add("points", "Slice", "slice_param { axis: 2 slice_point: 1 slice_point: 4 }", of="data", tops=("p", "q", "r"))
    net.add("joined", "Concat", of="second first data")
    net.add("stacked", "Concat", "concat_param { axis: 2 }", of="r p q")
    return net


def shapes() -> Sketch:
    net = Sketch(6, 5, 4)
    net.add("rows", "Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }")
    net.add("flat", "Flatten")
    net.add("pairs", "Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 2 } }")
    net.add("odds", "Softmax", "softmax_param { axis: 2 }")
    net.add("middle", "Flatten", "flatten_param { axis: 1 end_axis: 2 }", of="data")
    net.add("split", "Reshape", "reshape_param { shape { dim: 2 dim: -1 } axis: 1 num_axes: 1 }", of="data")
    net.add("channels", "Softmax", of="data")
    return net


def normalized() -> Sketch:
    net = Sketch(4, 5, 6)
    net.add("pixels", "Normalize", "norm_param { across_spatial: false channel_shared: false eps: 0.1 }", (4,))
    net.add("whole", "Normalize", "norm_param { across_spatial: true channel_shared: true }", (1,), of="data")
    return net


def cropped() -> Sketch:
    net = Sketch(4, 9, 8)
    net.add("less", "Convolution", "convolution_param { num_output: 3 kernel_size: 4 }", (3, 4, 4, 4), (3,))
    net.add("crop", "Crop", "crop_param { axis: 2 offset: 2 offset: 1 }", of="data less")
    net.add("same", "Crop", "crop_param { axis: 2 offset: 1 }", of="data less")
    return net


def residual() -> Sketch:
    net = Sketch(3, 20, 20)
    net.add("conv", "Convolution", "convolution_param { num_output: 8 kernel_size: 3 stride: 2 }", (8, 3, 3, 3), (8,))
    net.add("relu", "ReLU")
    net.add("branch", "Convolution", "convolution_param { num_output: 8 kernel_size: 3 pad: 1 }", (8, 8, 3, 3), (8,))
    net.add("added", "Eltwise", of="branch relu")
    net.add("added_relu", "ReLU")
    net.add("drop", "Dropout")
    net.add("mean", "Pooling", "pooling_param { pool: AVE global_pooling: true }")
    net.add("fc", "InnerProduct", "inner_product_param { num_output: 5 }", (5, 8), (5,))
    net.add("prob", "Softmax")
    return net


SKETCHES = (
    convolutions, roundings, deconvolutions, products, activations, norms, statistics, sums, parts, shapes, normalized,
    cropped, residual,
)  # fmt: skip


def opencv(files: Files, blob: Array, outputs: Sequence[str]) -> list[Array]:
    """What OpenCV makes of the files."""
    net = caffe_net(files[0], files[1])
    net.setInput(blob)
    return [np.asarray(answer, np.float32) for answer in net.forward(list(outputs))]


class Prepared:
    """A net's models, before and after folding, and OpenCV's answers to batches of 1 and 3 of noise times `scale`."""

    def __init__(self, files: Files, outputs: Sequence[str], scale: float) -> None:
        graph = read_net(files[0].encode(), files[1])
        graph = subgraph(graph, outputs) if outputs else graph
        ((self.input, shape),) = graph.inputs.items()
        self.outputs = graph.outputs
        self.models = {to_onnx(graph), to_onnx(fold(graph))}
        blobs = [np.random.default_rng(batch).standard_normal((batch, *shape[1:])) * scale for batch in (1, 3)]
        self.blobs = [blob.astype(np.float32) for blob in blobs]
        self.expected = [opencv(files, blob, graph.outputs) for blob in self.blobs]


@lru_cache(maxsize=1)
def prepared(files: Files, outputs: tuple[str, ...], scale: float) -> Prepared:
    """Kept for the next engine."""
    return Prepared(files, outputs, scale)


def agrees(files: Files, outputs: tuple[str, ...] = (), engine: str = "onnxruntime", scale: float = 1) -> None:
    """Compares every output, probabilities within 1e-4 and so within the 1e-3 that are asked for."""
    net = prepared(files, outputs, scale)
    for model in net.models:
        for blob, expected in zip(net.blobs, net.expected, strict=True):
            for output, wanted, found in zip(
                net.outputs, expected, ENGINES[engine](model, {net.input: blob}), strict=True
            ):
                assert found.shape == wanted.shape
                most = 1e-4 * float(np.abs(wanted).max())
                np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=most, err_msg=output)


def read(folder: Path, name: str) -> Files:
    return (folder / f"{name}.prototxt").read_text(), (folder / f"{name}.caffemodel").read_bytes()


@pytest.mark.parametrize("sketch", SKETCHES, ids=lambda sketch: sketch.__name__)
@pytest.mark.parametrize("engine", ENGINES)
def test_small_nets_answer_as_in_opencv(sketch: Callable[[], Sketch], engine: str) -> None:
    agrees(sketch().files, engine=engine)


RAW = ("mbox_loc", "mbox_conf", "mbox_conf_flatten")
"""What an SSD's maps say, before priors and DetectionOutput."""


@pytest.mark.parametrize(("name", "outputs"), [("age_net", ()), ("gender_net", ()), ("deploy_face", RAW)])
@pytest.mark.parametrize("engine", ENGINES)
def test_the_built_in_nets_answer_as_in_opencv(name: str, outputs: tuple[str, ...], engine: str) -> None:
    agrees(read(BUILT_IN, name), outputs, engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_published_detector_answers_as_in_opencv(reference_models: Path, engine: str) -> None:
    agrees(read(reference_models / "res10", "deploy_face"), RAW, engine, scale=60)


@cache
def levi_hassner_files(v1: bool) -> Files:
    return levi_hassner(8, v1=v1)


@pytest.mark.parametrize(("v1", "engine"), [(True, engine) for engine in ENGINES] + [(False, "onnxruntime")])
def test_levi_hassner_answers_as_in_opencv(v1: bool, engine: str) -> None:
    agrees(levi_hassner_files(v1), engine=engine, scale=60)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_nets_of_the_other_tests_answer_as_in_opencv(engine: str) -> None:
    agrees(classifier(5, 32), engine=engine, scale=60)
    agrees(ssd(180), ("loc_flat", "conf_flat"), engine, scale=60)


pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))


def spatial(kernel: tuple[int, int], stride: tuple[int, int], pad: tuple[int, int]) -> str:
    values = {"kernel": kernel, "stride": stride, "pad": pad}
    return " ".join(f"{name}_h: {h} {name}_w: {w}" for name, (h, w) in values.items())


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.tuples(st.integers(4, 13), st.integers(4, 13)), st.lists(pairs, min_size=6, max_size=6), st.data())
def test_any_kernel_stride_and_padding_answer_as_in_opencv(
    sides: tuple[int, int], drawn: list[tuple[int, int]], data: st.DataObject
) -> None:
    kernel, stride, dilation, window, step, other = drawn
    pad = data.draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    inset = data.draw(st.tuples(*(st.integers(0, side - 1) for side in window)))
    group = data.draw(st.sampled_from((1, 2, 4)))
    # A stride beyond the window can put a window beside the map, where Caffe answers -3.4e38.
    assume(all(s <= k for s, k in zip(step, window, strict=True)))
    made = [
        (side + 2 * p - d * (k - 1) - 1) // s + 1
        for side, p, d, k, s in zip(sides, pad, dilation, kernel, stride, strict=True)
    ]
    assume(all(count + 2 * p >= k >= 1 and count >= 1 for count, p, k in zip(made, inset, window, strict=True)))
    net = Sketch(4, *sides)
    dilations = " ".join(f"dilation: {d}" for d in dilation)
    param = f"num_output: 8 group: {group} {dilations} {spatial(kernel, stride, pad)}"
    net.add("conv", "Convolution", f"convolution_param {{ {param} }}", (8, 4 // group, *kernel), (8,))
    for pool in ("MAX", "AVE"):
        net.add(pool, "Pooling", f"pooling_param {{ pool: {pool} {spatial(window, step, inset)} }}", of="conv")
    param = f"num_output: 8 group: {group} {spatial(other, stride, (0, 0))}"
    net.add("up", "Deconvolution", f"convolution_param {{ {param} }}", (8, 8 // group, *other), (8,), of="conv")
    agrees(net.files)
