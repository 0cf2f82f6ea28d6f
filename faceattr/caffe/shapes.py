"""Layers without weights: their parameters and the shapes they make, by the rules of Caffe's own layers."""

from __future__ import annotations

import math
from itertools import pairwise

from faceattr.caffe.graph import Param, Shape
from faceattr.caffe.layers import MAX_SIDE, Made, Maker, axis_of, canonical, four, pair
from faceattr.caffe.schema import Values
from faceattr.errors import CaffeError


def pooling(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    """Caffe rounds up, and drops a last window that would begin in the padding behind the input."""
    batch, channels, *sides = four(inputs[0])
    pool, everywhere = values.word("pool"), values.flag("global_pooling")
    if pool == "STOCHASTIC":
        raise CaffeError("stochastic pooling is not supported")
    up = values.word("round_mode") == "CEIL" and values.flag("ceil_mode")
    stride, pad = pair(values, "stride", 1, 1), pair(values, "pad", 0)
    kernel = (sides[0], sides[1]) if everywhere else pair(values, "kernel", None, 1)
    if everywhere and (stride != (1, 1) or pad != (0, 0)):
        raise CaffeError("global pooling has neither stride nor padding")
    if pad[0] >= kernel[0] or pad[1] >= kernel[1]:
        raise CaffeError(f"the padding {pad} must be smaller than the kernel {kernel}")
    made = []
    for side, k, s, p in zip(sides, kernel, stride, pad, strict=True):
        span = side + 2 * p - k
        count = (-(-span // s) if up else span // s) + 1
        if any(pad) and (count - 1) * s >= side + p:
            count -= 1
        if count < 1:
            raise CaffeError(f"a kernel of {k} with padding {p} leaves nothing of an input of {side}")
        made.append(count)
    params: dict[str, Param] = {
        "pool": pool, "kernel": kernel, "stride": stride, "pad": pad, "global": everywhere,
        "round": "CEIL" if up else "FLOOR",
    }  # fmt: skip
    return Made(params, ((batch, channels, *made),))


def lrn(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    region, size = values.word("norm_region"), values.whole("local_size")
    four(inputs[0])
    if size % 2 == 0 or size > MAX_SIDE:
        raise CaffeError(f"'local_size' must be odd and at most {MAX_SIDE}, not {size}")
    # Caffe's WITHIN_CHANNEL ignores k: its inner power layer always has shift 1.
    k = values.real("k") if region == "ACROSS_CHANNELS" else 1.0
    alpha, beta = values.real("alpha"), values.real("beta")
    return Made({"local_size": size, "alpha": alpha, "beta": beta, "k": k, "region": region}, inputs)


def eltwise(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    operation, coeff = values.word("operation"), values.reals("coeff")
    if any(shape != inputs[0] for shape in inputs):
        raise CaffeError(f"the inputs must have equal shapes, they have {', '.join(map(str, inputs))}")
    if coeff and (operation != "SUM" or len(coeff) != len(inputs)):
        raise CaffeError(f"{len(coeff)} coefficients do not fit {operation} of {len(inputs)} inputs")
    return Made({"operation": operation, "coeff": coeff}, inputs[:1])


def _old_axis(values: Values, shape: Shape, old: str) -> int:
    """`axis`, or the name it had before."""
    if values.given("axis") and values.given(old):
        raise CaffeError(f"'axis' and '{old}' exclude each other")
    name = "axis" if values.given("axis") else old
    return axis_of(values, shape, name) if values.given(name) else canonical(1, shape)


def concat(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    axis = _old_axis(values, inputs[0], "concat_dim")
    rest = {(len(shape), *shape[:axis], *shape[axis + 1 :]) for shape in inputs}
    if len(rest) > 1:
        raise CaffeError(f"the inputs differ in more than axis {axis}: {', '.join(map(str, inputs))}")
    total = sum(shape[axis] for shape in inputs)
    return Made({"axis": axis}, ((*inputs[0][:axis], total, *inputs[0][axis + 1 :]),))


def slice_(values: Values, inputs: tuple[Shape, ...], outputs: int) -> Made:
    shape, points = inputs[0], values.wholes("slice_point")
    axis = _old_axis(values, shape, "slice_dim")
    if points and len(points) != outputs - 1:
        raise CaffeError(f"{outputs} outputs need {outputs - 1} slice points, not {len(points)}")
    if not points and shape[axis] % outputs:
        raise CaffeError(f"{outputs} equal parts do not fit the {shape[axis]} of axis {axis}")
    edges = (0, *points, shape[axis]) if points else tuple(range(0, shape[axis] + 1, shape[axis] // outputs))
    sizes = [end - start for start, end in pairwise(edges)]
    if min(sizes) < 1:
        raise CaffeError(f"slice points {points} must rise and stay inside the {shape[axis]} of axis {axis}")
    made = tuple((*shape[:axis], size, *shape[axis + 1 :]) for size in sizes)
    return Made({"axis": axis, "slice_point": points}, made)


def flatten(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    shape = inputs[0]
    axis, end = axis_of(values, shape), axis_of(values, shape, "end_axis")
    if end < axis:
        raise CaffeError(f"'end_axis' {end} is before 'axis' {axis}")
    made = (*shape[:axis], math.prod(shape[axis : end + 1]), *shape[end + 1 :])
    return Made({"axis": axis, "end_axis": end}, (made,))


def reshape(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    shape, wanted = inputs[0], values.nested("shape").wholes("dim")
    axis, axes = values.whole("axis"), values.whole("num_axes")
    start = axis if axis >= 0 else len(shape) + axis + 1
    if not 0 <= start <= len(shape) or not -1 <= axes <= len(shape) - start:
        raise CaffeError(f"'axis' {axis} and 'num_axes' {axes} do not fit the {len(shape)} dimensions of the input")
    end = len(shape) if axes == -1 else start + axes
    if wanted.count(-1) > 1 or min(wanted, default=0) < -1:
        raise CaffeError(f"'shape' {wanted} may hold -1 once, and nothing below")
    if any(dim == 0 and start + index >= len(shape) for index, dim in enumerate(wanted)):
        raise CaffeError(f"'shape' {wanted} copies a dimension the input does not have")
    middle = [shape[start + index] if dim == 0 else dim for index, dim in enumerate(wanted)]
    kept = math.prod(shape[:start] + shape[end:]) * math.prod(dim for dim in middle if dim != -1)
    total = math.prod(shape)
    if -1 in middle and total % kept == 0:
        middle[middle.index(-1)] = total // kept
    made = (*shape[:start], *middle, *shape[end:])
    if math.prod(made) != total or min(made, default=1) < 1:
        raise CaffeError(f"'shape' {wanted} does not fit an input of {shape}")
    return Made({"shape": wanted, "axis": start, "num_axes": axes}, (made,))


def permute(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    shape, order = inputs[0], values.wholes("order")
    if len(set(order)) != len(order) or max(order, default=0) >= len(shape):
        raise CaffeError(f"'order' {order} must name different axes of the {len(shape)} the input has")
    order += tuple(axis for axis in range(len(shape)) if axis not in order)
    return Made({"order": order}, (tuple(shape[axis] for axis in order),))


def arg_max(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    shape, top, pairs = inputs[0], values.whole("top_k"), values.flag("out_max_val")
    axis: int | str = axis_of(values, shape) if values.given("axis") else ""
    most = shape[axis] if isinstance(axis, int) else math.prod(shape[1:])
    if not 1 <= top <= most:
        raise CaffeError(f"'top_k' must be between 1 and {most}, not {top}")
    if isinstance(axis, int):
        made: Shape = (*shape[:axis], top, *shape[axis + 1 :])
    else:
        made = (shape[0], 2 if pairs else 1, top, *(1,) * (len(shape) - 3))
    return Made({"top_k": top, "out_max_val": pairs, "axis": axis}, (made,))


def crop(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    shape, like = inputs
    if len(shape) != len(like):
        raise CaffeError(f"the inputs must have as many dimensions as each other, not {len(shape)} and {len(like)}")
    axis, offset = axis_of(values, shape), values.wholes("offset")
    cropped = len(shape) - axis
    if len(offset) not in (0, 1, cropped):
        raise CaffeError(f"'offset' must be given once or {cropped} times, not {len(offset)} times")
    each = offset * cropped if len(offset) == 1 else offset or (0,) * cropped
    if any(start + kept > whole for start, kept, whole in zip(each, like[axis:], shape[axis:], strict=True)):
        raise CaffeError(f"{like[axis:]} from {each} on is outside {shape[axis:]}")
    return Made({"axis": axis, "offset": each}, ((*shape[:axis], *like[axis:]),))


def softmax(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    return Made({"axis": axis_of(values, inputs[0])}, inputs)


def split(_values: Values, inputs: tuple[Shape, ...], outputs: int) -> Made:
    return Made({}, inputs * outputs)


def pointwise(*reals: str) -> Maker:
    """A layer that keeps the shape and has only these numbers."""

    def make(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
        return Made({name: values.real(name) for name in reals}, inputs)

    return make
