"""What a prototxt may say: the fields of every layer type that is supported, with Caffe's own types and defaults.

The prototxt is read by `faceattr.caffe.prototxt`, not by protobuf's text parser: that one can only refuse unknown
fields or drop them all, and drops them without saying in which layer. Names and defaults are those of caffe.proto
(BVLC; PriorBox, DetectionOutput, Normalize and Permute from the SSD branch).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from faceattr.caffe.prototxt import Field, Message
from faceattr.errors import CaffeError

_WHOLE = re.compile(r"[-+]?(0[xX][0-9a-fA-F]{1,40}|[0-9]{1,40})")
_REAL = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?[fF]?")
_RANGES = {"uint": (0, 2**32 - 1), "int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_FLAGS = {"true": True, "t": True, "True": True, "1": True, "false": False, "f": False, "False": False, "0": False}
_FLOAT_MAX = 3.4028234e38
MAX_REPEATS = 1024
"""Most values a repeated field may have; published nets stay below 20."""

_SPATIAL = "pad_h:uint pad_w:uint kernel_h:uint kernel_w:uint stride_h:uint stride_w:uint engine:skip "
_FILLERS = "weight_filler:skip bias_filler:skip "
_CONVOLUTION = (
    "num_output:uint=0 bias_term:bool=true pad:uint* kernel_size:uint* stride:uint* dilation:uint* group:uint=1 "
    "axis:int=1 force_nd_im2col:skip " + _SPATIAL + _FILLERS
)

# name:type, `*` repeated, `=` the default; without one the field may be absent. A|B|C are an enum's names from 0 on.
# `skip` marks what does not change an answer.
_TABLE = {
    "Input": ("input_param", "shape:skip"),
    "Convolution": ("convolution_param", _CONVOLUTION),
    "Deconvolution": ("convolution_param", _CONVOLUTION),
    "InnerProduct": (
        "inner_product_param",
        "num_output:uint=0 bias_term:bool=true axis:int=1 transpose:bool=false " + _FILLERS,
    ),
    "Pooling": (
        "pooling_param",
        "pool:MAX|AVE|STOCHASTIC=MAX pad:uint kernel_size:uint stride:uint global_pooling:bool=false "
        "round_mode:CEIL|FLOOR=CEIL ceil_mode:bool=true " + _SPATIAL,
    ),
    "ReLU": ("relu_param", "negative_slope:float=0 engine:skip"),
    "PReLU": ("prelu_param", "filler:skip channel_shared:bool=false"),
    "ELU": ("elu_param", "alpha:float=1"),
    "Sigmoid": ("sigmoid_param", "engine:skip"),
    "TanH": ("tanh_param", "engine:skip"),
    "Power": ("power_param", "power:float=1 scale:float=1 shift:float=0"),
    "LRN": (
        "lrn_param",
        "local_size:uint=5 alpha:float=1 beta:float=0.75 k:float=1 engine:skip "
        "norm_region:ACROSS_CHANNELS|WITHIN_CHANNEL=ACROSS_CHANNELS",
    ),
    "BatchNorm": ("batch_norm_param", "use_global_stats:bool=true moving_average_fraction:skip eps:float=1e-5"),
    "Scale": ("scale_param", "axis:int=1 num_axes:int=1 bias_term:bool=false filler:skip bias_filler:skip"),
    "Bias": ("bias_param", "axis:int=1 num_axes:int=1 filler:skip"),
    "Eltwise": ("eltwise_param", "operation:PROD|SUM|MAX=SUM coeff:float* stable_prod_grad:skip"),
    "Concat": ("concat_param", "axis:int concat_dim:uint"),
    "Slice": ("slice_param", "axis:int slice_dim:uint slice_point:uint*"),
    "Split": ("split_param", ""),
    "Dropout": ("dropout_param", "dropout_ratio:skip scale_train:bool=true"),
    "Softmax": ("softmax_param", "axis:int=1 engine:skip"),
    "Flatten": ("flatten_param", "axis:int=1 end_axis:int=-1"),
    "Reshape": ("reshape_param", "shape:shape axis:int=0 num_axes:int=-1"),
    "Permute": ("permute_param", "order:uint*"),
    "Normalize": ("norm_param", "across_spatial:bool=true scale_filler:skip channel_shared:bool=true eps:float=1e-10"),
    "PriorBox": (
        "prior_box_param",
        "min_size:float* max_size:float* aspect_ratio:float* flip:bool=true clip:bool=false variance:float* "
        "img_size:uint img_h:uint img_w:uint step:float step_h:float step_w:float offset:float=0.5",
    ),
    "DetectionOutput": (
        "detection_output_param",
        "num_classes:uint=0 share_location:bool=true background_label_id:int=0 nms_param:nms save_output_param:skip "
        "code_type:|CORNER|CENTER_SIZE|CORNER_SIZE=CORNER variance_encoded_in_target:bool=false keep_top_k:int=-1 "
        "confidence_threshold:float visualize:skip visualize_threshold:skip save_file:skip normalized_bbox:bool=true",
    ),
    "ArgMax": ("argmax_param", "out_max_val:bool=false top_k:uint=1 axis:int"),
    "Crop": ("crop_param", "axis:int=2 offset:uint*"),
}
_NESTED = {"nms": "nms_threshold:float=0.3 top_k:int=-1 eta:float=1", "shape": "dim:long*"}

PARAM_OF = {kind: message for kind, (message, _) in _TABLE.items()}
"""The field of a layer that holds the parameters of its type."""


@dataclass(frozen=True, slots=True)
class _Spec:
    kind: str
    repeated: bool
    default: str | None


def _specs(text: str) -> dict[str, _Spec]:
    found = {}
    for entry in text.split():
        name, _, kind = entry.partition(":")
        kind, _, default = kind.partition("=")
        found[name] = _Spec(kind.removesuffix("*"), kind.endswith("*"), default or None)
    return found


_FIELDS = {kind: _specs(text) for kind, (_, text) in _TABLE.items()} | {k: _specs(t) for k, t in _NESTED.items()}


class Values:
    """The typed fields of one message, defaults filled in. Each getter is for fields of that type."""

    def __init__(self, message: Message, kind: str) -> None:
        """Raises CaffeError for a field this type does not have, or a value that does not fit."""
        self._specs, self._found = _FIELDS[kind], dict[str, list[Field]]()
        for field in message.fields:
            if field.name not in self._specs:
                raise CaffeError(f"the field '{field.name}' is not supported here")
            self._found.setdefault(field.name, []).append(field)
        for name, fields in self._found.items():
            spec = self._specs[name]
            limit = MAX_REPEATS if spec.repeated else 1
            if spec.kind != "skip" and len(fields) > limit:
                raise CaffeError(f"'{name}' is given {len(fields)} times, {limit} at most is allowed")

    def given(self, name: str) -> bool:
        return name in self._found

    def whole(self, name: str) -> int:
        return whole(name, self._text(name), self._specs[name].kind)

    def wholes(self, name: str) -> tuple[int, ...]:
        return tuple(whole(name, text, self._specs[name].kind) for text in self._texts(name))

    def real(self, name: str) -> float:
        return _real(name, self._text(name))

    def reals(self, name: str) -> tuple[float, ...]:
        return tuple(_real(name, text) for text in self._texts(name))

    def flag(self, name: str) -> bool:
        text = self._text(name)
        if text not in _FLAGS:
            raise CaffeError(f"'{name}' must be true or false, not {text[:40]!r}")
        return _FLAGS[text]

    def word(self, name: str) -> str:
        text, names = self._text(name), self._specs[name].kind.split("|")
        if text.isascii() and text.isdigit() and int(text[:4]) < len(names):
            text = names[int(text[:4])]
        if not text or text not in names:
            raise CaffeError(f"'{name}' must be one of {', '.join(filter(None, names))}, not {text[:40]!r}")
        return text

    def nested(self, name: str) -> Values:
        fields = self._found.get(name, [])
        return Values(_message(fields[0]) if fields else Message(()), self._specs[name].kind)

    def _text(self, name: str) -> str:
        texts = self._texts(name)
        return texts[0] if texts else str(self._specs[name].default)

    def _texts(self, name: str) -> list[str]:
        return [_scalar(field) for field in self._found.get(name, [])]


def dims(shape: Message) -> tuple[int, ...]:
    """The dimensions of a BlobShape."""
    return Values(shape, "shape").wholes("dim")


def _scalar(field: Field) -> str:
    if isinstance(field.value, Message):
        raise CaffeError(f"'{field.name}' must be a plain value, not a message")
    return field.value


def _message(field: Field) -> Message:
    if not isinstance(field.value, Message):
        raise CaffeError(f"'{field.name}' must be a message in braces, not {field.value[:40]!r}")
    return field.value


def whole(name: str, text: str, kind: str = "int") -> int:
    """The number a text stands for, in the range of its type. Raises CaffeError."""
    lowest, highest = _RANGES[kind]
    if not _WHOLE.fullmatch(text):
        raise CaffeError(f"'{name}' must be a whole number, not {text[:40]!r}")
    value = int(text, 16) if "x" in text.lower() else int(text)
    if not lowest <= value <= highest:
        raise CaffeError(f"'{name}' must be between {lowest} and {highest}, not {value}")
    return value


def _real(name: str, text: str) -> float:
    value = float(text.rstrip("fF")) if _REAL.fullmatch(text) else math.nan
    if not abs(value) <= _FLOAT_MAX:
        raise CaffeError(f"'{name}' must be a finite number, not {text[:40]!r}")
    return value
