"""Writes small Caffe nets for tests: prototxt text, and caffemodels in both forms (caffe.proto)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.caffemodel import caffemodel, message, number, packed_floats

_V1_TYPES = {
    "Concat": 3, "Convolution": 4, "Dropout": 6, "Flatten": 8, "InnerProduct": 14, "LRN": 15, "Pooling": 17, "ReLU": 18,
    "Sigmoid": 19, "Softmax": 20, "Split": 22, "TanH": 23, "Eltwise": 25, "Power": 26, "ArgMax": 30, "Slice": 33,
    "Deconvolution": 39,
}  # fmt: skip
"""V1LayerParameter.LayerType, as far as the tests need it."""


def caffemodel_v1(layers: Mapping[str, tuple[str, Sequence[NDArray[np.float32]]]]) -> bytes:
    """The same in the old form: V1LayerParameter in field 2, type as a number, blobs always of four sides."""
    return b"".join(
        message(
            2,
            message(4, name.encode())
            + number(5, _V1_TYPES[kind])
            + b"".join(message(6, _legacy_blob(blob)) for blob in blobs),
        )
        for name, (kind, blobs) in layers.items()
    )


def prototxt_v1(prototxt: str) -> str:
    """A V2 prototxt in the old form: `layers`, and INNER_PRODUCT for "InnerProduct"."""

    def enum(match: re.Match[str]) -> str:
        kind = match[1] if match[1] in ("LRN", "ReLU", "TanH", "ArgMax") else re.sub(r"(?<!^)(?=[A-Z])", "_", match[1])
        return f"type: {kind.upper()}"

    return re.sub(r'type: "(\w+)"', enum, prototxt).replace("layer {", "layers {")


def classifier(classes: int, side: int, seed: int = 0) -> tuple[str, bytes]:
    """Prototxt and caffemodel of a net with one convolution that answers with `classes` probabilities."""
    random = np.random.default_rng(seed)
    prototxt = f"""
name: "small"
input: "data"
input_dim: 1 input_dim: 3 input_dim: {side} input_dim: {side}
layer {{ name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param {{ num_output: 4 kernel_size: 7 stride: 4 }} }}
layer {{ name: "relu" type: "ReLU" bottom: "conv" top: "conv" }}
layer {{ name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param {{ pool: AVE global_pooling: true }} }}
layer {{ name: "fc" type: "InnerProduct" bottom: "pool" top: "fc" inner_product_param {{ num_output: {classes} }} }}
layer {{ name: "prob" type: "Softmax" bottom: "fc" top: "prob" }}
"""
    weights = caffemodel(
        {
            "conv": ("Convolution", [_random(random, 4, 3, 7, 7, scale=0.001), _random(random, 4)]),
            "fc": ("InnerProduct", [_random(random, classes, 4), _random(random, classes)]),
        }
    )
    return prototxt, weights


def levi_hassner(classes: int, seed: int = 0, v1: bool = False) -> tuple[str, bytes]:
    """Prototxt and caffemodel of the Levi–Hassner topology (CVPR Workshops 2015) with random weights.

    The published files are in V1 form.
    """
    random = np.random.default_rng(seed)
    layers = ['input: "data" input_dim: 1 input_dim: 3 input_dim: 227 input_dim: 227']
    weights: dict[str, tuple[str, list[NDArray[np.float32]]]] = {}
    bottom = "data"

    def add(name: str, kind: str, param: str = "", *shape: int) -> None:
        nonlocal bottom
        top = bottom if kind in ("ReLU", "Dropout") else name
        layers.append(f'layer {{ name: "{name}" type: "{kind}" bottom: "{bottom}" top: "{top}" {param} }}')
        bottom = top
        if shape:
            scale = (2 / float(np.prod(shape[1:]))) ** 0.5
            weights[name] = kind, [_random(random, *shape, scale=scale), _random(random, shape[0], scale=0.01)]

    pool = "pooling_param { pool: MAX kernel_size: 3 stride: 2 }"
    lrn = "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }"
    convolutions = ((96, 3, 7, "stride: 4"), (256, 96, 5, "pad: 2"), (384, 256, 3, "pad: 1"))
    for index, (outputs, inputs, kernel, rest) in enumerate(convolutions, 1):
        param = f"convolution_param {{ num_output: {outputs} kernel_size: {kernel} {rest} }}"
        add(f"conv{index}", "Convolution", param, outputs, inputs, kernel, kernel)
        add(f"relu{index}", "ReLU")
        add(f"pool{index}", "Pooling", pool)
        if index < 3:
            add(f"norm{index}", "LRN", lrn)
    for name, outputs, inputs in (("fc6", 512, 384 * 7 * 7), ("fc7", 512, 512), ("fc8", classes, 512)):
        add(name, "InnerProduct", f"inner_product_param {{ num_output: {outputs} }}", outputs, inputs)
        if name != "fc8":
            add(f"relu_{name}", "ReLU")
            add(f"drop_{name}", "Dropout")
    add("prob", "Softmax")
    prototxt = "\n".join(layers)
    return (prototxt_v1(prototxt), caffemodel_v1(weights)) if v1 else (prototxt, caffemodel(weights))


def ssd(side: int, step: int = 60, seed: int = 0) -> tuple[str, bytes]:
    """Prototxt and caffemodel of a one-map SSD with two classes and a prior every 60 pixels."""
    random = np.random.default_rng(seed)
    prototxt = f"""
input: "data" input_dim: 1 input_dim: 3 input_dim: {side} input_dim: {side}
layer {{ name: "map" type: "Convolution" bottom: "data" top: "map"
  convolution_param {{ num_output: 4 kernel_size: 60 stride: 60 }} }}
layer {{ name: "loc" type: "Convolution" bottom: "map" top: "loc"
  convolution_param {{ num_output: 4 kernel_size: 1 }} }}
layer {{ name: "loc_perm" type: "Permute" bottom: "loc" top: "loc_perm"
  permute_param {{ order: 0 order: 2 order: 3 order: 1 }} }}
layer {{ name: "loc_flat" type: "Flatten" bottom: "loc_perm" top: "loc_flat" }}
layer {{ name: "conf" type: "Convolution" bottom: "map" top: "conf"
  convolution_param {{ num_output: 2 kernel_size: 1 }} }}
layer {{ name: "conf_perm" type: "Permute" bottom: "conf" top: "conf_perm"
  permute_param {{ order: 0 order: 2 order: 3 order: 1 }} }}
layer {{ name: "conf_rows" type: "Reshape" bottom: "conf_perm" top: "conf_rows"
  reshape_param {{ shape {{ dim: 0 dim: -1 dim: 2 }} }} }}
layer {{ name: "conf_prob" type: "Softmax" bottom: "conf_rows" top: "conf_prob" softmax_param {{ axis: 2 }} }}
layer {{ name: "conf_flat" type: "Flatten" bottom: "conf_prob" top: "conf_flat" }}
layer {{ name: "prior" type: "PriorBox" bottom: "map" bottom: "data" top: "prior" prior_box_param {{
  min_size: 90 variance: 0.1 variance: 0.1 variance: 0.2 variance: 0.2 step: {step} offset: 0.5 }} }}
layer {{ name: "out" type: "DetectionOutput" bottom: "loc_flat" bottom: "conf_flat"
  bottom: "prior" top: "out"
  detection_output_param {{ num_classes: 2 share_location: true background_label_id: 0
  nms_param {{ nms_threshold: 0.45 top_k: 400 }} code_type: CENTER_SIZE keep_top_k: 200
  confidence_threshold: 0.01 }} }}
"""
    convolutions = {"map": (4, 3, 60, 60), "loc": (4, 4, 1, 1), "conf": (2, 4, 1, 1)}
    weights = caffemodel(
        {
            name: ("Convolution", [_random(random, *shape, scale=0.001), _random(random, shape[0])])
            for name, shape in convolutions.items()
        }
    )
    return prototxt, weights


def write_articles_form(
    directory: Path, face: Path | None = None, gender_classes: int = 2, age_classes: int = 8, step: int = 60
) -> Path:
    """Fills a directory as the articles do, with small nets; `face`: a directory to take `deploy_face` from."""
    directory.mkdir(exist_ok=True)
    nets = {"gender_net": classifier(gender_classes, 227), "age_net": classifier(age_classes, 227)}
    if face is None:
        nets["deploy_face"] = ssd(300, step)
    else:
        nets["deploy_face"] = (
            (face / "deploy_face.prototxt").read_text(),
            (face / "deploy_face.caffemodel").read_bytes(),
        )
    for name, (prototxt, weights) in nets.items():
        (directory / f"{name}.prototxt").write_text(prototxt)
        (directory / f"{name}.caffemodel").write_bytes(weights)
    return directory


def _random(random: np.random.Generator, *shape: int, scale: float = 1.0) -> NDArray[np.float32]:
    return (random.standard_normal(shape) * scale).astype(np.float32)


def _legacy_blob(values: NDArray[np.float32]) -> bytes:
    sides = (1,) * (4 - values.ndim) + values.shape
    return b"".join(number(field, side) for field, side in enumerate(sides, 1)) + packed_floats(values)
