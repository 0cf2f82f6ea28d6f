"""Caffe graph to ONNX model: every layer becomes the operators that compute exactly what Caffe computes."""

from __future__ import annotations

import numpy as np

from faceattr.caffe.graph import Graph, Shape
from faceattr.caffe.onnx_builder import Builder, Dims
from faceattr.caffe.onnx_layers import CONVERTERS
from faceattr.caffe.onnx_step import Step
from faceattr.errors import CaffeError

BATCH = "N"
"""What the free dimension is called."""


def to_onnx(graph: Graph) -> bytes:
    """The graph as a serialized ONNX ModelProto: float32, opset 13, inputs and outputs as named in the graph.

    The batch dimension is free. Raises CaffeError, naming layer and type, for a layer that ONNX has no operators for:
    PriorBox and DetectionOutput, which `subgraph` cuts off and the SSD head decodes.
    """
    builder = Builder(graph.inputs, graph.shapes)
    batched = set(graph.inputs)
    for node in graph.nodes:
        convert = CONVERTERS.get(node.type)
        if convert is None:
            raise CaffeError(f"layer '{node.name}': type {node.type} cannot be converted to ONNX")
        step = Step(node, graph.shapes, builder)
        with np.errstate(all="ignore"):  # Infinite weights answer as they do in Caffe.
            values = convert(step)
        for blob, value in zip(node.outputs, [values] if isinstance(values, str) else values, strict=True):
            builder.bind(blob, value)
            if batched.issuperset(node.inputs) and _keeps_batch(step, graph.shapes[blob]):
                batched.add(blob)
    return builder.model(
        graph.name,
        {blob: _dims(shape, True) for blob, shape in graph.inputs.items()},
        {blob: _dims(graph.shapes[blob], blob in batched) for blob in graph.outputs},
    )


def _keeps_batch(step: Step, after: Shape) -> bool:
    """Whether the first dimension, the batch before a layer, still is the batch after it."""
    if step.node.type == "Permute":
        return step.integers("order")[:1] in ((), (0,))
    return after[:1] == step.shape[:1] and not (step.node.type == "ArgMax" and step.node.params["axis"] == 0)


def _dims(shape: Shape, batched: bool) -> Dims:
    """A shape with a free batch; where the batch has moved into other dimensions, all of them are left open."""
    return (BATCH, *shape[1:]) if batched else (None,) * len(shape)
