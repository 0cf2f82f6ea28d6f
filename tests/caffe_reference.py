"""Caffe's layers in plain NumPy, written from Caffe's own sources (`src/caffe/layers`, SSD branch), not from ours.

Slow and literal: one loop per loop of Caffe's. `run` takes a layer's parameters under the names of `graph.Node.params`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Params = Mapping[str, Any]


def run(kind: str, params: Params, weights: Sequence[Array], bottoms: Sequence[Array]) -> list[Array]:
    """What a layer of this type makes of its bottoms."""
    tops = LAYERS[kind](params, weights, bottoms)
    return [np.asarray(top, np.float32) for top in (tops if isinstance(tops, list) else [tops])]


def _convolution(p: Params, w: Sequence[Array], b: Sequence[Array]) -> Any:
    if len(b) > 1:
        return [_convolution(p, w, [x]) for x in b]
    (x,), (kh, kw), (sh, sw), (ph, pw), (dh, dw) = b, p["kernel"], p["stride"], p["pad"], p["dilation"]
    n, c, height, width = x.shape
    oh, ow = (height + 2 * ph - (dh * (kh - 1) + 1)) // sh + 1, (width + 2 * pw - (dw * (kw - 1) + 1)) // sw + 1
    padded = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    top, each, per = np.zeros((n, p["num_output"], oh, ow)), c // p["group"], p["num_output"] // p["group"]
    for i in range(oh):
        for j in range(ow):
            patch = padded[:, :, i * sh : i * sh + dh * (kh - 1) + 1 : dh, j * sw : j * sw + dw * (kw - 1) + 1 : dw]
            for o in range(p["num_output"]):
                g = o // per
                top[:, o, i, j] = (patch[:, g * each : (g + 1) * each] * w[0][o]).sum(axis=(1, 2, 3))
    return top + (w[1][:, None, None] if p["bias"] else 0)


def _deconvolution(p: Params, w: Sequence[Array], b: Sequence[Array]) -> Any:
    (x,), (kh, kw), (sh, sw), (ph, pw), (dh, dw) = b, p["kernel"], p["stride"], p["pad"], p["dilation"]
    n, c, height, width = x.shape
    top = np.zeros((n, p["num_output"], sh * (height - 1) + dh * (kh - 1) + 1, sw * (width - 1) + dw * (kw - 1) + 1))
    each, per = c // p["group"], p["num_output"] // p["group"]
    for i in range(height):
        for j in range(width):
            for k in range(c):
                g = k // each
                top[
                    :,
                    g * per : (g + 1) * per,
                    i * sh : i * sh + dh * (kh - 1) + 1 : dh,
                    j * sw : j * sw + dw * (kw - 1) + 1 : dw,
                ] += x[:, k, i, j, None, None, None] * w[0][k]
    top = top[:, :, ph : top.shape[2] - ph, pw : top.shape[3] - pw]
    return top + (w[1][:, None, None] if p["bias"] else 0)


def _inner_product(p: Params, w: Sequence[Array], b: Sequence[Array]) -> Any:
    x, axis = b[0], p["axis"] % b[0].ndim
    top = x.reshape(math.prod(x.shape[:axis]), -1) @ (w[0] if p["transpose"] else w[0].T)
    return (top + (w[1] if p["bias"] else 0)).reshape(*x.shape[:axis], p["num_output"])


def pooled(side: int, kernel: int, stride: int, pad: int, padded: bool, rounding: str) -> int:
    """Caffe's count of windows; `padded`: any of the two pads is not 0."""
    count = (math.ceil if rounding == "CEIL" else math.floor)((side + 2 * pad - kernel) / stride) + 1
    return count - 1 if padded and (count - 1) * stride >= side + pad else count


def _pooling(p: Params, w: Sequence[Array], b: Sequence[Array]) -> Any:
    (x,), (kh, kw), (sh, sw), (ph, pw) = b, p["kernel"], p["stride"], p["pad"]
    n, c, height, width = x.shape
    if p["global"]:
        kh, kw, sh, sw, ph, pw = height, width, 1, 1, 0, 0
    oh = pooled(height, kh, sh, ph, bool(ph or pw), p["round"])
    ow = pooled(width, kw, sw, pw, bool(ph or pw), p["round"])
    top = np.zeros((n, c, oh, ow))
    for i in range(oh):
        for j in range(ow):
            y, left = i * sh - ph, j * sw - pw
            area = (min(y + kh, height + ph) - y) * (min(left + kw, width + pw) - left)
            window = x[:, :, max(y, 0) : min(y + kh, height), max(left, 0) : min(left + kw, width)]
            top[:, :, i, j] = window.max(axis=(2, 3)) if p["pool"] == "MAX" else window.sum(axis=(2, 3)) / area
    return top


def _lrn(p: Params, w: Sequence[Array], b: Sequence[Array]) -> Any:
    x, size, half = b[0].astype(np.float64), p["local_size"], (p["local_size"] - 1) // 2
    if p["region"] == "ACROSS_CHANNELS":
        squares = np.pad(x * x, ((0, 0), (half, half), (0, 0), (0, 0)))
        total = sum(squares[:, k : k + x.shape[1]] for k in range(size))
        return x / (p["k"] + p["alpha"] / size * total) ** p["beta"]
    window = {"pool": "AVE", "kernel": (size, size), "stride": (1, 1), "pad": (half, half)}
    mean = _pooling({**window, "global": False, "round": "CEIL"}, (), [(x * x).astype(np.float32)])
    return x * (1 + p["alpha"] * mean) ** -p["beta"]


def _batch_norm(p: Params, w: Sequence[Array], b: Sequence[Array]) -> Any:
    factor = 0 if w[2].item() == 0 else 1 / w[2].item()
    mean, variance = (_spread(array * factor, b[0].ndim, 1) for array in w[:2])
    return (b[0] - mean) / np.sqrt(variance + p["eps"])


def _spread(values: Array, rank: int, axis: int) -> Array:
    return values.reshape(values.shape + (1,) * (rank - axis - values.ndim))


def _scale(p: Params, w: Sequence[Array], b: Sequence[Array]) -> Any:
    arrays = [*b[1:], *w]
    axis = p["axis"] % b[0].ndim
    top = b[0] * _spread(arrays[0], b[0].ndim, axis)
    return top + _spread(arrays[1], b[0].ndim, axis) if p["bias"] else top


def _bias(p: Params, w: Sequence[Array], b: Sequence[Array]) -> Any:
    return b[0] + _spread([*b[1:], *w][0], b[0].ndim, p["axis"] % b[0].ndim)


def _eltwise(p: Params, w: Sequence[Array], b: Sequence[Array]) -> Any:
    if p["operation"] == "SUM":
        return sum(factor * x for factor, x in zip(p["coeff"] or (1,) * len(b), b, strict=True))
    return np.prod(np.stack(b), axis=0) if p["operation"] == "PROD" else np.max(np.stack(b), axis=0)


def _slice(p: Params, w: Sequence[Array], b: Sequence[Array]) -> Any:
    return np.split(b[0], p["slice_point"] or p.get("tops", 2), axis=p["axis"])


def _softmax(p: Params, w: Sequence[Array], b: Sequence[Array]) -> Any:
    exponentials = np.exp(b[0] - b[0].max(axis=p["axis"], keepdims=True))
    return exponentials / exponentials.sum(axis=p["axis"], keepdims=True)


def _flatten(p: Params, w: Sequence[Array], b: Sequence[Array]) -> Any:
    shape, axis, end = b[0].shape, p["axis"] % b[0].ndim, p["end_axis"] % b[0].ndim
    return b[0].reshape(*shape[:axis], math.prod(shape[axis : end + 1]), *shape[end + 1 :])


def _reshape(p: Params, w: Sequence[Array], b: Sequence[Array]) -> Any:
    shape, start = b[0].shape, p["axis"] if p["axis"] >= 0 else b[0].ndim + p["axis"] + 1
    end = len(shape) if p["num_axes"] < 0 else start + p["num_axes"]
    middle = [shape[start + i] if dim == 0 else dim for i, dim in enumerate(p["shape"])]
    return b[0].reshape(*shape[:start], *middle, *shape[end:])


def _permute(p: Params, w: Sequence[Array], b: Sequence[Array]) -> Any:
    return b[0].transpose(*p["order"], *(axis for axis in range(b[0].ndim) if axis not in p["order"]))


def _normalize(p: Params, w: Sequence[Array], b: Sequence[Array]) -> Any:
    axes = (1, 2, 3) if p["across_spatial"] else (1,)
    norm = np.sqrt((b[0].astype(np.float64) ** 2).sum(axis=axes, keepdims=True) + p["eps"])
    return b[0] / norm * w[0].reshape(-1, 1, 1)


def _argmax(p: Params, w: Sequence[Array], b: Sequence[Array]) -> Any:
    """Caffe sorts pairs of value and index with std::greater: of equal values, the last comes first."""
    x, whole, top = b[0], p["axis"] == "", p["top_k"]
    rows = x.reshape(len(x), -1) if whole else np.moveaxis(x, p["axis"], -1)
    order = np.flip(np.argsort(rows, axis=-1, kind="stable"), axis=-1)[..., :top]
    values = np.take_along_axis(rows, order, axis=-1)
    if not whole:
        return np.moveaxis(values if p["out_max_val"] else order, -1, p["axis"])
    stacked = np.stack([order, values] if p["out_max_val"] else [order], axis=1)
    return stacked.reshape(stacked.shape + (1,) * (x.ndim - 3))


def _crop(p: Params, w: Sequence[Array], b: Sequence[Array]) -> Any:
    axis = p["axis"] % b[0].ndim
    count = b[0].ndim - axis
    offset = p["offset"] * count if len(p["offset"]) == 1 else p["offset"] or (0,) * count
    cut = (slice(start, start + side) for start, side in zip(offset, b[1].shape[axis:], strict=True))
    return b[0][(*(slice(None),) * axis, *cut)]


LAYERS: Mapping[str, Callable[[Params, Sequence[Array], Sequence[Array]], Any]] = {
    "ArgMax": _argmax,
    "BatchNorm": _batch_norm,
    "Bias": _bias,
    "Concat": lambda p, w, b: np.concatenate(b, axis=p["axis"]),
    "Convolution": _convolution,
    "Crop": _crop,
    "Deconvolution": _deconvolution,
    "ELU": lambda p, w, b: np.where(b[0] > 0, b[0], p["alpha"] * (np.exp(np.minimum(b[0], 0)) - 1)),
    "Eltwise": _eltwise,
    "Flatten": _flatten,
    "InnerProduct": _inner_product,
    "LRN": _lrn,
    "Normalize": _normalize,
    "PReLU": lambda p, w, b: np.maximum(b[0], 0) + _spread(w[0], b[0].ndim, 1) * np.minimum(b[0], 0),
    "Permute": _permute,
    "Pooling": _pooling,
    "Power": lambda p, w, b: (p["shift"] + p["scale"] * b[0]) ** p["power"],
    "ReLU": lambda p, w, b: np.maximum(b[0], 0) + p["negative_slope"] * np.minimum(b[0], 0),
    "Reshape": _reshape,
    "Scale": _scale,
    "Sigmoid": lambda p, w, b: 1 / (1 + np.exp(-b[0])),
    "Slice": _slice,
    "Softmax": _softmax,
    "Split": lambda p, w, b: [b[0], b[0]],
    "TanH": lambda p, w, b: np.tanh(b[0]),
}
