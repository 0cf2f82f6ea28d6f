"""Moves the boxes of a detector that is trained, by the biases of its location heads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceattr.caffe import read_net
from training.caffe_nets import VARIANCES
from training.caffemodel import caffemodel


@dataclass(frozen=True, slots=True)
class Move:
    """How boxes are to change: so many of their heights lower, and so many times as wide and as high."""

    lower: float
    wider: float
    higher: float


def reboxed(text: bytes, binary: bytes, move: Move) -> bytes:
    """The caffemodel of an SSD whose boxes lie otherwise; its location heads are the layers with `loc` in their names.

    Sizes change exactly, as they are learned as logarithms of the prior's. Places are learned in sizes of the prior, so
    that a box that is smaller than its prior moves a little further, and a larger one less far (Liu et al., "SSD",
    ECCV 2016, equation 2).
    """
    added = np.array([0, move.lower, np.log(move.wider), np.log(move.higher)]) / VARIANCES
    layers = {}
    for node in read_net(text, binary).nodes:
        if not node.weights:
            continue
        weights = tuple(node.weights)
        if "loc" in node.name:
            bias = weights[1].reshape(-1, 4) + added
            weights = (weights[0], bias.reshape(-1).astype(np.float32))
        layers[node.name] = (node.type, weights)
    return caffemodel(layers)


def crop_scale_after(before: float, move: Move) -> float:
    """Side of the crop ÷ longer side of the box, for crops as large as before; boxes are higher than wide."""
    return round(before / move.higher, 2)
