from __future__ import annotations

import re
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from faceattr.caffe.graph import Graph
from faceattr.errors import CaffeError
from tests.caffe_files import caffemodel_v1, classifier, levi_hassner, prototxt_v1, ssd
from tests.conftest import BUILT_IN, ROOT
from tests.opencv_caffe import caffe_net, needs_opencv_4
from training.caffemodel import caffemodel, message, number

pytest.importorskip("google.protobuf", reason="reading Caffe's files needs protobuf")
from faceattr.caffe.reader import read_net

Weights = Mapping[str, tuple[str, Sequence[NDArray[np.float32]]]]
NONE: Weights = {"other": ("ReLU", [])}


def ones(*shapes: tuple[int, ...]) -> list[NDArray[np.float32]]:
    return [np.ones(shape, np.float32) for shape in shapes]


def header(*dims: int, name: str = "data") -> str:
    return f'input: "{name}" input_shape {{ {" ".join(f"dim: {dim}" for dim in dims)} }}\n'


def layer(kind: str, rest: str = "", bottoms: str = "data", tops: str = "y", name: str = "x") -> str:
    blobs = [f'bottom: "{blob}"' for blob in bottoms.split()] + [f'top: "{blob}"' for blob in tops.split()]
    return f'layer {{ name: "{name}" type: "{kind}" {" ".join(blobs)} {rest} }}\n'


def read(text: str, weights: Weights = NONE, size: tuple[int, int] | None = None) -> Graph:
    return read_net(text.encode(), caffemodel(weights), size)


def opencv_shapes(prototxt: bytes, weights: bytes, shape: Sequence[int]) -> dict[str, list[tuple[int, ...]]]:
    net = caffe_net(prototxt, weights)
    ids, _, made = net.getLayersShapes(list(shape))
    return {
        net.getLayer(int(number)).name: [tuple(int(side) for side in shape) for shape in shapes]
        for number, shapes in zip(ids, made, strict=True)
    }


def assert_shapes_as_opencv_says(prototxt: bytes, weights: bytes) -> None:
    graph = read_net(prototxt, weights)
    expected = opencv_shapes(prototxt, weights, graph.inputs["data"])
    for node in graph.nodes:
        # OpenCV's maximum pooling has a second output, the places of the maxima.
        made = [graph.shapes[blob] for blob in node.outputs]
        # A last convolution it calls by its output.
        assert made == expected.get(node.name, expected.get(node.outputs[0], []))[: len(made)], node.name


@needs_opencv_4
@pytest.mark.parametrize("name", ["deploy_face", "gender_net", "age_net"])
def test_shapes_of_the_built_in_nets_are_opencvs(name: str) -> None:
    paths = (BUILT_IN / f"{name}.prototxt", BUILT_IN / f"{name}.caffemodel")
    assert_shapes_as_opencv_says(*(path.read_bytes() for path in paths))


@needs_opencv_4
def test_shapes_of_public_nets_are_opencvs(reference_models: Path) -> None:
    folder = reference_models / "res10"
    assert_shapes_as_opencv_says(*((folder / f"deploy_face.{end}").read_bytes() for end in ("prototxt", "caffemodel")))


@needs_opencv_4
@pytest.mark.parametrize("side", [10, 11, 12, 13, 14])
@pytest.mark.parametrize(
    "layers",
    [
        layer("Pooling", "pooling_param { kernel_size: 3 stride: 2 }"),
        layer("Pooling", "pooling_param { kernel_size: 3 stride: 2 pad: 1 }"),
        layer(
            "Pooling", "pooling_param { pool: AVE kernel_h: 2 kernel_w: 5 stride_h: 3 stride_w: 2 pad_h: 1 pad_w: 2 }"
        ),
        layer("Pooling", "pooling_param { pool: AVE global_pooling: true }"),
        layer("Convolution", "convolution_param { num_output: 2 kernel_size: 3 stride: 2 pad: 1 dilation: 2 }"),
        layer("Deconvolution", "convolution_param { num_output: 2 kernel_size: 3 stride: 2 pad: 1 }"),
        layer("Flatten", "flatten_param { axis: 2 }"),
        layer("Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 2 } }"),
        layer("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }"),
        layer("Slice", "slice_param { slice_point: 1 }", tops="a b"),
        layer("Concat", "", bottoms="data data"),
    ],
)
def test_shapes_of_small_nets_are_opencvs(layers: str, side: int) -> None:
    weights = {"x": ("Convolution", ones((2, 2, 3, 3), (2,)))}
    assert_shapes_as_opencv_says((header(1, 2, side, side + 3) + layers).encode(), caffemodel(weights))


def test_the_old_format_gives_the_same_net() -> None:
    old, new = ((text.encode(), weights) for text, weights in (levi_hassner(8, v1=True), levi_hassner(8)))
    one, other = read_net(*old), read_net(*new)
    assert len(one.nodes) == 17
    for node, like in zip(one.nodes, other.nodes, strict=True):
        assert (node.name, node.type, node.params, node.outputs) == (like.name, like.type, like.params, like.outputs)
        assert all(np.array_equal(a, b) for a, b in zip(node.weights, like.weights, strict=True))
    assert one.outputs == ("prob",)
    assert one.shapes["pool3"] == (1, 384, 7, 7)


def test_old_prototxt_and_new_weights_go_together_and_the_other_way_round() -> None:
    text = header(1, 3, 4, 4) + layer("InnerProduct", "inner_product_param { num_output: 2 }")
    weights = {"x": ("InnerProduct", ones((2, 48), (2,)))}
    for prototxt in (text, prototxt_v1(text)):
        for model in (caffemodel(weights), caffemodel_v1(weights)):
            assert read_net(prototxt.encode(), model).node("y").weights[0].shape == (2, 48)


@pytest.mark.parametrize(
    "declaration",
    [
        'input: "data" input_dim: 2 input_dim: 3 input_dim: 4 input_dim: 5',
        'input: "data" input_shape { dim: 2 dim: 3 dim: 4 dim: 5 }',
        'input: "data" input_shape { dim: [2, 3, 4, 5] }',
        'layer { name: "i" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 4 dim: 5 } } }',
        'input: "data" input: "label" input_shape { dim: [2, 3, 4, 5] } input_shape { dim: 2 }',
    ],
)
def test_every_way_to_declare_an_input(declaration: str) -> None:
    text = declaration + "\n" + layer("TanH")
    graph = read(text)
    assert graph.inputs == {"data": (2, 3, 4, 5)}
    assert graph.shapes == {"data": (2, 3, 4, 5), "y": (2, 3, 4, 5)}
    assert read(text, size=(70, 60)).shapes["y"] == (2, 3, 60, 70)


def test_one_shape_of_an_input_layer_serves_all_its_blobs() -> None:
    text = 'layer { name: "i" type: "Input" top: "a" top: "b" input_param { shape { dim: 1 dim: 2 } } }'
    assert read(text + layer("Eltwise", bottoms="a b")).inputs == {"a": (1, 2), "b": (1, 2)}


def test_each_version_of_a_blob_has_its_own_name_and_the_last_keeps_the_blobs() -> None:
    graph = read(
        header(1, 2, 4, 4)
        + layer("ReLU", tops="data", name="first")
        + layer("Pooling", "pooling_param { kernel_size: 2 }", tops="pool", name="pool")
        + layer("ReLU", bottoms="pool", tops="pool", name="relu")
        + layer("TanH", bottoms="pool", tops="pool", name="tanh")
    )
    assert [(node.inputs, node.outputs) for node in graph.nodes] == [
        (("data",), ("data@first",)),
        (("data@first",), ("pool@pool",)),
        (("pool@pool",), ("pool@relu",)),
        (("pool@relu",), ("pool",)),
    ]
    assert graph.outputs == ("pool",)
    assert set(graph.shapes) == {"data", "data@first", "pool@pool", "pool@relu", "pool"}


@pytest.mark.parametrize(
    ("rules", "state", "taken"),
    [
        ("", "", True),
        ("include { phase: TEST }", "", True),
        ("include { phase: TRAIN }", "", False),
        ("include { phase: TRAIN } include { phase: TEST }", "", True),
        ("exclude { phase: TEST }", "", False),
        ("exclude { phase: TRAIN }", "", True),
        ("exclude { }", "", False),
        ("phase: TRAIN", "", False),
        ("phase: TEST", "", True),
        ("include { min_level: 1 }", "", False),
        ("include { min_level: 1 }", "state { level: 2 }", True),
        ("include { max_level: 1 }", "state { level: 2 }", False),
        ('include { stage: "deploy" }', "", False),
        ('include { stage: "deploy" }', 'state { stage: "deploy" }', True),
        ('include { not_stage: "deploy" }', 'state { stage: "deploy" }', False),
    ],
)
def test_phase_rules_choose_the_layers_of_the_test_net(rules: str, state: str, taken: bool) -> None:
    graph = read(state + header(1, 2) + layer("ReLU", name="always") + layer("TanH", rules, tops="z"))
    assert ("z" in graph.outputs) == taken


def test_layers_that_only_train_are_left_out_with_their_inputs() -> None:
    graph = read(
        'layer { name: "d" type: "Data" top: "data" top: "label" data_param { source: "x" } }'
        'input: "data" input: "label" input_shape { dim: 1 dim: 2 } input_shape { dim: 1 }'
        + layer("Softmax", tops="prob", name="prob")
        + layer("Accuracy", bottoms="prob label", tops="accuracy", name="accuracy")
        + layer("SoftmaxWithLoss", bottoms="data label", tops="loss", name="loss")
        + layer("Silence", bottoms="label", tops="", name="silence")
    )
    assert [node.name for node in graph.nodes] == ["prob"]
    assert list(graph.inputs) == ["data"]


def test_dropout_and_split_leave_only_what_they_name() -> None:
    graph = read(
        header(1, 2)
        + layer("ReLU", tops="a", name="relu")
        + layer("Dropout", bottoms="a", tops="a", name="in_place")
        + layer("Split", bottoms="a", tops="b c", name="split")
        + layer("TanH", bottoms="b", tops="tanh", name="tanh")
        + layer("Dropout", bottoms="tanh", tops="out", name="last")
    )
    assert [(node.type, node.inputs, node.outputs) for node in graph.nodes] == [
        ("ReLU", ("data",), ("a",)),
        ("TanH", ("a",), ("tanh",)),
        ("Split", ("a",), ("c",)),
        ("Split", ("tanh",), ("out",)),
    ]
    assert graph.outputs == ("c", "out")
    assert set(graph.shapes) == {"data", "a", "tanh", "c", "out"}


CONV = {
    "num_output": 2,
    "kernel": (3, 3),
    "stride": (1, 1),
    "pad": (0, 0),
    "dilation": (1, 1),
    "group": 1,
    "bias": True,
}
POOL = {"pool": "MAX", "kernel": (2, 2), "stride": (1, 1), "pad": (0, 0), "global": False, "round": "CEIL"}
CONV_MIN = "convolution_param { num_output: 2 kernel_size: 3 }"
IP_MIN = "inner_product_param { num_output: 2 }"


@pytest.mark.parametrize(
    ("kind", "rest", "weights", "params"),
    [
        ("Convolution", CONV_MIN, ((2, 4, 3, 3), (2,)), CONV),
        ("Deconvolution", CONV_MIN, ((4, 2, 3, 3), (2,)), CONV),
        ("InnerProduct", IP_MIN, ((2, 144), (2,)), {"num_output": 2, "axis": 1, "transpose": False, "bias": True}),
        ("Pooling", "pooling_param { kernel_size: 2 }", (), POOL),
        ("ReLU", "", (), {"negative_slope": 0.0}),
        ("PReLU", "", ((4,),), {"channel_shared": False}),
        ("ELU", "", (), {"alpha": 1.0}),
        ("Sigmoid", "", (), {}),
        ("TanH", "", (), {}),
        ("Power", "", (), {"power": 1.0, "scale": 1.0, "shift": 0.0}),
        ("LRN", "", (), {"local_size": 5, "alpha": 1.0, "beta": 0.75, "k": 1.0, "region": "ACROSS_CHANNELS"}),
        ("BatchNorm", "", ((4,), (4,), (1,)), {"eps": 1e-5}),
        ("Scale", "", ((4,),), {"axis": 1, "num_axes": 1, "bias": False}),
        ("Bias", "", ((4,),), {"axis": 1, "num_axes": 1}),
        ("Concat", "", (), {"axis": 1}),
        ("Slice", "", (), {"axis": 1, "slice_point": ()}),
        ("Softmax", "", (), {"axis": 1}),
        ("Flatten", "", (), {"axis": 1, "end_axis": 3}),
        ("Reshape", "reshape_param { shape { dim: -1 } }", (), {"shape": (-1,), "axis": 0, "num_axes": -1}),
        ("Permute", "", (), {"order": (0, 1, 2, 3)}),
        ("Normalize", "", ((1,),), {"across_spatial": True, "channel_shared": True, "eps": 1e-10}),
        ("ArgMax", "", (), {"top_k": 1, "out_max_val": False, "axis": ""}),
    ],
)
def test_defaults_are_caffes(kind: str, rest: str, weights: Any, params: dict[str, Any]) -> None:
    graph = read(header(1, 4, 6, 6) + layer(kind, rest), {"x": (kind, ones(*weights))})
    node = graph.node("y")
    assert node.params == params
    assert tuple(array.shape for array in node.weights) == weights


def test_defaults_of_layers_with_several_inputs_are_caffes() -> None:
    assert read(header(1, 4, 6, 6) + layer("Eltwise", bottoms="data data")).node("y").params == {
        "operation": "SUM",
        "coeff": (),
    }
    assert read(header(1, 4, 6, 6) + layer("Crop", bottoms="data data")).node("y").params == {
        "axis": 2,
        "offset": (0, 0),
    }
    prototxt, weights = ssd(300)
    prototxt = re.sub(r"variance: \S+|step: \S+|offset: 0.5", "", prototxt)
    prototxt = re.sub(r"share_location: true.*?confidence_threshold: 0.01", "", prototxt, flags=re.DOTALL)
    graph = read_net(prototxt.encode(), weights)
    assert graph.node("prior").params == {
        "min_size": (90.0,), "max_size": (), "aspect_ratio": (), "flip": True, "clip": False, "variance": (0.1,),
        "step": (0.0, 0.0), "offset": 0.5, "img_size": (0, 0),
    }  # fmt: skip
    found = dict(graph.node("out").params)
    assert found.pop("confidence_threshold") == pytest.approx(-3.4028234e38)
    assert found == {
        "num_classes": 2, "share_location": True, "background_label_id": 0, "nms_threshold": 0.3, "nms_top_k": -1,
        "eta": 1.0, "code_type": "CORNER", "variance_encoded_in_target": False, "keep_top_k": -1,
    }  # fmt: skip
    assert graph.shapes["out"] == (1, 1, 50, 7)


@pytest.mark.parametrize(
    ("dims", "text", "weights", "made"),
    [
        ((1, 4, 6, 7), layer("Convolution",
            "convolution_param { num_output: 6 kernel_h: 1 kernel_w: 3 group: 2 bias_term: false }"),
            ((6, 2, 1, 3),), (1, 6, 6, 5)),
        ((1, 4, 9, 9), layer("Convolution",
            "convolution_param { num_output: 2 kernel_size: 3 kernel_size: 2 dilation: 2 pad: 1 pad: 0 }"),
            ((2, 4, 3, 2), (2,)), (1, 2, 7, 7)),
        ((1, 4, 3, 5), layer("Deconvolution",
            "convolution_param { num_output: 6 kernel_size: 4 stride: 2 pad: 1 group: 2 bias_term: false }"),
            ((4, 3, 4, 4),), (1, 6, 6, 10)),
        ((2, 3, 4, 5), layer("InnerProduct",
            "inner_product_param { num_output: 7 axis: 2 transpose: true bias_term: false }"), ((20, 7),), (2, 3, 7)),
        ((1, 1, 2, 5), layer("Pooling", "pooling_param { kernel_size: 3 stride: 2 }"), (), (1, 1, 1, 2)),
        ((1, 1, 5, 5), layer("Pooling", "pooling_param { kernel_size: 2 stride: 2 pad: 1 }"), (), (1, 1, 3, 3)),
        ((1, 1, 5, 6), layer("Pooling", "pooling_param { kernel_size: 1 stride: 3 }"), (), (1, 1, 3, 3)),
        ((1, 1, 5, 5), layer("Pooling",
            "pooling_param { kernel_size: 2 stride: 2 round_mode: FLOOR }"), (), (1, 1, 2, 2)),
        ((1, 1, 5, 5), layer("Pooling",
            "pooling_param { kernel_size: 2 stride: 2 ceil_mode: false }"), (), (1, 1, 2, 2)),
        ((2, 3, 4, 5), layer("Pooling", "pooling_param { global_pooling: true }"), (), (2, 3, 1, 1)),
        ((1, 1, 5, 5), layer("Pooling", "pooling_param { kernel_size: 3 pad_h: 1 }"), (), (1, 1, 5, 3)),
        ((2, 3, 4, 5), layer("Flatten", "flatten_param { axis: -3 end_axis: -2 }"), (), (2, 12, 5)),
        ((2, 8), layer("Reshape", "reshape_param { shape { dim: 2 dim: 4 } axis: -2 }"), (), (2, 2, 4)),
        ((2, 8), layer("Reshape", "reshape_param { shape { dim: 1 } axis: 1 num_axes: 0 }"), (), (2, 1, 8)),
        ((2, 8), layer("Reshape", "reshape_param { shape { dim: 1 } axis: -1 num_axes: 0 }"), (), (2, 8, 1)),
        ((2, 8), layer("Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 4 } }"), (), (2, 2, 4)),
        ((2, 3, 4, 5), layer("Permute", "permute_param { order: 0 order: 3 }"), (), (2, 5, 3, 4)),
        ((2, 3, 4, 5), layer("Concat", "concat_param { axis: -1 }", bottoms="data data"), (), (2, 3, 4, 10)),
        ((2, 3, 4, 5), layer("Concat", "concat_param { concat_dim: 0 }", bottoms="data data"), (), (4, 3, 4, 5)),
        ((2, 6), layer("Slice", "", tops="y z"), (), (2, 3)),
        ((2, 6), layer("Slice", "slice_param { axis: 1 slice_point: 4 }", tops="y z"), (), (2, 4)),
        ((2, 3, 4, 5), layer("ArgMax", "argmax_param { top_k: 6 out_max_val: true }"), (), (2, 2, 6, 1)),
        ((2, 3), layer("ArgMax"), (), (2, 1, 1)),
        ((2, 3, 4, 5), layer("ArgMax", "argmax_param { axis: 1 top_k: 2 }"), (), (2, 2, 4, 5)),
        ((2, 3, 4, 5), layer("Scale",
            "scale_param { axis: 2 num_axes: -1 bias_term: true }"), ((4, 5), (4, 5)), (2, 3, 4, 5)),
        ((2, 3, 4, 5), layer("Scale", "scale_param { num_axes: 0 }"), ((),), (2, 3, 4, 5)),
        ((2, 3, 4, 5), layer("Bias", "bias_param { axis: 0 }", bottoms="data data"), (), (2, 3, 4, 5)),
        ((2, 3, 4, 5), layer("PReLU", "prelu_param { channel_shared: true }"), ((1,),), (2, 3, 4, 5)),
        ((1, 3, 2, 2), layer("PriorBox",
            "prior_box_param { min_size: 4 min_size: 8 max_size: 8 max_size: 9 aspect_ratio: 2 aspect_ratio: "
            "0.5 aspect_ratio: 1 }", bottoms="data data"), (), (1, 2, 2 * 2 * 8 * 4)),
        ((1, 3, 2, 2), layer("PriorBox",
            "prior_box_param { min_size: 4 aspect_ratio: 2 aspect_ratio: 3 flip: false step: 7 }", bottoms="data data"),
            (), (1, 2, 2 * 2 * 3 * 4)),
    ],
)  # fmt: skip
def test_shapes_follow_caffes_rules(
    dims: tuple[int, ...], text: str, weights: tuple[tuple[int, ...], ...], made: tuple[int, ...]
) -> None:
    graph = read(header(*dims) + text, {"x": ("X", ones(*weights))})
    assert graph.shapes["y"] == made
    assert tuple(array.shape for array in graph.node("y").weights) == weights


def test_crop_takes_the_second_inputs_size() -> None:
    text = 'input: "data" input: "like" input_dim: [1, 2, 9, 8, 1, 3, 4, 5]'
    graph = read(text + layer("Crop", "crop_param { offset: 2 offset: 3 }", bottoms="data like"))
    assert graph.shapes["y"] == (1, 2, 4, 5)
    assert graph.node("y").params["offset"] == (2, 3)


def test_within_channel_normalization_ignores_k_as_caffe_does() -> None:
    text = header(1, 2, 4, 4) + layer("LRN", "lrn_param { norm_region: WITHIN_CHANNEL k: 2 local_size: 3 }")
    assert read(text).node("y").params["k"] == 1.0


def _blob_with(*fields: bytes) -> bytes:
    return message(100, message(1, b"x") + message(7, b"".join(fields)))


SHAPE = message(7, message(1, b"\x03"))


@pytest.mark.parametrize(
    "blob",
    [
        (SHAPE, message(5, struct.pack("<3f", 1, 2, 3))),
        (SHAPE, message(5, struct.pack("<2f", 1, 2)), message(5, struct.pack("<f", 3))),
        (SHAPE, message(8, struct.pack("<3d", 1, 2, 3))),
        (SHAPE, number(10, 2), message(12, struct.pack("<3e", 1, 2, 3))),
        (SHAPE, number(10, 1), message(12, struct.pack("<3f", 1, 2, 3))),
        (number(1, 1), number(2, 1), number(3, 1), number(4, 3), message(5, struct.pack("<3f", 1, 2, 3))),
        (message(7, b"\x08\x03"), message(5, struct.pack("<3f", 1, 2, 3))),
        (message(5, struct.pack("<3f", 1, 2, 3)),),
    ],
    ids=["float", "float in parts", "double", "half", "raw float", "legacy shape", "unpacked shape", "no shape"],
)
def test_weights_are_read_whatever_form_they_are_written_in(blob: tuple[bytes, ...]) -> None:
    graph = read_net((header(1, 3) + layer("Bias")).encode(), _blob_with(*blob))
    (weights,) = graph.node("y").weights
    assert weights.dtype == np.float32
    assert weights.tolist() == [1, 2, 3]


def test_what_only_training_reads_is_ignored() -> None:
    rest = """param { lr_mult: 1 decay_mult: 0 } loss_weight: 1 propagate_down: false
      convolution_param { num_output: 2 kernel_size: 3 weight_filler { type: "msra" variance_norm: FAN_OUT }
      engine: CAFFE }"""
    assert read(header(1, 4, 6, 6) + layer("Convolution", rest), {"x": ("X", ones((2, 4, 3, 3), (2,)))}).nodes


def test_numbers_words_and_flags_may_be_written_as_protobuf_allows() -> None:
    graph = read(header(1, 2, 4, 4) + layer("Pooling", "pooling_param { pool: 1 kernel_size: 0x2 global_pooling: f }"))
    assert (graph.node("y").params["pool"], graph.node("y").params["kernel"]) == ("AVE", (2, 2))
    assert read(header(1, 2) + layer("Power", "power_param { power: 2. scale: .5f shift: -1e-1 }")).node(
        "y"
    ).params == {
        "power": 2.0,
        "scale": 0.5,
        "shift": -0.1,
    }


def test_prototxt_and_priors_work_without_protobuf() -> None:
    code = """
import sys
sys.modules["google"] = sys.modules["onnx"] = None
import faceattr.caffe.priors, faceattr.caffe.prototxt
assert "fold" in faceattr.caffe.__all__
try:
    faceattr.caffe.read_net
except ImportError:
    sys.exit(0)
sys.exit(1)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_public_surface_is_what_it_says() -> None:
    pytest.importorskip("onnx", reason="to_onnx needs onnx")
    import faceattr.caffe

    assert set(faceattr.caffe._HOMES) == set(faceattr.caffe.__all__)
    assert all(callable(getattr(faceattr.caffe, name)) for name in faceattr.caffe.__all__)
    with pytest.raises(AttributeError):
        _ = faceattr.caffe.nothing


def test_a_net_given_another_size_is_refused_where_its_weights_do_not_fit() -> None:
    prototxt, weights = levi_hassner(2)
    with pytest.raises(CaffeError, match=r"layer 'fc6' \(InnerProduct\).*512×31104.*512×18816"):
        read_net(prototxt.encode(), weights, (300, 300))
    prototxt, weights = classifier(2, 32)
    assert read_net(prototxt.encode(), weights, (256, 200)).shapes["conv"] == (1, 4, 49, 63)
