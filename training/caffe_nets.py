"""Our nets in Caffe form: prototxt and caffemodel of a classifier and of the SSD."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.caffe_text import ENLARGE_WEIGHT, header, layer, needed, node_layers
from training.caffemodel import caffemodel
from training.modules import Weights
from training.plan import Node, Plan

VARIANCES = (0.1, 0.1, 0.2, 0.2)
DETECTION_OUTPUT = (
    "num_classes: 2 share_location: true background_label_id: 0 nms_param {{ nms_threshold: {overlap} top_k: 400 }} "
    "code_type: CENTER_SIZE keep_top_k: 200 confidence_threshold: 0.05"
)


def classifier(name: str, plan: Plan, head: str, weights: Weights, side: int) -> tuple[str, bytes]:
    """A net that answers with probabilities, `prob`, of the head named."""
    nodes = needed(plan, [head])
    text = header(name, side) + "".join(node_layers(node, plan.channels[node.bottoms[0]]) for node in nodes)
    return text + layer("prob", "Softmax", [head]), _weights(nodes, weights)


def ssd(
    name: str,
    plan: Plan,
    heads: Sequence[str],
    weights: Weights,
    side: int,
    priors: Sequence[tuple[int, tuple[float, ...]]],
    overlap: float,
) -> tuple[str, bytes]:
    """The detector: `heads` are location, confidence, location, … from the finest map on, `priors` their steps and
    sides; two boxes with more IoU than `overlap` are one face."""
    nodes = needed(plan, heads)
    text = header(name, side) + "".join(node_layers(node, plan.channels[node.bottoms[0]]) for node in nodes)
    bottoms = {node.name: node.bottoms[0] for node in nodes}
    for location, confidence, (step, sides) in zip(heads[::2], heads[1::2], priors, strict=True):
        for head in (location, confidence):
            text += layer(f"{head}_perm", "Permute", [head], "permute_param { order: 0 order: 2 order: 3 order: 1 }")
            text += layer(f"{head}_flat", "Flatten", [f"{head}_perm"], "flatten_param { axis: 1 }")
        sizes = " ".join(f"min_size: {side:g}" for side in sides)
        rest = " ".join(f"variance: {variance:g}" for variance in VARIANCES)
        param = f"prior_box_param {{ {sizes} flip: false clip: false {rest} step: {step} offset: 0.5 }}"
        text += layer(f"{location}_prior", "PriorBox", [bottoms[location], "data"], param)
    text += layer("mbox_loc", "Concat", [f"{head}_flat" for head in heads[::2]], "concat_param { axis: 1 }")
    text += layer("mbox_conf", "Concat", [f"{head}_flat" for head in heads[1::2]], "concat_param { axis: 1 }")
    text += layer("mbox_priorbox", "Concat", [f"{head}_prior" for head in heads[::2]], "concat_param { axis: 2 }")
    shape = "reshape_param { shape { dim: 0 dim: -1 dim: 2 } }"
    text += layer("mbox_conf_rows", "Reshape", ["mbox_conf"], shape)
    text += layer("mbox_conf_softmax", "Softmax", ["mbox_conf_rows"], "softmax_param { axis: 2 }")
    text += layer("mbox_conf_flatten", "Flatten", ["mbox_conf_softmax"], "flatten_param { axis: 1 }")
    param = f"detection_output_param {{ {DETECTION_OUTPUT.format(overlap=overlap)} }}"
    text += layer("detection_out", "DetectionOutput", ["mbox_loc", "mbox_conf_flatten", "mbox_priorbox"], param)
    return text, _weights(nodes, weights)


def _weights(nodes: Sequence[Node], weights: Weights) -> bytes:
    layers: dict[str, tuple[str, Sequence[NDArray[np.float32]]]] = {}
    for node in nodes:
        if node.kind == "conv":
            layers[node.name] = "Convolution", weights[node.name]
        elif node.kind == "enlarge":
            ones = np.full((node.channels, 1, 2, 2), ENLARGE_WEIGHT, np.float32)
            layers[node.name] = "Deconvolution", [ones]
    return caffemodel(layers)
