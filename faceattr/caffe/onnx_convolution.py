"""Caffe's convolutions, kept away from what engines get wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from faceattr.caffe.onnx_builder import Array, Attribute
from faceattr.caffe.onnx_step import Step

_MOST_SPREAD = 2**26
"""Numbers in a dilated kernel of a Deconvolution (256 MB): a few bytes of a spoilt file must not cost more."""


def convolution(step: Step) -> list[str]:
    """A Convolution of each input, all with the same weights."""
    return _convolved(step, "Conv", step.weights, step.pair("kernel"), step.pair("dilation"))


def deconvolution(step: Step) -> list[str]:
    """A Deconvolution of each input. Raises CaffeError for a kernel that dilation makes too large.

    One that only repeats each pixel becomes a Resize: OpenVINO in bf16 takes 1.3 of 3.1 ms of the built-in detector for
    its three such Deconvolutions, and 0.1 ms for the same as Resize. A dilated kernel becomes one with zeros in
    between: OpenCV 4 takes no notice of ONNX's dilations here.
    """
    if _repeats(step):
        scales = step.real((1, 1, *step.pair("stride")))
        how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return [step.op("Resize", value, "", scales, **how) for value in step.inputs]
    kernel, (down, right) = step.pair("kernel"), step.pair("dilation")
    weights = step.weights
    if (down, right) != (1, 1):
        kernel = down * (kernel[0] - 1) + 1, right * (kernel[1] - 1) + 1
        shape = (*weights[0].shape[:2], *kernel)
        if math.prod(shape) > _MOST_SPREAD:
            raise step.error(f"a dilated kernel of {kernel[0]}×{kernel[1]} is too large")
        spread = np.zeros(shape, np.float32)
        spread[:, :, ::down, ::right] = weights[0]
        weights = spread, *weights[1:]
    return _convolved(step, "ConvTranspose", weights, kernel, (1, 1))


def _repeats(step: Step) -> bool:
    """Whether a Deconvolution gives every pixel as often as its stride says, and nothing else."""
    weight, *bias = step.weights
    return (
        step.pair("kernel") == step.pair("stride")
        and step.pair("dilation") == (1, 1)
        and step.pair("pad") == (0, 0)
        and weight.shape[:2] == (step.integer("group"), 1)
        and bool((weight == 1).all())
        and not any(array.any() for array in bias)
    )


def _convolved(
    step: Step, kind: str, weights: Sequence[Array], kernel: tuple[int, int], dilation: tuple[int, int]
) -> list[str]:
    pad = step.pair("pad")
    if kernel == (1, 1) and any(pad):
        # OpenCV 4 (transposed) and 5 read beyond the map here: zeros around the weight and one more of padding.
        around = np.pad(weights[0], ((0, 0), (0, 0), (1, 1), (1, 1))).astype(np.float32)
        weights = around, *weights[1:]
        kernel, dilation, pad = (3, 3), (1, 1), (pad[0] + 1, pad[1] + 1)
    attributes: dict[str, Attribute] = {
        "kernel_shape": kernel,
        "strides": step.pair("stride"),
        "pads": pad * 2,
        "dilations": dilation,
        "group": step.integer("group"),
    }
    constants = [step.weight(array) for array in weights]
    return [step.op(kind, value, *constants, **attributes) for value in step.inputs]
