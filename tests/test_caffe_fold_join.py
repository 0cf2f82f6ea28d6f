from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from faceattr.caffe.graph import Graph, Node
from faceattr.errors import CaffeError
from tests.caffe_files import levi_hassner
from tests.caffe_reference import run
from tests.conftest import BUILT_IN
from tests.test_caffe_reader import header, layer

pytest.importorskip("google.protobuf", reason="reading Caffe's files needs protobuf")
from faceattr.caffe import fold, join, read_net, subgraph
from training.caffemodel import caffemodel

Array = NDArray[np.float32]


def rand(*shape: int, seed: int = 0, above: float = -1.0) -> Array:
    return np.random.default_rng(seed).uniform(above, 2.0, shape).astype(np.float32)


def net(text: str, **weights: list[Array]) -> Graph:
    return read_net(
        text.encode(), caffemodel({name: ("X", blobs) for name, blobs in weights.items()} or {"-": ("", [])})
    )


def built_in(name: str) -> Graph:
    return read_net((BUILT_IN / f"{name}.prototxt").read_bytes(), (BUILT_IN / f"{name}.caffemodel").read_bytes())


def computed(graph: Graph, data: Array) -> dict[str, Array]:
    blobs = dict.fromkeys(graph.inputs, data)
    for node in graph.nodes:
        made = run(node.type, node.params, node.weights, [blobs[blob] for blob in node.inputs])
        blobs.update(zip(node.outputs, made, strict=False))  # a Split may have one output
    return {blob: blobs[blob] for blob in graph.outputs}


BN = [rand(4), rand(4, above=0.1, seed=1), np.array([1.5], np.float32)]
SCALE = [rand(4, seed=2), rand(4, seed=3)]
TAIL = (
    layer("BatchNorm", bottoms="x", tops="x", name="bn")
    + layer("Scale", "scale_param { bias_term: true }", bottoms="x", tops="x", name="scale")
    + layer("ReLU", bottoms="x", tops="y", name="relu")
)


CONV_IN_GROUPS = "convolution_param {{ num_output: 4 kernel_size: {} group: 2 bias_term: false }}"


@pytest.mark.parametrize(
    ("kind", "param", "weights"),
    [
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }", [rand(4, 6, 3, 3), rand(4)]),
        ("Convolution", CONV_IN_GROUPS.format(1), [rand(4, 3, 1, 1)]),
        ("Deconvolution", "convolution_param { num_output: 4 kernel_size: 2 }", [rand(6, 4, 2, 2), rand(4)]),
        ("Deconvolution", CONV_IN_GROUPS.format(2), [rand(6, 2, 2, 2)]),
        ("InnerProduct", "inner_product_param { num_output: 4 }", [rand(4, 150), rand(4)]),
        ("InnerProduct", "inner_product_param { num_output: 4 transpose: true bias_term: false }", [rand(150, 4)]),
    ],
)  # fmt: skip
def test_folding_keeps_what_the_net_computes(kind: str, param: str, weights: list[Array]) -> None:
    graph = net(header(2, 6, 5, 5) + layer(kind, param, tops="x") + TAIL, x=weights, bn=BN, scale=SCALE)
    folded = fold(graph)
    assert [node.type for node in folded.nodes] == [kind, "ReLU"]
    assert folded.nodes[0].params["bias"] is True
    assert set(folded.shapes) == {"data", "x", "y"}
    data = rand(2, 6, 5, 5, seed=9)
    np.testing.assert_allclose(computed(folded, data)["y"], computed(graph, data)["y"], rtol=1e-4, atol=1e-4)


CONV = layer("Convolution", "convolution_param { num_output: 4 kernel_size: 1 }", tops="x")


@pytest.mark.parametrize(
    "rest",
    [
        layer("BatchNorm", bottoms="data", tops="y", name="bn"),
        layer("BatchNorm", bottoms="x", tops="y", name="bn") + layer("TanH", bottoms="x", tops="z", name="tanh"),
        layer("ReLU", bottoms="x", tops="x", name="relu") + layer("BatchNorm", bottoms="x", tops="y", name="bn"),
    ],
    ids=["on the input", "read elsewhere", "behind another layer"],
)
def test_what_does_not_follow_a_layer_of_its_own_stays(rest: str) -> None:
    graph = net(header(1, 4, 2, 2) + CONV + rest, x=[rand(4, 4, 1, 1), rand(4)], bn=BN)
    folded = fold(graph)
    assert [node.type for node in folded.nodes] == [node.type for node in graph.nodes]
    assert folded.shapes == graph.shapes


def test_a_blob_asked_for_is_not_folded_away() -> None:
    text = header(1, 4, 2, 2) + CONV + layer("BatchNorm", bottoms="x", tops="y", name="bn")
    graph = subgraph(net(text, x=[rand(4, 4, 1, 1), rand(4)], bn=BN), ["x", "y"])
    assert [node.type for node in fold(graph).nodes] == ["Convolution", "BatchNorm"]


def test_a_scale_that_is_not_by_channel_stays() -> None:
    text = header(1, 4, 2, 3) + CONV + layer("Scale", "scale_param { axis: 3 }", bottoms="x", tops="y", name="scale")
    assert len(fold(net(text, x=[rand(4, 4, 1, 1), rand(4)], scale=[rand(3)])).nodes) == 2


def test_negative_variance_is_reported() -> None:
    text = header(1, 4, 2, 2) + CONV + layer("BatchNorm", bottoms="x", tops="y", name="bn")
    graph = net(text, x=[rand(4, 4, 1, 1), rand(4)], bn=[BN[0], -BN[1], BN[2]])
    with pytest.raises(CaffeError, match=r"layer 'bn' \(BatchNorm\): its weights do not give finite numbers"):
        fold(graph)


def test_subgraph_keeps_just_what_the_outputs_need() -> None:
    graph = built_in("deploy_face")
    heads = subgraph(graph, list(graph.node("detection_out").inputs[:2]))
    kinds = {node.type for node in heads.nodes}
    assert {"PriorBox", "DetectionOutput"}.isdisjoint(kinds)
    assert heads.outputs == graph.node("detection_out").inputs[:2]
    assert heads.inputs == graph.inputs
    made = {blob for node in heads.nodes for blob in node.outputs}
    assert set(heads.shapes) == made | set(heads.inputs)


def test_subgraph_of_an_unknown_blob_names_it() -> None:
    with pytest.raises(CaffeError, match="no layer of the net makes 'nowhere'"):
        subgraph(built_in("gender_net"), ["nowhere"])


def test_the_built_in_gender_and_age_nets_share_all_but_their_last_layers() -> None:
    gender, age = built_in("gender_net"), built_in("age_net")
    joined = join({"gender": gender, "age": age})
    assert len(gender.nodes) == len(age.nodes) == len(joined.nodes) - 2
    assert [node.type for node in joined.nodes if node.name.startswith("age/")] == ["Convolution", "Softmax"]
    assert joined.inputs == {"data": (1, 3, 96, 96)}
    assert joined.outputs == ("gender/prob", "age/prob")
    assert joined.shapes["age/prob"][:2] == (1, 101)


def small(*weights: Array, name: str = "data", kind: str = "ReLU", rest: str = "", top: str = "y") -> Graph:
    text = header(1, 4, name=name) + layer("Bias", bottoms=name, tops="b", name="bias")
    return net(text + layer(kind, rest, bottoms="b", tops=top, name="last"), bias=list(weights))


@pytest.mark.parametrize(
    ("other", "nodes"),
    [
        (small(rand(4)), 3),
        (small(rand(4), name="pixels", top="z"), 3),
        (small(rand(4), rest="relu_param { negative_slope: 0.1 }"), 3),
        (small(rand(4), kind="TanH"), 3),
        (small(rand(4, seed=1)), 4),
    ],
    ids=["equal", "other names", "other parameters", "other type", "other weights"],
)
def test_joined_nets_share_equal_layers_and_compute_what_they_did(other: Graph, nodes: int) -> None:
    one, data = small(rand(4)), rand(1, 4, seed=5)
    joined = join({"a": one, "b": other})
    assert len(joined.nodes) == nodes
    assert len({node.name for node in joined.nodes}) == nodes
    made = computed(joined, data)
    assert joined.outputs == ("a/y", f"b/{other.outputs[0]}")
    np.testing.assert_array_equal(made["a/y"], computed(one, data)["y"])
    np.testing.assert_array_equal(made[joined.outputs[1]], computed(other, data)[other.outputs[0]])


def test_nets_in_the_old_format_with_equal_first_layers_share_them() -> None:
    first, second = (
        read_net(text.encode(), data) for text, data in (levi_hassner(2, v1=True), levi_hassner(8, v1=True))
    )
    joined = join({"gender": first, "age": second})
    assert len(joined.nodes) == len(first.nodes) + 2


def test_nets_declared_for_different_batches_join_on_the_firsts() -> None:
    one, ten = (net(header(batch, 4) + layer("Bias"), x=[rand(4)]) for batch in (1, 10))
    joined = join({"a": one, "b": ten})
    assert [node.type for node in joined.nodes] == ["Bias", "Split"]
    assert joined.shapes == {"data": (1, 4), "a/y": (1, 4), "b/y": (1, 4)}
    rigid = net(header(10, 4) + layer("Reshape", "reshape_param { shape { dim: 10 dim: -1 } }"))
    with pytest.raises(CaffeError, match=r"layer 'x' \(Reshape\) is made for a batch of 10, others for one of 1"):
        join({"a": one, "b": rigid})


@pytest.mark.parametrize(
    ("graphs", "cause"),
    [
        ({}, "there are no nets to join"),
        ({"a/b": small(rand(4))}, "nets to join cannot be called 'a/b'"),
        ({"a": small(rand(4)), "b": net(header(1, 5) + layer("ReLU"))}, r"'b' reads an input of \(1, 5\)"),
        ({"a": Graph("n", {"p": (1,), "q": (1,)}, (), (), {})}, "only nets with one input can be joined, 'n' has 2"),
    ],
)
def test_what_cannot_be_joined_is_named(graphs: dict[str, Graph], cause: str) -> None:
    with pytest.raises(CaffeError, match=cause):
        join(graphs)


def test_nodes_are_found_by_what_they_make() -> None:
    graph = small(rand(4))
    node = graph.node("b")
    assert isinstance(node, Node)
    assert node.name == "bias"
    with pytest.raises(KeyError):
        graph.node("data")
