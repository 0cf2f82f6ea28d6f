"""Folds BatchNorm, Scale and Bias into the convolution or inner product in front of them.

y = (W·x + b) × factor + summand is the same layer with W × factor and b × factor + summand (Ioffe and Szegedy, Batch
Normalization, 2015).
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from faceattr.caffe.graph import Graph, Node
from faceattr.errors import CaffeError

_Array = NDArray[np.float64]


def fold(graph: Graph) -> Graph:
    """The same net with BatchNorm, Scale and Bias folded in where nothing else reads what is between.

    The folded layer keeps its name and makes the blob the last layer folded into it made. What follows no such layer
    stays. Raises CaffeError when the result is not finite.
    """
    readers = Counter(blob for node in graph.nodes for blob in node.inputs)
    made: dict[str, Node] = {}
    order: list[str] = []
    for node in graph.nodes:
        source = node.inputs[0]
        before = made.get(source)
        if before is not None and readers[source] == 1 and source not in graph.outputs and _folds(before, node):
            made[node.outputs[0]] = _folded(before, node)
            del made[source]
            order[order.index(source)] = node.outputs[0]
            continue
        made[node.outputs[0]] = node
        order.append(node.outputs[0])
    nodes = tuple(made[blob] for blob in order)
    kept = {*graph.inputs, *(blob for node in nodes for blob in node.outputs)}
    shapes = {blob: shape for blob, shape in graph.shapes.items() if blob in kept}
    return Graph(graph.name, graph.inputs, nodes, graph.outputs, shapes)


def _folds(before: Node, node: Node) -> bool:
    """Whether `node` multiplies and adds by channel, right behind a layer that makes channels by weights."""
    if before.type not in ("Convolution", "Deconvolution", "InnerProduct") or len(before.outputs) > 1:
        return False
    if before.type == "InnerProduct" and before.params["axis"] != 1:
        return False
    if node.type == "BatchNorm":
        return True
    by_channel = node.type in ("Scale", "Bias") and len(node.inputs) == 1
    return by_channel and (node.params["axis"], node.params["num_axes"]) == (1, 1)


def _folded(before: Node, node: Node) -> Node:
    with np.errstate(all="ignore"):
        factor, summand = _factor_and_summand(node)
        weights = before.weights[0].astype(np.float64) * _along_outputs(before, factor)
        bias = before.weights[1].astype(np.float64) if before.params["bias"] else np.zeros(len(factor))
        folded = weights.astype(np.float32), (bias * factor + summand).astype(np.float32)
    if not all(np.isfinite(array).all() for array in folded):
        raise CaffeError(f"layer '{node.name}' ({node.type}): its weights do not give finite numbers")
    return Node(before.name, before.type, before.inputs, node.outputs, {**before.params, "bias": True}, folded)


def _factor_and_summand(node: Node) -> tuple[_Array, _Array]:
    """What each channel is multiplied with, and what is added then; (c,) each."""
    weights = [array.astype(np.float64) for array in node.weights]
    if node.type == "Bias":
        return np.ones_like(weights[0]), weights[0]
    if node.type == "Scale":
        return weights[0], weights[1] if node.params["bias"] else np.zeros_like(weights[0])
    # Caffe stores sums over a moving window; the third blob is what to divide them by, and 0 means no data yet.
    mean, variance, window = weights
    share = 0.0 if window[0] == 0 else 1.0 / window[0]
    eps = node.params["eps"]
    assert isinstance(eps, float)
    factor = 1.0 / np.sqrt(variance * share + eps)
    return factor, -mean * share * factor


def _along_outputs(node: Node, factor: _Array) -> _Array:
    """The factor (out,) in a shape that multiplies the outputs of the layer's weights."""
    if node.type == "Convolution":
        return factor.reshape(-1, 1, 1, 1)
    if node.type == "InnerProduct":
        return factor if node.params["transpose"] else factor.reshape(-1, 1)
    inputs, outputs_by_group = node.weights[0].shape[:2]
    groups = len(factor) // outputs_by_group
    return np.repeat(factor.reshape(groups, outputs_by_group), inputs // groups, axis=0)[:, :, None, None]
