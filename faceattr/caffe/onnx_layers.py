"""What each Caffe layer is in ONNX operators. Formulas are those of Caffe's own layers (`src/caffe/layers/*.cpp`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from faceattr.caffe.onnx_convolution import convolution, deconvolution
from faceattr.caffe.onnx_pooling import mean_in_channel, pooling
from faceattr.caffe.onnx_shapes import argmax, concat, crop, flatten, inner_product, permute, reshape, slices
from faceattr.caffe.onnx_step import Step


def _relu(step: Step) -> str:
    slope = step.number("negative_slope")
    return step.op("LeakyRelu", step.x, alpha=slope) if slope else step.op("Relu", step.x)


def _prelu(step: Step) -> str:
    slope = step.weights[0]
    return step.op("PRelu", step.x, step.weight(slope.reshape(-1, *(1,) * (len(step.shape) - 2))))


def _elu(step: Step) -> str:
    return step.op("Elu", step.x, alpha=step.number("alpha"))


def _sigmoid(step: Step) -> str:
    return step.op("Sigmoid", step.x)


def _tanh(step: Step) -> str:
    return step.op("Tanh", step.x)


def _power(step: Step) -> str:
    """(shift + scale × x) ** power"""
    value, power = step.x, step.number("power")
    scale, shift = (step.number("scale"), step.number("shift")) if power else (0.0, 1.0)
    if scale != 1:
        value = step.op("Mul", value, step.real(scale))
    if shift != 0:
        value = step.op("Add", value, step.real(shift))
    return step.op("Pow", value, step.real(power)) if power not in (0, 1) else value


def _lrn(step: Step) -> str:
    """x ÷ (k + alpha ÷ n × Σ x²) ** beta over n channels, or x ÷ (1 + alpha × mean of x²) ** beta over n × n pixels."""
    size, alpha, beta = step.integer("local_size"), step.number("alpha"), step.number("beta")
    if step.node.params["region"] == "ACROSS_CHANNELS":
        k = step.number("k")
        if k <= 0 or k.is_integer():
            return step.op("LRN", step.x, size=size, alpha=alpha, beta=beta, bias=k)
        # OpenVINO cuts k down to a whole number: (k + a) ** beta is k ** beta × (1 + a ÷ k) ** beta.
        normed = step.op("LRN", step.x, size=size, alpha=alpha / k, beta=beta, bias=1.0)
        return step.op("Mul", normed, step.real(np.power(k, -beta)))
    mean = mean_in_channel(step, step.op("Mul", step.x, step.x), size, alpha)
    base = step.op("Add", mean, step.real(1))
    return step.op("Mul", step.x, step.op("Pow", base, step.real(-beta)))


def _batch_norm(step: Step) -> str:
    mean, variance, factor = step.weights
    scale = np.float32(1 / factor.item() if factor.item() else 0)
    ones = np.ones(mean.size, np.float32)
    inputs = (ones, ones * 0, mean.ravel() * scale, variance.ravel() * scale)
    return step.op("BatchNormalization", step.x, *map(step.weight, inputs), epsilon=step.number("eps"))


def _scale(step: Step) -> str:
    gamma = _aligned(step, 0)
    value = step.op("Mul", step.x, gamma)
    return step.op("Add", value, _aligned(step, -1)) if step.node.params["bias"] else value


def _bias(step: Step) -> str:
    return step.op("Add", step.x, _aligned(step, 0))


def _aligned(step: Step, index: int) -> str:
    """A weight, or else the second input, with its dimensions at `axis` and those that follow."""
    second = len(step.inputs) > 1
    axis, rank = step.axis(), len(step.shape)
    if second and index == 0:
        dims, ones = step.shapes[1], (1,) * (rank - axis - len(step.shapes[1]))
        batch = (-1,) if axis == 0 else dims[:1]
        return (
            step.op("Reshape", step.inputs[1], step.whole(batch + dims[1:] + ones)) if dims and ones else step.inputs[1]
        )
    count = len(step.shapes[1]) if second else step.integer("num_axes")
    end = rank if count < 0 else axis + count
    dims_here = step.shape[axis:end]
    return step.weight(step.weights[index].reshape(*dims_here, *(1,) * (rank - end)))


def _eltwise(step: Step) -> str:
    operation = step.node.params["operation"]
    if operation == "MAX":
        return step.op("Max", *step.inputs)
    if operation == "PROD":
        return _chain(step, "Mul", step.inputs)
    factors = step.numbers("coeff") or (1.0,) * len(step.inputs)
    terms = [
        value if factor == 1 else step.op("Mul", value, step.real(factor))
        for value, factor in zip(step.inputs, factors, strict=True)
    ]
    return _chain(step, "Add", terms)


def _chain(step: Step, kind: str, values: list[str] | tuple[str, ...]) -> str:
    result = values[0]
    for value in values[1:]:
        result = step.op(kind, result, value)
    return result


def _split(step: Step) -> list[str]:
    return [step.x] * len(step.made)


def _softmax(step: Step) -> str:
    return step.op("Softmax", step.x, axis=step.axis())


def _normalize(step: Step) -> str:
    """x ÷ √(eps + Σ x²) × scale, the sum taken over the channels of each pixel or over the whole map."""
    total = step.op("ReduceSumSquare", step.x, axes=(1,), keepdims=1)
    if step.node.params["across_spatial"]:
        # OpenCV 4 adds up wrongly over several axes at once.
        total = step.op("Mul", step.op("GlobalAveragePool", total), step.real(math.prod(step.shape[2:])))
    norm = step.op("Sqrt", step.op("Add", total, step.real(step.number("eps"))))
    scale = step.weights[0].reshape(1, -1, *(1,) * (len(step.shape) - 2))
    return step.op("Mul", step.op("Div", step.x, norm), step.weight(scale))


CONVERTERS: Mapping[str, Callable[[Step], str | list[str]]] = {
    "ArgMax": argmax,
    "BatchNorm": _batch_norm,
    "Bias": _bias,
    "Concat": concat,
    "Convolution": convolution,
    "Crop": crop,
    "Deconvolution": deconvolution,
    "ELU": _elu,
    "Eltwise": _eltwise,
    "Flatten": flatten,
    "InnerProduct": inner_product,
    "LRN": _lrn,
    "Normalize": _normalize,
    "PReLU": _prelu,
    "Permute": permute,
    "Pooling": pooling,
    "Power": _power,
    "ReLU": _relu,
    "Reshape": reshape,
    "Scale": _scale,
    "Sigmoid": _sigmoid,
    "Slice": slices,
    "Softmax": _softmax,
    "Split": _split,
    "TanH": _tanh,
}
"""By layer type: a function that adds a layer's operators and answers with the value of its output, or of each."""
