"""A plan as prototxt: the layers that Caffe, OpenCV and our importer read."""

from __future__ import annotations

from collections.abc import Iterable

from training.plan import Node, Plan

ENLARGE_WEIGHT = 1.0
"""A Deconvolution of kernel 2 and stride 2, one group a channel, whose weights are all 1 repeats each pixel 2×2."""


def header(name: str, side: int) -> str:
    return f'name: "{name}"\ninput: "data"\ninput_shape {{ dim: 1 dim: 3 dim: {side} dim: {side} }}\n'


def needed(plan: Plan, outputs: Iterable[str]) -> list[Node]:
    """The nodes that the outputs depend on, in the plan's order."""
    wanted = set(outputs)
    for node in reversed(plan.nodes):
        if node.name in wanted:
            wanted.update(node.bottoms)
    return [node for node in plan.nodes if node.name in wanted]


def node_layers(node: Node, bottoms_channels: int) -> str:
    """The layer of a node, and its ReLU."""
    if node.kind == "conv":
        pad = (node.kernel - 1) // 2
        param = f"num_output: {node.channels} kernel_size: {node.kernel} stride: {node.stride} pad: {pad}"
        text = layer(node.name, "Convolution", node.bottoms, f"convolution_param {{ {param} }}")
    elif node.kind == "add":
        text = layer(node.name, "Eltwise", node.bottoms, "eltwise_param { operation: SUM }")
    elif node.kind == "enlarge":
        param = f"num_output: {node.channels} kernel_size: 2 stride: 2 group: {bottoms_channels} bias_term: false"
        text = layer(node.name, "Deconvolution", node.bottoms, f"convolution_param {{ {param} }}")
    else:
        text = layer(node.name, "Pooling", node.bottoms, "pooling_param { pool: AVE global_pooling: true }")
    if node.relu and node.kind in ("conv", "add"):
        text += layer(f"{node.name}_relu", "ReLU", (node.name,), top=node.name)
    return text


def layer(name: str, kind: str, bottoms: Iterable[str], param: str = "", *, top: str = "") -> str:
    lines = [f'name: "{name}"', f'type: "{kind}"', *(f'bottom: "{bottom}"' for bottom in bottoms)]
    lines += [f'top: "{top or name}"', *([param] if param else [])]
    return "layer {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"
