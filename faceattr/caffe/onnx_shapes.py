"""Layers that move, cut or regroup dimensions. Shapes are constants in which 0 and −1 leave the batch free."""

from __future__ import annotations

import numpy as np

from faceattr.caffe.onnx_step import Step

_END = 2**31 - 1
_MOST_SORTED = 2**20
"""Values among which ArgMax looks for several or for their values, which takes a constant as long as they are many."""


def flatten(step: Step) -> str:
    """Dimensions from `axis` to `end_axis` become one."""
    axis, end = step.axis(), step.axis("end_axis")
    if axis == end:
        return step.x
    if axis == 1 and end == len(step.shape) - 1:
        return step.op("Flatten", step.x, axis=1)
    return step.op("Reshape", step.x, step.whole((*(0,) * axis, -1, *step.shape[end + 1 :])))


def reshape(step: Step) -> str:
    """A first dimension that stays what the prototxt declares is the batch, and stays free."""
    if step.made[0] == step.shape:
        return step.x
    rank, start, count = len(step.shape), step.integer("axis"), step.integer("num_axes")
    start += rank + 1 if start < 0 else 0
    end = rank if count < 0 else start + count
    dims = [0] * start + list(step.integers("shape")) + list(step.shape[end:])
    if dims and dims[0] > 0 and -1 not in dims[1:]:
        dims[0] = -1
    if dims and step.made[0][:1] == step.shape[:1]:
        dims[0] = 0
    return step.op("Reshape", step.x, step.whole(dims))


def permute(step: Step) -> str:
    """Axes that `order` leaves out follow in their own order."""
    order = step.integers("order")
    order += tuple(axis for axis in range(len(step.shape)) if axis not in order)
    return step.x if order == tuple(range(len(order))) else step.op("Transpose", step.x, perm=order)


def concat(step: Step) -> str:
    return step.op("Concat", *step.inputs, axis=step.axis()) if len(step.inputs) > 1 else step.x


def slices(step: Step) -> list[str]:
    """Parts between the slice points, or equal parts."""
    axis, points = step.axis(), step.integers("slice_point")
    if len(step.made) == 1:
        return [step.x]
    if axis > 0:
        sizes = step.whole(shape[axis] for shape in step.made)
        return step.ops("Split", len(step.made), step.x, sizes, axis=axis)
    if not points:
        return step.ops("Split", len(step.made), step.x, axis=0)
    bounds = zip((0, *points), (*points, _END), strict=True)
    return [_cut(step, step.x, (0,), (start,), (end,)) for start, end in bounds]


def crop(step: Step) -> str:
    """The first input cut to the size of the second from `axis` on."""
    axis, offsets = step.axis(), step.integers("offset") or (0,)
    axes = range(axis, len(step.shape))
    offsets = offsets * len(axes) if len(offsets) == 1 else offsets
    cuts = [
        (at, start, start + step.shapes[1][at])
        for at, start in zip(axes, offsets, strict=True)
        if start or step.shapes[1][at] != step.shape[at]
    ]
    return _cut(step, step.x, *zip(*cuts, strict=True)) if cuts else step.x


def inner_product(step: Step) -> str:
    """Weights times everything from `axis` on."""
    axis, weights, bias = step.axis(), step.weights[0], [step.weight(array) for array in step.weights[1:]]
    transposed = bool(step.node.params["transpose"])
    if axis <= 1:
        rows = step.x if len(step.shape) == 2 and axis else step.op("Flatten", step.x, axis=axis)
        result = step.op("Gemm", rows, step.weight(weights), *bias, transB=int(not transposed))
        return result if axis else step.op("Reshape", result, step.whole(step.made[0]))
    rows = step.x if axis == len(step.shape) - 1 else step.op("Reshape", step.x, step.whole((*(0,) * axis, -1)))
    result = step.op("MatMul", rows, step.weight(weights if transposed else weights.T))
    return step.op("Add", result, *bias) if bias else result


def argmax(step: Step) -> str:
    """The `top_k` greatest along `axis`, or else of all that an item holds; of equal ones the last comes first."""
    top, with_values = step.integer("top_k"), bool(step.node.params["out_max_val"])
    whole = step.node.params["axis"] == ""
    value = step.x if not whole or len(step.shape) == 2 else step.op("Flatten", step.x, axis=1)
    axis = 1 if whole else step.axis()
    count = int(np.prod(step.shape[1:])) if whole else step.shape[axis]
    if top == 1 and not with_values:
        indices = step.op("ArgMax", value, axis=axis, keepdims=1, select_last_index=1)
        results = [step.op("Cast", indices, to=1)]
    else:
        if count > _MOST_SORTED:
            raise step.error(f"{count} values are too many to sort")
        backwards = step.op("Gather", value, step.whole(range(count - 1, -1, -1)), axis=axis)
        values, indices = step.ops("TopK", 2, backwards, step.whole([top]), axis=axis)
        positions = step.op("Sub", step.real(count - 1), step.op("Cast", indices, to=1))
        results = [positions, values] if whole and with_values else [values if with_values else positions]
    if not whole:
        return results[0]
    result = step.op("Concat", *results, axis=1) if len(results) > 1 else results[0]
    return step.op("Reshape", result, step.whole((0, *step.made[0][1:])))


def _cut(step: Step, value: str, axes: tuple[int, ...], starts: tuple[int, ...], ends: tuple[int, ...]) -> str:
    return step.op("Slice", value, step.whole(starts), step.whole(ends), step.whole(axes))
