"""Moves the boxes of a detector that is trained, by the biases of its location heads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.caffe_nets import VARIANCES
from training.caffemodel import Blobs
from training.changing import with_changed
from training.tars import DataError


@dataclass(frozen=True, slots=True)
class Move:
    """How boxes are to change: so many of their heights lower, and so many times as wide and as high."""

    lower: float
    wider: float
    higher: float

    @property
    def is_possible(self) -> bool:
        """Whether all three are numbers, and sizes stay positive."""
        return bool(np.isfinite([self.lower, self.wider, self.higher]).all()) and min(self.wider, self.higher) > 0


def moved(text: bytes, binary: bytes, move: Move) -> bytes:
    """The caffemodel of an SSD whose boxes lie otherwise; its location heads are the layers with `loc` in their names.

    Sizes change exactly, as they are learned as logarithms of the prior's. Places are learned in sizes of the prior, so
    that a box that is smaller than its prior moves a little further, and a larger one less far (Liu et al., "SSD",
    ECCV 2016, equation 2). Raises DataError where there is no such head.
    """
    added = np.array([0, move.lower, np.log(move.wider), np.log(move.higher)]) / VARIANCES
    heads = []

    def changed(name: str, blobs: Blobs) -> Blobs:
        if "loc" not in name:
            return blobs
        heads.append(name)
        return blobs[0], (blobs[1].reshape(-1, 4) + added).reshape(-1).astype(np.float32)

    content = with_changed(text, binary, changed)
    if not heads:
        raise DataError("the detector has no location heads, layers with 'loc' in their names, by which boxes move.")
    return content


def crop_scale_after(before: float, move: Move) -> float:
    """Side of the crop ÷ longer side of the box, for crops as large as before, where boxes stay higher than wide."""
    return round(before / move.higher, 2)
