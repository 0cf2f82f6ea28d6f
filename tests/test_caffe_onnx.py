"""Every layer's ONNX against Caffe's definition in NumPy (`caffe_reference`), on graphs built by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from faceattr.caffe.graph import Graph, Node
from faceattr.errors import CaffeError
from tests import caffe_reference

onnx = pytest.importorskip("onnx", reason="onnx is not installed: nothing is converted without it")

from faceattr.caffe.onnx_export import to_onnx  # noqa: E402

Array = NDArray[np.float32]
Blobs = Mapping[str, Array]
Run = Callable[[bytes, Blobs], list[Array]]
few = settings(derandomize=True, max_examples=25, deadline=None)

BATCH = 2
"""What the graphs declare; they are fed with 1 and 3."""


def on_onnxruntime(model: bytes, blobs: Blobs) -> list[Array]:
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    options = runtime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    session = runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return list(session.run(None, {value.name: blobs[value.name] for value in session.get_inputs()}))


def on_openvino(model: bytes, blobs: Blobs) -> list[Array]:
    openvino = pytest.importorskip("openvino", reason="openvino is not installed")
    core = openvino.Core()
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    compiled = core.compile_model(core.read_model(model), "CPU", settings)
    answers = compiled({value.any_name: blobs[value.any_name] for value in compiled.inputs})
    return [np.array(answers[index]) for index in range(len(compiled.outputs))]


def on_opencv(model: bytes, blobs: Blobs) -> list[Array]:
    cv2 = pytest.importorskip("cv2", reason="opencv is not installed")
    proto = onnx.load_from_string(model)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
    for value in proto.graph.input:
        net.setInput(blobs[value.name], value.name)
    return list(net.forward([value.name for value in proto.graph.output]))


ENGINES: dict[str, Run] = {"onnxruntime": on_onnxruntime, "openvino": on_openvino, "opencv": on_opencv}


def random(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def layer(
    kind: str, params: dict[str, Any], weights: Sequence[Array] = (), *shapes: tuple[int, ...], tops: int = 1
) -> Graph:
    """A graph of one layer; `shapes` of its bottoms are without the batch."""
    inputs = {f"in{index}": (BATCH, *shape) for index, shape in enumerate(shapes)}
    made = caffe_reference.run(kind, params, weights, [random(*shape) for shape in inputs.values()])
    outputs = {f"out{index}": blob.shape for index, blob in enumerate(made)}
    node = Node("the layer", kind, tuple(inputs), tuple(outputs), params, tuple(weights))
    return Graph("small", inputs, (node,), tuple(outputs), {**inputs, **outputs})


def agrees(graph: Graph, run: Run = on_onnxruntime) -> None:
    """Checks the graph's ONNX and its answers to batches of 1 and 3 against the reference."""
    model, (node,) = to_onnx(graph), graph.nodes
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    for batch in (1, 3):
        blobs = {name: random(batch, *shape[1:], seed=batch) for name, shape in graph.inputs.items()}
        expected = caffe_reference.run(node.type, node.params, node.weights, list(blobs.values()))
        for wanted, found in zip(expected, run(model, blobs), strict=True):
            assert wanted.shape == found.shape
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5 * max(1, float(np.abs(wanted).max())))


def kinds(graph: Graph) -> list[str]:
    """The operators a graph becomes."""
    return [node.op_type for node in onnx.load_from_string(to_onnx(graph)).graph.node]


def convolution(**params: Any) -> dict[str, Any]:
    defaults = {"kernel": (3, 3), "stride": (1, 1), "pad": (0, 0), "dilation": (1, 1), "group": 1, "bias": True}
    return {"num_output": 4, **defaults, **params}


def pool(**params: Any) -> dict[str, Any]:
    defaults = {"pool": "AVE", "kernel": (3, 3), "stride": (2, 2), "pad": (0, 0), "global": False, "round": "CEIL"}
    return {**defaults, **params}


def lrn(**params: Any) -> dict[str, Any]:
    return {"local_size": 3, "alpha": 0.5, "beta": 0.75, "k": 1.0, "region": "ACROSS_CHANNELS", **params}


def dense(**params: Any) -> dict[str, Any]:
    return {"num_output": 5, "axis": 1, "transpose": False, "bias": True, **params}


def argmax(**params: Any) -> dict[str, Any]:
    return {"top_k": 1, "out_max_val": False, "axis": "", **params}


MAP = (4, 6, 5)
C4, POSITIVE = random(4), np.abs(random(4)) + np.float32(0.5)
CASES: dict[str, Graph] = {
    "convolution": layer("Convolution", convolution(pad=(1, 1)), [random(4, 4, 3, 3), C4], MAP),
    "convolution of two maps": layer("Convolution", convolution(), [random(4, 4, 3, 3), C4], MAP, MAP),
    "convolution, depthwise without bias": layer(
        "Convolution", convolution(group=4, bias=False, stride=(2, 1)), [random(4, 1, 3, 3)], MAP
    ),
    "convolution, dilated 1×3": layer(
        "Convolution",
        convolution(kernel=(1, 3), dilation=(1, 2), pad=(0, 2), group=2),
        [random(4, 2, 1, 3), C4],
        MAP,
    ),
    "deconvolution": layer(
        "Deconvolution", convolution(stride=(2, 2), kernel=(4, 4), pad=(1, 1)), [random(4, 4, 4, 4), C4], MAP
    ),
    "deconvolution, bilinear": layer(
        "Deconvolution",
        convolution(stride=(2, 2), kernel=(4, 4), pad=(1, 1), group=4, bias=False),
        [random(4, 1, 4, 4)],
        MAP,
    ),
    "deconvolution that repeats each pixel": layer(
        "Deconvolution",
        convolution(stride=(2, 3), kernel=(2, 3), group=4),
        [np.ones((4, 1, 2, 3), np.float32), np.zeros(4, np.float32)],
        MAP,
    ),
    "deconvolution that repeats each pixel, and adds to it": layer(
        "Deconvolution",
        convolution(stride=(2, 2), kernel=(2, 2), group=4),
        [np.ones((4, 1, 2, 2), np.float32), C4],
        MAP,
    ),
    "deconvolution that repeats each pixel, but for a gap": layer(
        "Deconvolution",
        convolution(stride=(3, 2), kernel=(2, 2), group=4, bias=False),
        [np.ones((4, 1, 2, 2), np.float32)],
        MAP,
    ),
    "deconvolution, dilated": layer(
        "Deconvolution", convolution(dilation=(2, 3), kernel=(2, 3), stride=(2, 1)), [random(4, 4, 2, 3), C4], MAP
    ),
    "convolution, 1×1 padded": layer(
        "Convolution", convolution(kernel=(1, 1), pad=(0, 1)), [random(4, 4, 1, 1), C4], MAP
    ),
    "deconvolution, 1×1 padded": layer(
        "Deconvolution", convolution(kernel=(1, 1), pad=(0, 1), group=2), [random(4, 2, 1, 1), C4], MAP
    ),
    "inner product": layer("InnerProduct", dense(), [random(5, 120), random(5)], MAP),
    "inner product on rows": layer("InnerProduct", dense(), [random(5, 7), random(5)], (7,)),
    "inner product, transposed": layer("InnerProduct", dense(transpose=True, bias=False), [random(120, 5)], MAP),
    "inner product on the last axis": layer("InnerProduct", dense(axis=-1), [random(5, 5), random(5)], MAP),
    "inner product on axis 2": layer("InnerProduct", dense(axis=2), [random(5, 30), random(5)], MAP),
    "max pooling, ceil": layer("Pooling", pool(pool="MAX"), [], (4, 6, 8)),
    "max pooling, padded": layer("Pooling", pool(pool="MAX", pad=(1, 1)), [], (4, 6, 7)),
    "mean pooling, ceil": layer("Pooling", pool(), [], (4, 6, 8)),
    "mean pooling, padded": layer("Pooling", pool(pad=(1, 1)), [], (4, 7, 7)),
    "mean pooling, padded and clipped": layer("Pooling", pool(pad=(1, 1), stride=(3, 3), kernel=(4, 4)), [], (4, 6, 8)),
    "mean pooling, padded on one side": layer("Pooling", pool(pad=(0, 1), kernel=(3, 4)), [], (4, 6, 8)),
    "mean pooling, floor": layer("Pooling", pool(round="FLOOR"), [], (4, 6, 8)),
    "global mean": layer("Pooling", pool(**{"global": True}, kernel=(6, 5)), [], MAP),
    "global maximum": layer("Pooling", pool(**{"global": True}, kernel=(6, 5), pool="MAX"), [], MAP),
    "relu": layer("ReLU", {"negative_slope": 0.0}, [], MAP),
    "leaky relu": layer("ReLU", {"negative_slope": 0.1}, [], MAP),
    "prelu": layer("PReLU", {"channel_shared": False}, [C4], MAP),
    "prelu on rows": layer("PReLU", {"channel_shared": False}, [C4], (4,)),
    "prelu, shared": layer("PReLU", {"channel_shared": True}, [random(1)], MAP),
    "elu": layer("ELU", {"alpha": 0.7}, [], MAP),
    "sigmoid": layer("Sigmoid", {}, [], MAP),
    "tanh": layer("TanH", {}, [], MAP),
    "power, linear": layer("Power", {"power": 1.0, "scale": -2.0, "shift": 0.5}, [], MAP),
    "power, square": layer("Power", {"power": 2.0, "scale": 1.0, "shift": 0.0}, [], MAP),
    "power, constant": layer("Power", {"power": 0.0, "scale": 2.0, "shift": 3.0}, [], MAP),
    "power, nothing": layer("Power", {"power": 1.0, "scale": 1.0, "shift": 0.0}, [], MAP),
    "lrn": layer("LRN", lrn(k=2.0), [], (8, 3, 4)),
    "lrn, k not whole": layer("LRN", lrn(k=0.75), [], (8, 3, 4)),
    "lrn, within channel": layer("LRN", lrn(region="WITHIN_CHANNEL", k=7.0), [], MAP),
    "lrn, within channel, wider than the map": layer("LRN", lrn(region="WITHIN_CHANNEL", local_size=9), [], MAP),
    "batch norm": layer("BatchNorm", {"eps": 1e-3}, [C4, POSITIVE, np.array([3.5], np.float32)], MAP),
    "batch norm on rows": layer("BatchNorm", {"eps": 1e-3}, [C4, POSITIVE, np.ones(1, np.float32)], (4,)),
    "batch norm, factor 0": layer("BatchNorm", {"eps": 1e-3}, [C4, POSITIVE, np.zeros(1, np.float32)], MAP),
    "scale": layer("Scale", {"axis": 1, "num_axes": 1, "bias": True}, [C4, POSITIVE], MAP),
    "scale, last axes": layer("Scale", {"axis": -2, "num_axes": -1, "bias": False}, [random(6, 5)], MAP),
    "scale, two axes": layer("Scale", {"axis": 1, "num_axes": 2, "bias": True}, [random(4, 6), random(4, 6)], MAP),
    "scale by a number": layer("Scale", {"axis": 1, "num_axes": 0, "bias": False}, [random()], MAP),
    "scale by channels of a second input": layer("Scale", {"axis": 0, "num_axes": 1, "bias": False}, [], MAP, (4,)),
    "scale by a second map, then bias": layer("Scale", {"axis": 0, "num_axes": 1, "bias": False}, [], MAP, MAP),
    "bias": layer("Bias", {"axis": 1, "num_axes": 1}, [C4], MAP),
    "bias of a second input": layer("Bias", {"axis": 0, "num_axes": 1}, [], MAP, (4, 6)),
    "sum": layer("Eltwise", {"operation": "SUM", "coeff": ()}, [], MAP, MAP),
    "weighted sum": layer("Eltwise", {"operation": "SUM", "coeff": (1.0, -0.5, 2.0)}, [], MAP, MAP, MAP),
    "product": layer("Eltwise", {"operation": "PROD", "coeff": ()}, [], MAP, MAP, MAP),
    "maximum": layer("Eltwise", {"operation": "MAX", "coeff": ()}, [], MAP, MAP, MAP),
    "concat": layer("Concat", {"axis": 1}, [], MAP, (2, 6, 5)),
    "concat, last axis": layer("Concat", {"axis": -1}, [], MAP, (4, 6, 2)),
    "slice, equal": layer("Slice", {"axis": 1, "slice_point": ()}, [], MAP),
    "slice at points": layer("Slice", {"axis": 2, "slice_point": (1, 4)}, [], MAP),
    "split": layer("Split", {}, [], MAP),
    "softmax": layer("Softmax", {"axis": 1}, [], MAP),
    "softmax, last axis": layer("Softmax", {"axis": -1}, [], (6, 2)),
    "flatten": layer("Flatten", {"axis": 1, "end_axis": -1}, [], MAP),
    "flatten in the middle": layer("Flatten", {"axis": 1, "end_axis": 2}, [], MAP),
    "flatten at the end": layer("Flatten", {"axis": -2, "end_axis": -1}, [], MAP),
    "reshape": layer("Reshape", {"shape": (0, -1, 2), "axis": 0, "num_axes": -1}, [], MAP),
    "reshape in the middle": layer("Reshape", {"shape": (2, -1), "axis": 1, "num_axes": 1}, [], MAP),
    "reshape, axis inserted": layer("Reshape", {"shape": (1,), "axis": -1, "num_axes": 0}, [], MAP),
    "permute": layer("Permute", {"order": (0, 2, 3, 1)}, [], MAP),
    "permute, rest follows": layer("Permute", {"order": (0, 3)}, [], MAP),
    "normalize": layer("Normalize", {"across_spatial": False, "channel_shared": False, "eps": 1e-2}, [POSITIVE], MAP),
    "normalize, across": layer(
        "Normalize", {"across_spatial": True, "channel_shared": True, "eps": 1e-2}, [random(1)], MAP
    ),
    "argmax": layer("ArgMax", argmax(), [], (9,)),
    "argmax of a map": layer("ArgMax", argmax(top_k=3), [], MAP),
    "argmax with values": layer("ArgMax", argmax(top_k=2, out_max_val=True), [], MAP),
    "argmax on an axis": layer("ArgMax", argmax(axis=1), [], MAP),
    "argmax on an axis, values": layer("ArgMax", argmax(axis=-1, top_k=2, out_max_val=True), [], MAP),
    "crop": layer("Crop", {"axis": 2, "offset": (1, 2)}, [], MAP, (1, 4, 3)),
    "crop by one offset": layer("Crop", {"axis": 1, "offset": (1,)}, [], MAP, (2, 4, 3)),
    "crop from the corner": layer("Crop", {"axis": 2, "offset": ()}, [], MAP, (9, 6, 3)),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES)
def test_every_layer_answers_as_caffe_defines_it(case: str, engine: str) -> None:
    agrees(CASES[case], ENGINES[engine])


sides = st.integers(1, 9)
pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))


@few
@given(sides, sides, pairs, pairs, st.data())
def test_pooling_counts_and_clips_windows_as_caffe_does(
    height: int, width: int, kernel: tuple[int, int], stride: tuple[int, int], data: st.DataObject
) -> None:
    pad = data.draw(st.tuples(*(st.integers(0, side - 1) for side in kernel)))
    assume(all(side + 2 * p >= k for side, p, k in zip((height, width), pad, kernel, strict=True)))
    # A stride beyond the kernel can put a window beside the map, where Caffe answers -3.4e38 or NaN.
    assume(all(s <= k for s, k in zip(stride, kernel, strict=True)))
    params = pool(kernel=kernel, stride=stride, pad=pad)
    for kind in ("MAX", "AVE"):
        for rounding in ("CEIL", "FLOOR"):
            agrees(layer("Pooling", {**params, "pool": kind, "round": rounding}, [], (2, height, width)))


@few
@given(sides, sides, pairs, pairs, pairs, st.tuples(st.integers(0, 3), st.integers(0, 3)), st.sampled_from((1, 2, 4)))
def test_convolutions_agree(
    height: int,
    width: int,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    pad: tuple[int, int],
    group: int,
) -> None:
    params = convolution(kernel=kernel, stride=stride, dilation=dilation, pad=pad, group=group)
    extents = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    sizes = list(zip((height, width), extents, stride, pad, strict=True))
    if all(side + 2 * p >= extent for side, extent, _, p in sizes):
        agrees(layer("Convolution", params, [random(4, 4 // group, *kernel), C4], (4, height, width)))
    if all(s * (side - 1) + extent > 2 * p for side, extent, s, p in sizes):
        agrees(layer("Deconvolution", params, [random(4, 4 // group, *kernel), C4], (4, height, width)))


@few
@given(st.sampled_from((1, 3, 5, 7)), st.floats(1e-4, 2), st.floats(0.1, 2), st.floats(0.5, 3), st.integers(1, 9))
def test_lrn_agrees(size: int, alpha: float, beta: float, k: float, channels: int) -> None:
    for region in ("ACROSS_CHANNELS", "WITHIN_CHANNEL"):
        agrees(layer("LRN", lrn(local_size=size, alpha=alpha, beta=beta, k=k, region=region), [], (channels, 4, 3)))


@few
@given(st.integers(1, 4), st.integers(1, 4), st.data())
def test_dimensions_move_as_in_caffe(axis: int, count: int, data: st.DataObject) -> None:
    shape = (2, 3, 4, 2)
    end = min(axis + count, 5)
    whole = int(np.prod(shape[axis - 1 : end - 1]))
    part = data.draw(st.sampled_from([part for part in range(1, whole + 1) if whole % part == 0]))
    wanted = data.draw(st.permutations((part, -1)))
    agrees(layer("Reshape", {"shape": tuple(wanted), "axis": axis, "num_axes": end - axis}, [], shape))
    if end > axis:
        agrees(layer("Flatten", {"axis": axis, "end_axis": end - 1}, [], shape))
    agrees(layer("Permute", {"order": (0, *data.draw(st.permutations((1, 2, 3, 4))))}, [], shape))
    agrees(layer("Softmax", {"axis": axis}, [], shape))
    agrees(layer("Concat", {"axis": axis}, [], shape, shape))
    top = data.draw(st.integers(1, shape[axis - 1]))
    agrees(layer("ArgMax", argmax(axis=axis, top_k=top, out_max_val=data.draw(st.booleans())), [], shape))


def session(graph: Graph, *blobs: Array) -> list[Array]:
    return on_onnxruntime(to_onnx(graph), dict(zip(graph.inputs, blobs, strict=True)))


def test_of_equal_values_argmax_takes_the_last() -> None:
    ties = np.array([[1, 3, 0, 3, 3, 2]], np.float32)
    assert session(layer("ArgMax", argmax(), [], (6,)), ties)[0].tolist() == [[[4]]]
    assert session(layer("ArgMax", argmax(top_k=4), [], (6,)), ties)[0].tolist() == [[[4, 3, 1, 5]]]


def test_layers_that_mix_the_batch_work_on_any() -> None:
    cases = [
        layer("Concat", {"axis": 0}, [], (3,), (3,)),
        layer("Slice", {"axis": 0, "slice_point": (1,)}, [], (3,)),
        layer("Slice", {"axis": 0, "slice_point": ()}, [], (3,)),
        layer("Permute", {"order": (1, 0)}, [], (3,)),
        layer("Flatten", {"axis": 0, "end_axis": 1}, [], (3, 4)),
        layer("Reshape", {"shape": (-1, 3), "axis": 0, "num_axes": -1}, [], (3, 4)),
        layer("Reshape", {"shape": (1, -1, 2), "axis": 0, "num_axes": -1}, [], (3, 4)),
        layer("Softmax", {"axis": 0}, [], (3,)),
        layer("ArgMax", argmax(axis=0), [], (3,)),
    ]
    for graph in cases:
        node = graph.nodes[0]
        blobs = [random(6, *shape[1:]) for shape in graph.inputs.values()]
        expected = caffe_reference.run(node.type, node.params, node.weights, blobs)
        for found, wanted in zip(session(graph, *blobs), expected, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_a_reshape_that_names_the_declared_batch_leaves_it_free() -> None:
    graph = layer("Reshape", {"shape": (BATCH, 12), "axis": 0, "num_axes": -1}, [], (3, 4))
    assert session(graph, random(5, 3, 4))[0].shape == (5, 12)


def test_an_inner_product_over_the_batch_keeps_it_fixed() -> None:
    graph = layer("InnerProduct", dense(axis=0), [random(5, 6), random(5)], (3,))
    x = random(2, 3)
    weights, bias = graph.nodes[0].weights
    np.testing.assert_allclose(session(graph, x)[0], weights @ x.ravel() + bias, rtol=1e-5)


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("convolution", ["Conv"]),
        ("relu", ["Relu"]),
        ("inner product", ["Flatten", "Gemm"]),
        ("inner product on rows", ["Gemm"]),
        ("inner product on the last axis", ["MatMul", "Add"]),
        ("max pooling, ceil", ["MaxPool"]),
        ("mean pooling, ceil", ["AveragePool"]),
        ("mean pooling, padded", ["AveragePool", "Mul"]),
        ("global mean", ["GlobalAveragePool"]),
        ("sum", ["Add"]),
        ("softmax", ["Softmax"]),
        ("flatten", ["Flatten"]),
        ("reshape", ["Reshape"]),
        ("power, nothing", ["Identity"]),
        ("split", ["Identity", "Identity"]),
    ],
)
def test_operators_are_those_that_engines_run_fast(case: str, expected: list[str]) -> None:
    assert kinds(CASES[case]) == expected


def test_a_mean_over_the_whole_map_is_a_global_one() -> None:
    assert kinds(layer("Pooling", pool(kernel=(6, 5), stride=(1, 1)), [], MAP)) == ["GlobalAveragePool"]


def test_what_leads_to_no_output_is_left_out() -> None:
    relu = Node("relu", "ReLU", ("x",), ("y",), {"negative_slope": 0.0})
    like = Node("like", "Sigmoid", ("size",), ("same",), {})
    crop = Node("crop", "Crop", ("y", "same"), ("z",), {"axis": 2, "offset": (1,)})
    shapes = {"x": (1, 2, 5, 5), "y": (1, 2, 5, 5), "size": (1, 9, 3, 3), "same": (1, 9, 3, 3), "z": (1, 2, 3, 3)}
    graph = Graph("net", {"x": shapes["x"], "size": shapes["size"]}, (relu, like, crop), ("z",), shapes)
    assert kinds(graph) == ["Relu", "Slice"]
    assert [value.name for value in onnx.load_from_string(to_onnx(graph)).graph.input] == ["x"]


def test_an_output_may_be_read_and_may_have_two_names() -> None:
    split = Node("split", "Split", ("x",), ("a", "#1"), {})
    relu = Node("relu", "ReLU", ("a",), ("y",), {"negative_slope": 0.0})
    same = Node("same", "Split", ("y",), ("z",), {})
    shapes = dict.fromkeys(("x", "a", "#1", "y", "z"), (1, 3))
    graph = Graph("net", {"x": (1, 3)}, (split, relu, same), ("#1", "y", "z"), shapes)
    x = random(2, 3)
    first, second, third = session(graph, x)
    assert np.array_equal(first, x)
    assert np.array_equal(second, np.maximum(x, 0))
    assert np.array_equal(third, second)


def test_the_batch_is_free_and_everything_else_is_not() -> None:
    graph = onnx.load_from_string(to_onnx(CASES["convolution"])).graph
    for value in (*graph.input, *graph.output):
        batch, *rest = value.type.tensor_type.shape.dim
        assert batch.dim_param == "N"
        assert all(dim.dim_value > 0 for dim in rest)


@pytest.mark.parametrize("kind", ["PriorBox", "DetectionOutput", "Mystery"])
def test_a_layer_without_operators_is_named(kind: str) -> None:
    node = Node("ghost", kind, ("x",), ("y",), {})
    graph = Graph("net", {"x": (1, 3)}, (node,), ("y",), {"x": (1, 3), "y": (1, 3)})
    with pytest.raises(CaffeError, match=f"layer 'ghost': type {kind}"):
        to_onnx(graph)


@pytest.mark.parametrize("kind", ["MAX", "AVE"])
def test_a_pooling_window_beside_the_map_is_an_error(kind: str) -> None:
    node = Node("thin", "Pooling", ("x",), ("y",), pool(pool=kind, kernel=(1, 1), stride=(2, 2)))
    graph = Graph("net", {"x": (1, 1, 4, 4)}, (node,), ("y",), {"x": (1, 1, 4, 4), "y": (1, 1, 3, 3)})
    with pytest.raises(CaffeError, match=r"layer 'thin' \(Pooling\): a window"):
        to_onnx(graph)


def test_numbers_beyond_float32_become_infinite_as_in_caffe() -> None:
    shapes = {"x": (1, 3), "y": (1, 3)}
    node = Node("steep", "Power", ("x",), ("y",), {"power": 1.0, "scale": 1e39, "shift": 0.0})
    graph = Graph("net", {"x": (1, 3)}, (node,), ("y",), shapes)
    assert np.isinf(session(graph, np.ones((1, 3), np.float32))[0]).all()


def test_a_kernel_spread_beyond_reason_is_an_error() -> None:
    params = convolution(kernel=(2, 2), dilation=(2**15, 2**15), pad=(2**14, 2**14), bias=False)
    node = Node("wide", "Deconvolution", ("x",), ("y",), params, (random(4, 4, 2, 2),))
    graph = Graph("net", {"x": (1, 4, 1, 1)}, (node,), ("y",), {"x": (1, 4, 1, 1), "y": (1, 4, 1, 1)})
    with pytest.raises(CaffeError, match=r"layer 'wide' \(Deconvolution\): a dilated kernel of 32769×32769"):
        to_onnx(graph)


def test_weights_beyond_two_gigabytes_are_an_error() -> None:
    huge = np.broadcast_to(np.float32(0), (2**16, 2**14))
    node = Node("fc", "InnerProduct", ("x",), ("y",), dense(num_output=2**16, bias=False), (huge,))
    graph = Graph("net", {"x": (1, 2**14)}, (node,), ("y",), {"x": (1, 2**14), "y": (1, 2**16)})
    with pytest.raises(CaffeError, match="ends at 2 GB"):
        to_onnx(graph)


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        ("deconvolution that repeats each pixel", "Resize"),
        ("deconvolution that repeats each pixel, and adds to it", "ConvTranspose"),
        ("deconvolution that repeats each pixel, but for a gap", "ConvTranspose"),
        ("deconvolution, bilinear", "ConvTranspose"),
    ],
)
def test_only_what_repeats_pixels_is_a_resize(case: str, kind: str) -> None:
    assert kinds(CASES[case]) == [kind]
