"""The Levi–Hassner pack's texts, all our own: prototxts for the published weights, and the manifest.

Topology: Levi and Hassner, "Age and Gender Classification using Convolutional Neural Networks" (CVPR Workshops 2015).
Layers are matched with the published weights by name: `conv1` to `conv3` and `fc6` to `fc8` have any.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from faceattr.packs.articles import articles_pack
from faceattr.packs.manifest import ClassifierSpec
from faceattr.packs.res10 import res10_prototxt

RES10, GENDER, AGE = "res10_300x300_ssd_iter_140000.caffemodel", "gender_net.caffemodel", "age_net.caffemodel"
"""The weights by their published names."""

_CONVOLUTIONS = ((96, 7, 0, 4), (256, 5, 2, 1), (384, 3, 1, 1))
"""Channels, kernel size, padding, stride."""
_POOLS = ("pool1", "pool2", "pool5")
_LAYER_SIZE = 512
"""Outputs of the two hidden fully connected layers."""


def levi_hassner_prototxt(name: str, classes: int) -> str:
    """The gender (2 classes) or age net (8) in Caffe's V1 form, as its weights are; its output is `prob`."""
    lines = [
        f"# Levi and Hassner's net with {classes} classes (CVPR Workshops 2015). Written by faceattr.",
        f'name: "{name}"',
        'input: "data"',
        "input_dim: 1 input_dim: 3 input_dim: 227 input_dim: 227",
    ]
    last = "data"

    def layer(name: str, kind: str, param: str = "", *, in_place: bool = False) -> None:
        nonlocal last
        top = last if in_place else name
        end = f" {param} }}" if param else " }"
        lines.append(f'layers {{ name: "{name}" type: {kind} bottom: "{last}" top: "{top}"{end}')
        last = top

    for number, (outputs, kernel, pad, stride) in enumerate(_CONVOLUTIONS, 1):
        sizes = f"num_output: {outputs} kernel_size: {kernel} pad: {pad} stride: {stride}"
        layer(f"conv{number}", "CONVOLUTION", f"convolution_param {{ {sizes} }}")
        layer(f"relu{number}", "RELU", in_place=True)
        layer(_POOLS[number - 1], "POOLING", "pooling_param { pool: MAX kernel_size: 3 stride: 2 }")
        if number < len(_CONVOLUTIONS):
            layer(f"norm{number}", "LRN", "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }")
    for number in (6, 7):
        layer(f"fc{number}", "INNER_PRODUCT", f"inner_product_param {{ num_output: {_LAYER_SIZE} }}")
        layer(f"relu{number}", "RELU", in_place=True)
        layer(f"drop{number}", "DROPOUT", "dropout_param { dropout_ratio: 0.5 }", in_place=True)
    layer("fc8", "INNER_PRODUCT", f"inner_product_param {{ num_output: {classes} }}")
    layer("prob", "SOFTMAX")
    return "\n".join(lines) + "\n"


def levi_hassner_prototxts() -> dict[str, str]:
    """The pack's three prototxts by file name."""
    return {
        "deploy_face.prototxt": res10_prototxt(),
        "gender_net.prototxt": levi_hassner_prototxt("gender_net", 2),
        "age_net.prototxt": levi_hassner_prototxt("age_net", 8),
    }


def levi_hassner_manifest(sha256: Mapping[str, str]) -> str:
    """The pack's `pack.toml`, which says what the articles' conventions say, with the digest of every file."""
    pack = articles_pack(Path())
    detector = pack.detector
    tables = (
        _table("pack", name=pack.name, version=pack.version, licence=pack.licence),
        _table(
            "detector",
            prototxt=detector.files.prototxt,
            weights=RES10,
            input=detector.input,
            resize=detector.resize,
            mean=detector.mean,
            scale=detector.scale,
            min_confidence=detector.min_confidence,
        ),
        _table("crop", scale=pack.crop_scale),
        _table("gender", **_feeding(pack.gender, GENDER), labels=pack.gender.labels),
        _table("age", **_feeding(pack.age, AGE), ranges=pack.age.ranges),
        _table("sha256", **sha256),
    )
    return "# Written by 'python -m faceattr models fetch levi-hassner'.\n" + "\n".join(tables)


def _feeding(spec: ClassifierSpec, weights: str) -> dict[str, object]:
    return {
        "prototxt": spec.files.prototxt,
        "weights": weights,
        "input": spec.input,
        "mean": spec.mean,
        "scale": spec.scale,
        "output": spec.output,
    }


def _table(name: str, /, **values: object) -> str:
    """A TOML table: strings, numbers and lists of them are written as in JSON, keys bare where TOML allows it."""
    lines = (
        f"{key if key.isidentifier() else json.dumps(key)} = {json.dumps(value, ensure_ascii=False)}\n"
        for key, value in values.items()
    )
    return f"[{name}]\n" + "".join(lines)
