"""Caffe's pooling: windows counted by rounding up. Pads are spelled out, as engines disagree about ONNX's ceil_mode."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faceattr.caffe.onnx_step import Step


def pooling(step: Step) -> str:
    """MAX or AVE. Raises CaffeError for a mean over no pixels, which is 0 ÷ 0 in Caffe."""
    kernel, stride, pad = step.pair("kernel"), step.pair("stride"), step.pair("pad")
    maximum = step.node.params["pool"] == "MAX"
    if step.node.params["global"] or (kernel == step.shape[2:] and pad == (0, 0) and step.made[0][2:] == (1, 1)):
        return step.op("GlobalMaxPool" if maximum else "GlobalAveragePool", step.x)
    ends = [(count - 1) * s + k - p for count, s, k, p in zip(step.made[0][2:], stride, kernel, pad, strict=True)]
    beyond = [max(0, end - side) for end, side in zip(ends, step.shape[2:], strict=True)]
    pads = (*pad, *beyond)
    if any(over >= side for over, side in zip(pads, kernel * 2, strict=True)):
        raise step.error("a window lies outside the map")
    if maximum:
        return step.op("MaxPool", step.x, kernel_shape=kernel, strides=stride, pads=pads)
    windows = zip(step.shape[2:], step.made[0][2:], kernel, stride, pad, strict=True)
    mean = step.op("AveragePool", step.x, kernel_shape=kernel, strides=stride, pads=pads)
    shares = np.outer(*(_share(*window) for window in windows))
    return mean if np.all(shares == 1) else step.op("Mul", mean, step.real(shares))


def mean_in_channel(step: Step, value: str, size: int, factor: float) -> str:
    """Mean over size × size pixels around each pixel, with zeros around the map, times a factor."""
    pad = (size - 1) // 2
    mean = step.op("AveragePool", value, kernel_shape=(size, size), strides=(1, 1), pads=(pad,) * 4)
    return step.op("Mul", mean, step.real(factor * np.outer(*(_share(n, n, size, 1, pad) for n in step.shape[2:]))))


def _share(side: int, count: int, kernel: int, stride: int, pad: int) -> NDArray[np.float64]:
    """How much of each of `count` windows lies in the map, of what lies in the map and Caffe's padding.

    Caffe divides by the latter, OpenCV 4 always by the former: a factor of our own suits all engines.
    """
    starts = np.arange(count) * stride - pad
    inside = np.minimum(starts + kernel, side) - np.maximum(starts, 0)
    return np.asarray(inside / (np.minimum(starts + kernel, side + pad) - starts))
