"""Which layers of a prototxt take part in a test run, what goes into the net, and which blob each layer reads.

Caffe lets a layer overwrite its input. Here every version of a blob has a name of its own: the last one keeps the
name, so that outputs are called as in the prototxt, and earlier ones get `<blob>@<layer>`. A net's input always keeps
its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from faceattr.caffe.graph import Shape
from faceattr.caffe.prototxt import Message
from faceattr.caffe.schema import PARAM_OF, dims, whole
from faceattr.errors import CaffeError

TRAIN_ONLY = {
    "Data", "AnnotatedData", "DummyData", "HDF5Data", "ImageData", "MemoryData", "VideoData", "WindowData", "Accuracy",
    "DetectionEvaluate", "HDF5Output", "Silence", "ContrastiveLoss", "EuclideanLoss", "HingeLoss", "InfogainLoss",
    "MultiBoxLoss", "MultinomialLogisticLoss", "SigmoidCrossEntropyLoss", "SmoothL1Loss", "SoftmaxWithLoss",
}  # fmt: skip
"""Layers that feed, judge or silence a net: none of them is part of what it computes."""

# V1LayerParameter writes INNER_PRODUCT for InnerProduct; one name changed altogether.
_V1_TYPES = {name.upper(): name for name in (*PARAM_OF, *TRAIN_ONLY)} | {"SOFTMAXLOSS": "SoftmaxWithLoss"}


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that takes part, as the prototxt has it."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    message: Message


@dataclass(frozen=True, slots=True)
class Wired:
    """A layer with unique blob names."""

    layer: Layer
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def included_layers(net: Message) -> tuple[Layer, ...]:
    """The layers of the TEST net, in order. Raises CaffeError for layers without a name and for equal names."""
    v1, v2 = net.messages("layers"), net.messages("layer")
    if v1 and v2:
        raise CaffeError("the prototxt mixes 'layer' and 'layers'")
    state = net.message("state")
    if state.value("phase", "TEST") not in ("TEST", "1"):
        raise CaffeError("the prototxt is of a training net (state { phase: TRAIN })")
    found: dict[str, Layer] = {}
    for number, message in enumerate(v1 or v2, 1):
        name, kind = message.value("name"), message.value("type")
        kind = _V1_TYPES.get(kind.replace("_", ""), kind) if v1 else kind
        if not _included(message, state) or kind in TRAIN_ONLY:
            continue
        if not name or not kind:
            raise CaffeError(f"layer {number} has no {'type' if name else 'name'}")
        if name in found:
            raise CaffeError(f"two layers are called '{name}'")
        found[name] = Layer(name, kind, message.values("bottom"), message.values("top"), message)
    return tuple(found.values())


def _included(layer: Message, state: Message) -> bool:
    """Caffe's rules (Net::FilterNet): some `include` must hold, or else no `exclude` may."""
    include, exclude = layer.messages("include"), layer.messages("exclude")
    if include and exclude:
        raise CaffeError(f"layer '{layer.value('name')}': 'include' and 'exclude' exclude each other")
    if layer.value("phase") in ("TRAIN", "0"):
        return False
    if include:
        return any(_meets(rule, state) for rule in include)
    return not any(_meets(rule, state) for rule in exclude)


def _meets(rule: Message, state: Message) -> bool:
    level, stages = whole("level", state.value("level", "0")), state.values("stage")
    return (
        rule.value("phase", "TEST") in ("TEST", "1")
        and whole("min_level", rule.value("min_level", str(level))) <= level
        and whole("max_level", rule.value("max_level", str(level))) >= level
        and all(stage in stages for stage in rule.values("stage"))
        and not any(stage in stages for stage in rule.values("not_stage"))
    )


def declared_inputs(net: Message, layers: Sequence[Layer], size: tuple[int, int] | None) -> dict[str, Shape]:
    """Name and shape of every input; the first with four dimensions takes `size` (width, height) when one is given."""
    names = list(net.values("input"))
    shapes = [dims(shape) for shape in net.messages("input_shape")]
    if not shapes:
        if len(net.values("input_dim")) % 4:
            raise CaffeError(f"the prototxt has {len(net.values('input_dim'))} input_dim, not four for each input")
        flat = [whole("input_dim", text) for text in net.values("input_dim")]
        shapes = [tuple(flat[start : start + 4]) for start in range(0, len(flat), 4)]
    if len(shapes) != len(names):
        raise CaffeError(f"the prototxt declares {len(names)} inputs and {len(shapes)} input shapes")
    for layer in layers:
        if layer.type == "Input":
            declared = [dims(shape) for shape in layer.message.message("input_param").messages("shape")]
            if not layer.tops or len(declared) not in (1, len(layer.tops)):
                raise CaffeError(f"layer '{layer.name}' (Input) has {len(layer.tops)} tops and {len(declared)} shapes")
            names += layer.tops
            shapes += declared if len(declared) == len(layer.tops) else declared * len(layer.tops)
    if not names:
        raise CaffeError("the prototxt declares no input")
    if len(set(names)) != len(names):
        raise CaffeError("the prototxt declares an input twice")
    if size is not None:
        spatial = next((index for index, shape in enumerate(shapes) if len(shape) == 4), None)
        if spatial is None:
            raise CaffeError("the prototxt declares no input with a height and a width")
        shapes[spatial] = (*shapes[spatial][:2], size[1], size[0])
    return dict(zip(names, shapes, strict=True))


def wire(layers: Sequence[Layer], inputs: Sequence[str]) -> tuple[Wired, ...]:
    """The layers but Input, with unique blob names. Raises CaffeError for a blob used before it is made."""
    makers: dict[str, list[str]] = {name: [""] for name in inputs}
    steps: list[tuple[Layer, list[tuple[str, int]], list[tuple[str, int]]]] = []
    for layer in layers:
        if layer.type == "Input":
            continue
        for bottom in layer.bottoms:
            if bottom not in makers:
                raise CaffeError(f"layer '{layer.name}' reads '{bottom}', which no layer before it makes")
        reads = [(bottom, len(makers[bottom]) - 1) for bottom in layer.bottoms]
        makes = []
        for index, top in enumerate(layer.tops):
            in_place = layer.bottoms[index : index + 1] == (top,)
            if in_place and layer.type == "Dropout":
                makes.append(reads[index])
                continue
            if top in layer.tops[:index] or (top in makers and not in_place):
                raise CaffeError(f"layer '{layer.name}' makes '{top}', which another layer makes already")
            makers.setdefault(top, []).append(layer.name)
            makes.append((top, len(makers[top]) - 1))
        steps.append((layer, reads, makes))
    names = _names(makers)
    return tuple(
        Wired(layer, tuple(names[blob] for blob in reads), tuple(names[blob] for blob in makes))
        for layer, reads, makes in steps
    )


def _names(makers: dict[str, list[str]]) -> dict[tuple[str, int], str]:
    names: dict[tuple[str, int], str] = {}
    taken = set(makers)
    for blob, layers in makers.items():
        keeps = len(layers) - 1 if layers[0] else 0
        for version, layer in enumerate(layers):
            name = blob
            if version != keeps:
                name = f"{blob}@{layer}"
                while name in taken:
                    name += "'"
                taken.add(name)
            names[blob, version] = name
    return names
