"""Makes graphs that are nothing but the end of an SSD net, and the prototxt of the same for OpenCV to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceattr.caffe.graph import Graph, Node, Param, Shape
from tests.opencv_caffe import caffe_net

PRIOR: Mapping[str, Param] = {
    "min_size": (16.0,),
    "max_size": (),
    "aspect_ratio": (),
    "flip": True,
    "clip": False,
    "variance": (0.1, 0.1, 0.2, 0.2),
    "step": (0.0, 0.0),
    "offset": 0.5,
    "img_size": (0, 0),
}
OUTPUT: Mapping[str, Param] = {
    "num_classes": 2,
    "share_location": True,
    "background_label_id": 0,
    "nms_threshold": 0.45,
    "nms_top_k": 400,
    "eta": 1.0,
    "code_type": "CENTER_SIZE",
    "variance_encoded_in_target": False,
    "keep_top_k": 200,
    "confidence_threshold": 0.01,
}


def prior_node(name: str, bottom: str, **params: Param) -> Node:
    return Node(name, "PriorBox", (bottom, "data"), (name,), {**PRIOR, **params})


def end_of_ssd(
    priors: Sequence[tuple[tuple[int, int], Mapping[str, Param]]],
    answers: int,
    image: tuple[int, int] = (60, 80),
    output: Mapping[str, Param] | None = None,
) -> Graph:
    """A graph with a map (height, width) and a PriorBox layer for each of `priors`, `answers` boxes in all."""
    params = {**OUTPUT, **(output or {})}
    classes = int(str(params["num_classes"]))
    shapes: dict[str, Shape] = {"data": (1, 3, *image)}
    nodes: list[Node] = []
    for index, (sides, prior) in enumerate(priors):
        shapes[f"map{index}"] = (1, 4, *sides)
        nodes.append(prior_node(f"prior{index}", f"map{index}", **prior))
    nodes.append(Node("priors", "Concat", tuple(node.name for node in nodes), ("priors",), {"axis": 2}))
    nodes.append(Node("out", "DetectionOutput", ("loc", "conf", "priors"), ("out",), params))
    shapes["loc"] = (1, answers * 4 * (1 if params["share_location"] else classes))
    shapes["conf"] = (1, answers * classes)
    return Graph("end", dict(shapes), tuple(nodes), ("out",), shapes)


def run_in_opencv(graph: Graph, **blobs: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """OpenCV's answer of every layer for the given `loc` and `conf`."""
    net = caffe_net(prototxt(graph))
    for name, shape in graph.inputs.items():
        net.setInput(blobs.get(name, np.zeros(shape, np.float32)), name)
    names = ["priors", "out"]
    return {name: np.asarray(blob) for name, blob in zip(names, net.forward(names), strict=True)}


def prototxt(graph: Graph) -> str:
    lines = [f'input: "{name}" input_shape {{ {_fields({"dim": shape})} }}' for name, shape in graph.inputs.items()]
    for node in graph.nodes:
        bottoms, tops = (_fields({key: names}) for key, names in (("bottom", node.inputs), ("top", node.outputs)))
        lines.append(f'layer {{ name: "{node.name}" type: "{node.type}" {bottoms} {tops} {_params(node)} }}')
    return "\n".join(lines)


def _params(node: Node) -> str:
    params: dict[str, Any] = dict(node.params)
    if node.type == "PriorBox":
        for pair in ("step", "img_size"):
            height, width = params.pop(pair)
            if height or width:
                params |= {f"{pair.removesuffix('_size')}_h": height, f"{pair.removesuffix('_size')}_w": width}
        return f"prior_box_param {{ {_fields(params)} }}"
    if node.type == "DetectionOutput":
        code = params.pop("code_type")
        nms = {"nms_threshold": params.pop("nms_threshold"), "top_k": params.pop("nms_top_k"), "eta": params.pop("eta")}
        fields = f"{_fields(params)} code_type: {code} nms_param {{ {_fields(nms)} }}"
        return f"detection_output_param {{ {fields} }}"
    return f"concat_param {{ {_fields(params)} }}"


def _fields(values: Mapping[str, Any]) -> str:
    def text(value: Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        return f'"{value}"' if isinstance(value, str) else str(value)

    return " ".join(
        f"{name}: {text(value)}"
        for name, found in values.items()
        for value in (found if isinstance(found, tuple) else (found,))
    )
