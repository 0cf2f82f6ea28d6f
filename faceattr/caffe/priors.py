"""Finds SSD PriorBox layers whose `step` disagrees with the map they stand on, and corrects the prototxt.

The published res10 face detector has steps of 100 and 300 where its 5×5 maps at 300×300 need 60: its largest priors
then stand outside the photo and answer with ghosts. A step is right when step × cells ≈ the input's side.
"""

from __future__ import annotations

from collections.abc import Callable

from faceattr.caffe.prototxt import Field, Message, parse
from faceattr.errors import CaffeError

_TOLERANCE = 1.3
"""Rounding up in pooling makes sound nets miss by up to 7 % (step 64 × 5 cells for 300); the defect misses by 67 %."""


def input_size(net: Message) -> tuple[int, int]:
    """Width and height of a net's first input, as its prototxt declares them. Raises CaffeError without one."""
    dims = net.values("input_dim") or net.message("input_shape").values("dim")
    if not dims:
        inputs = [layer for layer in net.messages("layer") if layer.value("type") == "Input"]
        shape = inputs[0].message("input_param").message("shape") if inputs else Message(())
        dims = shape.values("dim")
    if len(dims) < 4:
        raise CaffeError("the net declares no input of four dimensions")
    return _whole(dims[3]), _whole(dims[2])


def correct_prior_steps(prototxt: str, size: tuple[int, int] | None = None) -> tuple[str, tuple[str, ...]]:
    """The prototxt with every wrong PriorBox step put right, and a sentence for each.

    `size`: width and height the net is fed with; the prototxt's own when None. A net without PriorBox layers comes back
    unchanged. Raises CaffeError when the text cannot be read.
    """
    net = parse(prototxt)
    width, height = size or input_size(net)
    maps = _map_sizes(net, width, height)
    edits: list[tuple[Field, str]] = []
    notes: list[str] = []
    for layer in net.messages("layer"):
        if layer.value("type") != "PriorBox" or layer.values("bottom")[:1] == ():
            continue
        cells_x, cells_y = maps[layer.values("bottom")[0]]
        wanted = {"step": width / cells_x, "step_w": width / cells_x, "step_h": height / cells_y}
        for field in layer.message("prior_box_param").fields:
            if field.name not in wanted or not isinstance(field.value, str):
                continue
            step, right = _number(field.value), wanted[field.name]
            if step_disagrees(step, right):
                edits.append((field, f"{right:g}"))
                notes.append(correction(layer.value("name"), field.name, step, right))
    for field, replacement in reversed(edits):
        prototxt = prototxt[: field.start] + replacement + prototxt[field.end :]
    return prototxt, tuple(notes)


def step_disagrees(step: float, right: float) -> bool:
    """Whether a PriorBox step is wrong, `right` being the input's side ÷ cells. A step of 0 is taken from the map."""
    return step > 0 and not 1 / _TOLERANCE <= step / right <= _TOLERANCE


def correction(layer: str, name: str, step: float, right: float) -> str:
    """The sentence that tells of a corrected step; `name` is `step`, `step_h` or `step_w`."""
    return f"{layer}: {name} {step:g} corrected to {right:g}"


def _map_sizes(net: Message, width: int, height: int) -> dict[str, tuple[int, int]]:
    """Width and height of every blob; what is no convolution, deconvolution or pooling keeps its input's."""
    inputs = net.values("input") or tuple(
        top for layer in net.messages("layer") if layer.value("type") == "Input" for top in layer.values("top")
    )
    sizes = dict.fromkeys(inputs, (width, height))
    for layer in net.messages("layer"):
        bottoms = layer.values("bottom")
        if not bottoms:
            continue
        if bottoms[0] not in sizes:
            raise CaffeError(f"layer '{layer.value('name')}' reads '{bottoms[0]}', which no layer before it makes")
        before, kind = sizes[bottoms[0]], layer.value("type")
        if kind == "Convolution":
            after = _convolved(before, layer.message("convolution_param"))
        elif kind == "Deconvolution":
            after = _deconvolved(before, layer.message("convolution_param"))
        elif kind == "Pooling":
            after = _pooled(before, layer.message("pooling_param"))
        else:
            after = before
        if min(after) < 1:
            raise CaffeError(f"layer '{layer.value('name')}' has nothing left to work on at {width}×{height} input")
        sizes.update(dict.fromkeys(layer.values("top"), after))
    return sizes


def _convolved(before: tuple[int, int], param: Message) -> tuple[int, int]:
    dilation = _whole(param.value("dilation", "1"))
    return _each_axis(
        before, param, lambda side, kernel, stride, pad: (side + 2 * pad - dilation * (kernel - 1) - 1) // stride + 1
    )


def _deconvolved(before: tuple[int, int], param: Message) -> tuple[int, int]:
    dilation = _whole(param.value("dilation", "1"))
    return _each_axis(
        before, param, lambda side, kernel, stride, pad: (side - 1) * stride + dilation * (kernel - 1) + 1 - 2 * pad
    )


def _pooled(before: tuple[int, int], param: Message) -> tuple[int, int]:
    if param.value("global_pooling") == "true":
        return 1, 1

    def pooled(side: int, kernel: int, stride: int, pad: int) -> int:
        # Caffe rounds up, and drops a last window that would begin in the padding (pooling_layer.cpp).
        count = -(-(side + 2 * pad - kernel) // stride) + 1
        return count - 1 if pad and (count - 1) * stride >= side + pad else count

    return _each_axis(before, param, pooled)


def _each_axis(before: tuple[int, int], param: Message, rule: Callable[[int, int, int, int], int]) -> tuple[int, int]:
    """Applies a rule on (side, kernel, stride, pad) to both axes; `_w` and `_h` names override the shared one."""

    def setting(name: str, suffix: str, default: str) -> int:
        return _whole(param.value(f"{name}_{suffix}") or param.value(names.get(name, name), default))

    names = {"kernel": "kernel_size"}
    width, height = (
        rule(side, setting("kernel", axis, "1"), max(1, setting("stride", axis, "1")), setting("pad", axis, "0"))
        for side, axis in zip(before, "wh", strict=True)
    )
    return width, height


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise CaffeError(f"expected a whole number, found {text!r}") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise CaffeError(f"expected a number, found {text!r}") from None
