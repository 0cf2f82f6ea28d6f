"""Makes a Graph of a prototxt and a caffemodel."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from faceattr.caffe import layers, shapes, ssd_layers
from faceattr.caffe.caffemodel import Caffemodel, mistaken, text
from faceattr.caffe.graph import Graph, Node, Shape
from faceattr.caffe.layers import Made, Maker
from faceattr.caffe.prototxt import Message, parse
from faceattr.caffe.schema import PARAM_OF, Values
from faceattr.caffe.wiring import Layer, declared_inputs, included_layers, wire
from faceattr.errors import CaffeError

MAX_PROTOTXT, MAX_PIECES = 2**19, 150_000
"""Bytes, and words and marks. The largest published prototxts have about 300 KB and half as many words and marks."""
MAX_BLOB = 2**28
"""Numbers in one blob (1 GiB). Nets that run on one machine stay below; the dimensions of spoilt files do not."""
MAX_DIMENSIONS = 8


@dataclass(frozen=True, slots=True)
class _Kind:
    make: Maker
    inputs: tuple[int, int] = (1, 1)
    outputs: tuple[int, int] = (1, 1)


_MANY = 10_000
_KINDS = {
    "Convolution": _Kind(layers.convolution),
    "Deconvolution": _Kind(layers.deconvolution),
    "InnerProduct": _Kind(layers.inner_product),
    "Pooling": _Kind(shapes.pooling),
    "ReLU": _Kind(shapes.pointwise("negative_slope")),
    "PReLU": _Kind(layers.prelu),
    "ELU": _Kind(shapes.pointwise("alpha")),
    "Sigmoid": _Kind(shapes.pointwise()),
    "TanH": _Kind(shapes.pointwise()),
    "Power": _Kind(shapes.pointwise("power", "scale", "shift")),
    "LRN": _Kind(shapes.lrn),
    "BatchNorm": _Kind(layers.batch_norm),
    "Scale": _Kind(layers.scale, inputs=(1, 2)),
    "Bias": _Kind(layers.bias, inputs=(1, 2)),
    "Eltwise": _Kind(shapes.eltwise, inputs=(2, _MANY)),
    "Concat": _Kind(shapes.concat, inputs=(1, _MANY)),
    "Slice": _Kind(shapes.slice_, outputs=(1, _MANY)),
    "Split": _Kind(shapes.split, outputs=(1, _MANY)),
    "Dropout": _Kind(shapes.split),
    "Softmax": _Kind(shapes.softmax),
    "Flatten": _Kind(shapes.flatten),
    "Reshape": _Kind(shapes.reshape),
    "Permute": _Kind(shapes.permute),
    "Normalize": _Kind(layers.normalize),
    "PriorBox": _Kind(ssd_layers.prior_box, inputs=(2, 2)),
    "DetectionOutput": _Kind(ssd_layers.detection_output, inputs=(3, 3)),
    "ArgMax": _Kind(shapes.arg_max),
    "Crop": _Kind(shapes.crop, inputs=(2, 2)),
}
_PARAMS = frozenset(PARAM_OF.values())
_HARMLESS = {
    "name", "type", "bottom", "top", "phase", "include", "exclude", "param", "loss_weight", "blobs_lr", "weight_decay",
    "blob_share_mode", "propagate_down", "transform_param", "loss_param",
}  # fmt: skip
"""Fields of a layer that do not change what it computes in a test run."""


def read_net(prototxt: bytes, caffemodel: bytes, input_size: tuple[int, int] | None = None) -> Graph:
    """The net of a prototxt (V1 or V2) with the weights of a caffemodel, batch as declared.

    `input_size`: (width, height) in place of what the prototxt declares. Dropout and Split are left out, except where
    they name an output of the net: a Split with one output is there then. Raises CaffeError, naming layer and type
    where there is one, for whatever cannot be read or is not supported.
    """
    net = _parsed(prototxt)
    included = included_layers(net)
    inputs = declared_inputs(net, included, input_size)
    for name, shape in inputs.items():
        _check(shape, f"input '{name}'")
    weights = Caffemodel(caffemodel)
    steps = wire(included, tuple(inputs))
    found: dict[str, Shape] = dict(inputs)
    nodes: list[Node] = []
    same: dict[str, str] = {}
    read = {name for step in steps for name in step.inputs}
    named: list[Node] = []
    for step in steps:
        layer = step.layer
        try:
            made = _made(layer, tuple(found[name] for name in step.inputs))
            for name, shape in zip(step.outputs, made.outputs, strict=True):
                _check(shape, f"output '{name}'")
            blobs = weights.weights(layer.name, made.weights)
        except CaffeError as error:
            raise CaffeError(f"layer '{layer.name}' ({layer.type}): {error}") from None
        found.update(zip(step.outputs, made.outputs, strict=True))
        sources = tuple(same.get(name, name) for name in step.inputs)
        if layer.type not in ("Dropout", "Split"):
            nodes.append(Node(layer.name, layer.type, sources, step.outputs, made.params, blobs))
            continue
        same.update({top: sources[0] for top in step.outputs if top not in step.inputs})
        if unread := tuple(top for top in step.outputs if top not in read):
            named.append(Node(layer.name, "Split", sources, unread, {}))
    return _graph(net.value("name"), inputs, (*nodes, *named), found)


def _parsed(prototxt: bytes) -> Message:
    if cause := mistaken(prototxt):
        raise CaffeError(f"the prototxt is {cause}")
    if len(prototxt) > MAX_PROTOTXT:
        raise CaffeError(f"the prototxt has {len(prototxt)} bytes, {MAX_PROTOTXT} at most are read")
    if len(prototxt.split()) + sum(map(prototxt.count, (b"{", b":", b","))) > MAX_PIECES:
        raise CaffeError(f"the prototxt has more than {MAX_PIECES} words and marks")
    try:
        return parse(prototxt.decode())
    except UnicodeDecodeError:
        raise CaffeError(f"the prototxt is not text, but {len(prototxt)} bytes of something else") from None
    except CaffeError as error:
        raise CaffeError(f"the prototxt is not what Caffe reads: {error}") from None


def _made(layer: Layer, inputs: tuple[Shape, ...]) -> Made:
    kind = _KINDS.get(layer.type)
    if kind is None:
        raise CaffeError("this type of layer is not supported")
    for what, count, (least, most) in (
        ("inputs", len(layer.bottoms), kind.inputs),
        ("outputs", len(layer.tops), kind.outputs),
    ):
        if not least <= count <= most:
            raise CaffeError(f"expected {least if least == most else f'{least} or more'} {what}, found {count}")
    return kind.make(_values(layer), inputs, len(layer.tops))


def _values(layer: Layer) -> Values:
    """The parameters of the layer's own type. Those of other types have no effect in Caffe either."""
    own = PARAM_OF[layer.type]
    for field in layer.message.fields:
        if field.name not in _HARMLESS and field.name != own and field.name not in _PARAMS:
            raise CaffeError(f"the field '{field.name}' is not supported here")
    if len(layer.message.messages(own)) != sum(field.name == own for field in layer.message.fields):
        raise CaffeError(f"'{own}' must be a message in braces")
    if len(layer.message.messages(own)) > 1:
        raise CaffeError(f"'{own}' is given more than once")
    return Values(layer.message.message(own), layer.type)


def _check(shape: Shape, what: str) -> None:
    if not 1 <= len(shape) <= MAX_DIMENSIONS:
        raise CaffeError(f"{what} has {len(shape)} dimensions, 1 to {MAX_DIMENSIONS} are possible")
    if min(shape) < 1 or math.prod(shape) > MAX_BLOB:
        raise CaffeError(f"{what} cannot be {text(shape)}: sides start at 1, and {MAX_BLOB} numbers are the limit")


def _graph(name: str, inputs: Mapping[str, Shape], nodes: tuple[Node, ...], found: Mapping[str, Shape]) -> Graph:
    """Leaves out inputs that no node reads (labels of a training net), and the names that Dropout and Split had."""
    if not nodes:
        raise CaffeError("the prototxt has no layers that compute anything")
    read = {blob for node in nodes for blob in node.inputs}
    made = {blob: None for node in nodes for blob in node.outputs}
    return Graph(
        name=name,
        inputs={blob: shape for blob, shape in inputs.items() if blob in read},
        nodes=nodes,
        outputs=tuple(blob for blob in made if blob not in read),
        shapes={blob: shape for blob, shape in found.items() if blob in read or blob in made},
    )
