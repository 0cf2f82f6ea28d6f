"""Layers with weights: their parameters, the shape they make, and the shapes their weights must have.

Rules are those of Caffe's own layers (src/caffe/layers/*.cpp of BVLC and of the SSD branch).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from faceattr.caffe.graph import Param, Shape
from faceattr.caffe.schema import Values
from faceattr.errors import CaffeError

MAX_SIDE = 2**16
"""Largest kernel, stride, padding or dilation taken seriously."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a layer comes to on given inputs: complete parameters, output shapes, weight shapes."""

    params: Mapping[str, Param]
    outputs: tuple[Shape, ...]
    weights: tuple[Shape, ...] = ()


Maker = Callable[[Values, tuple[Shape, ...], int], Made]
"""Makes a layer of its values, the shapes of its inputs and the number of its outputs. Raises CaffeError."""


def axis_of(values: Values, shape: Shape, name: str = "axis") -> int:
    """An axis counted from the front."""
    return canonical(values.whole(name), shape, name)


def canonical(axis: int, shape: Shape, name: str = "axis") -> int:
    """An axis counted from the front; negative ones count from the end."""
    if not -len(shape) <= axis < len(shape):
        raise CaffeError(f"'{name}' {axis} is outside the {len(shape)} dimensions of the input")
    return axis % len(shape)


def four(shape: Shape) -> Shape:
    """The shape itself. Raises CaffeError unless it is batch, channels, height, width."""
    if len(shape) != 4:
        raise CaffeError(f"the input must have 4 dimensions, it has {len(shape)}")
    return shape


def pair(values: Values, name: str, default: int | None, lowest: int = 0) -> tuple[int, int]:
    """A spatial setting as (h, w), from `name_h` and `name_w`, or from `name` (`kernel_size`) given once or twice."""
    shared = "kernel_size" if name == "kernel" else name
    by_axis = [side for side in ("h", "w") if name != "dilation" and values.given(f"{name}_{side}")]
    both = values.wholes(shared)
    if by_axis and both:
        raise CaffeError(f"'{shared}' and '{name}_h', '{name}_w' exclude each other")
    if len(by_axis) == 1 and name != "pad":
        raise CaffeError(f"'{name}_h' and '{name}_w' must be given together")
    if by_axis:
        both = tuple(values.whole(f"{name}_{side}") if side in by_axis else 0 for side in ("h", "w"))
    elif not both and default is not None:
        both = (default,)
    if len(both) not in (1, 2):
        raise CaffeError(f"'{shared}' must be given once or twice, it is given {len(both)} times")
    if not lowest <= min(both) <= max(both) <= MAX_SIDE:
        raise CaffeError(f"'{shared}' must be between {lowest} and {MAX_SIDE}, not {' and '.join(map(str, both))}")
    return both[0], both[-1]


def convolution(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    return _convolution(values, inputs[0], transposed=False)


def deconvolution(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    return _convolution(values, inputs[0], transposed=True)


def _convolution(values: Values, shape: Shape, *, transposed: bool) -> Made:
    batch, channels, *sides = four(shape)
    if axis_of(values, shape) != 1:
        raise CaffeError("'axis' must be 1, the channels")
    count, group, bias = values.whole("num_output"), values.whole("group"), values.flag("bias_term")
    if count < 1:
        raise CaffeError("'num_output' must be at least 1")
    if group < 1 or channels % group or count % group:
        raise CaffeError(f"'group' {group} must divide the {channels} input channels and the {count} outputs")
    kernel, stride = pair(values, "kernel", None, 1), pair(values, "stride", 1, 1)
    pad, dilation = pair(values, "pad", 0), pair(values, "dilation", 1, 1)
    made = []
    for side, k, s, p, d in zip(sides, kernel, stride, pad, dilation, strict=True):
        extent = d * (k - 1) + 1
        left = s * (side - 1) + extent - 2 * p if transposed else (side + 2 * p - extent) // s + 1
        if left < 1:
            raise CaffeError(f"a kernel of {k} with padding {p} leaves nothing of an input of {side}")
        made.append(left)
    weights = (channels, count // group, *kernel) if transposed else (count, channels // group, *kernel)
    params: dict[str, Param] = {
        "num_output": count, "kernel": kernel, "stride": stride, "pad": pad, "dilation": dilation,
        "group": group, "bias": bias,
    }  # fmt: skip
    return Made(params, ((batch, count, *made),), (weights, (count,)) if bias else (weights,))


def inner_product(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    count, bias, transpose = values.whole("num_output"), values.flag("bias_term"), values.flag("transpose")
    if count < 1:
        raise CaffeError("'num_output' must be at least 1")
    axis = axis_of(values, inputs[0])
    read = math.prod(inputs[0][axis:])
    weights = (read, count) if transpose else (count, read)
    params: dict[str, Param] = {"num_output": count, "axis": axis, "transpose": transpose, "bias": bias}
    return Made(params, ((*inputs[0][:axis], count),), (weights, (count,)) if bias else (weights,))


def prelu(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    shared = values.flag("channel_shared")
    return Made({"channel_shared": shared}, inputs, ((1,) if shared else (_channels(inputs[0]),),))


def batch_norm(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    if not values.flag("use_global_stats"):
        raise CaffeError("'use_global_stats: false' makes answers depend on the batch, which is not supported")
    eps = values.real("eps")
    if eps < 0:
        raise CaffeError("'eps' must not be negative")
    channels = (inputs[0][1] if len(inputs[0]) > 1 else 1,)
    return Made({"eps": eps}, inputs, (channels, channels, (1,)))


def normalize(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    shared, eps = values.flag("channel_shared"), values.real("eps")
    if eps < 0:
        raise CaffeError("'eps' must not be negative")
    params: dict[str, Param] = {"across_spatial": values.flag("across_spatial"), "channel_shared": shared, "eps": eps}
    return Made(params, inputs, ((1,) if shared else (_channels(inputs[0]),),))


def scale(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    bias = values.flag("bias_term")
    params, shape, learned = _broadcast(values, inputs)
    return Made({**params, "bias": bias}, inputs[:1], (shape,) * (learned + bias))


def bias(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    params, shape, learned = _broadcast(values, inputs)
    return Made(params, inputs[:1], (shape,) * learned)


def _broadcast(values: Values, inputs: tuple[Shape, ...]) -> tuple[dict[str, Param], Shape, bool]:
    """Parameters, the shape of the factor or summand, and whether it is a weight rather than the second input."""
    whole = inputs[0]
    axis = axis_of(values, whole)
    if len(inputs) == 2:
        shape = inputs[1]
        if whole[axis : axis + len(shape)] != shape:
            raise CaffeError(f"the second input {shape} does not fit the first {whole} from axis {axis} on")
        return {"axis": axis, "num_axes": len(shape)}, shape, False
    axes = values.whole("num_axes")
    if not -1 <= axes <= len(whole) - axis:
        raise CaffeError(f"'num_axes' {axes} is more than the input has from axis {axis} on")
    axes = len(whole) - axis if axes == -1 else axes
    return {"axis": axis, "num_axes": axes}, whole[axis : axis + axes], True


def _channels(shape: Shape) -> int:
    if len(shape) < 2:
        raise CaffeError("the input has no channels")
    return shape[1]
