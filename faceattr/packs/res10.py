"""Our own prototxt for OpenCV's res10 300×300 face detector: its structure as tables, written out for its weights.

Layer names, types and sizes are facts of the published caffemodel, which layers are matched with by name. Unlike the
published prototxt, the priors of `conv8_2` and `conv9_2` have the step 60 that their 5×5 maps need (not 100 and 300).
"""

from __future__ import annotations

from dataclasses import dataclass

SIDE = 300
"""Width and height of the input, pixels."""


@dataclass(frozen=True, slots=True)
class _Block:
    """A residual block; the suffixes are those that its layers' names happen to have (`_h`: half the width)."""

    channels: int
    """Of the block's name: 128 for `layer_128_1`."""
    inner: int
    outputs: int
    stride: int
    dilation: int
    suffixes: tuple[str, str, str, str, str]
    """Of the first BatchNorm and Scale, conv1, the second BatchNorm and Scale, conv2, conv_expand."""


_BLOCKS = (
    _Block(128, 128, 128, 2, 1, ("_h", "_h", "", "", "_h")),
    _Block(256, 256, 256, 2, 1, ("", "", "", "", "")),
    _Block(512, 128, 256, 1, 2, ("", "_h", "_h", "_h", "_h")),
)

_EXTRAS = ((6, 128, 256, 2), (7, 64, 128, 2), (8, 64, 128, 1), (9, 64, 128, 1))
"""Number, channels of the 1×1 and of the 3×3 convolution, stride of the latter."""


@dataclass(frozen=True, slots=True)
class _Head:
    """One map that faces are read from: its blob, and the priors on each of its cells (pixels)."""

    name: str
    blob: str
    sizes: tuple[int, int]
    ratios: tuple[int, ...]
    step: int

    @property
    def priors(self) -> int:
        """Priors a cell: the smaller square, the one between the sizes, and each ratio lying and standing."""
        return 2 + 2 * len(self.ratios)


_HEADS = (
    _Head("conv4_3_norm", "conv4_3_norm", (30, 60), (2,), 8),
    _Head("fc7", "fc7", (60, 111), (2, 3), 16),
    _Head("conv6_2", "conv6_2_h", (111, 162), (2, 3), 32),
    _Head("conv7_2", "conv7_2_h", (162, 213), (2, 3), 64),
    _Head("conv8_2", "conv8_2_h", (213, 264), (2,), 60),
    _Head("conv9_2", "conv9_2_h", (264, 315), (2,), 60),
)


def res10_prototxt() -> str:
    """The detector's structure in Caffe's V2 form, for an input of 300×300; its output is `detection_out`."""
    net = _Net()
    _trunk(net)
    for number, squeezed, outputs, stride in _EXTRAS:
        net.convolution(f"conv{number}_1_h", squeezed, 1)
        net.relu(f"conv{number}_1_relu")
        net.convolution(f"conv{number}_2_h", outputs, 3, stride=stride)
        net.relu(f"conv{number}_2_relu")
    net.layer(
        "conv4_3_norm", "Normalize", "norm_param { across_spatial: false channel_shared: false }", "layer_256_1_bn1"
    )
    for head in _HEADS:
        _head(net, head)
    _output(net)
    return net.text()


def _trunk(net: _Net) -> None:
    net.batch_norm("data_bn", "data_scale", in_place=False)
    net.convolution("conv1_h", 32, 7, stride=2)
    net.batch_norm("conv1_bn_h", "conv1_scale_h")
    net.relu("conv1_relu")
    net.layer("conv1_pool", "Pooling", "pooling_param { pool: MAX kernel_size: 3 stride: 2 }")
    net.convolution("layer_64_1_conv1_h", 32, 3, bias=False)
    net.batch_norm("layer_64_1_bn2_h", "layer_64_1_scale2_h")
    net.relu("layer_64_1_relu2")
    net.convolution("layer_64_1_conv2_h", 32, 3, bias=False)
    net.layer("layer_64_1_sum", "Eltwise", "", "layer_64_1_conv2_h", "conv1_pool")
    for block in _BLOCKS:
        _residual(net, block)
    net.batch_norm("last_bn_h", "last_scale_h")
    net.relu("last_relu", top="fc7")


def _residual(net: _Net, block: _Block) -> None:
    name = f"layer_{block.channels}_1"
    norm1, conv1, norm2, conv2, expand = block.suffixes
    entry = f"{name}_bn1{norm1}"
    net.batch_norm(entry, f"{name}_scale1{norm1}", in_place=False)
    net.relu(f"{name}_relu1")
    net.convolution(f"{name}_conv1{conv1}", block.inner, 3, stride=block.stride, bias=False)
    net.batch_norm(f"{name}_bn2{norm2}", f"{name}_scale2{norm2}")
    net.relu(f"{name}_relu2")
    main = net.convolution(f"{name}_conv2{conv2}", block.outputs, 3, dilation=block.dilation, bias=False)
    short = net.convolution(
        f"{name}_conv_expand{expand}", block.outputs, 1, stride=block.stride, bias=False, bottom=entry
    )
    net.layer(f"{name}_sum", "Eltwise", "", main, short)


def _head(net: _Net, head: _Head) -> None:
    for kind, values in (("loc", 4), ("conf", 2)):
        name = f"{head.name}_mbox_{kind}"
        net.convolution(name, values * head.priors, 3, bottom=head.blob)
        net.layer(f"{name}_perm", "Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }")
        net.layer(f"{name}_flat", "Flatten", "flatten_param { axis: 1 }")
    ratios = " ".join(f"aspect_ratio: {ratio}" for ratio in head.ratios)
    variances = " ".join(f"variance: {variance}" for variance in (0.1, 0.1, 0.2, 0.2))
    net.layer(
        f"{head.name}_mbox_priorbox",
        "PriorBox",
        f"prior_box_param {{ min_size: {head.sizes[0]} max_size: {head.sizes[1]} {ratios} flip: true clip: false "
        f"{variances} step: {head.step} offset: 0.5 }}",
        head.blob,
        "data",
    )


def _output(net: _Net) -> None:
    for blob, part, axis in (("mbox_loc", "_flat", 1), ("mbox_conf", "_flat", 1), ("mbox_priorbox", "", 2)):
        parts = (f"{head.name}_{blob}{part}" for head in _HEADS)
        net.layer(blob, "Concat", f"concat_param {{ axis: {axis} }}", *parts)
    net.layer("mbox_conf_reshape", "Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 2 } }", "mbox_conf")
    net.layer("mbox_conf_softmax", "Softmax", "softmax_param { axis: 2 }")
    net.layer("mbox_conf_flatten", "Flatten", "flatten_param { axis: 1 }")
    net.layer(
        "detection_out",
        "DetectionOutput",
        "detection_output_param { num_classes: 2 background_label_id: 0 share_location: true code_type: CENTER_SIZE "
        "confidence_threshold: 0.01 nms_param { nms_threshold: 0.3 top_k: 400 } keep_top_k: 200 }",
        "mbox_loc",
        "mbox_conf_flatten",
        "mbox_priorbox",
    )


class _Net:
    """Collects layers; each reads what the one before it made unless told otherwise."""

    def __init__(self) -> None:
        self._last = "data"
        self._lines = [
            "# OpenCV's res10 300x300 face detector, with the prior steps that its maps need. Written by faceattr.",
            'name: "res10"',
            'input: "data"',
            f"input_shape {{ dim: 1 dim: 3 dim: {SIDE} dim: {SIDE} }}",
        ]

    def layer(self, name: str, kind: str, param: str, *bottoms: str, top: str = "") -> str:
        read = " ".join(f'bottom: "{bottom}"' for bottom in bottoms or (self._last,))
        self._last = top or name
        end = f" {param} }}" if param else " }"
        self._lines.append(f'layer {{ name: "{name}" type: "{kind}" {read} top: "{self._last}"{end}')
        return self._last

    def convolution(
        self,
        name: str,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        bias: bool = True,
        bottom: str = "",
    ) -> str:
        """A convolution padded so that stride 1 keeps the map's size."""
        settings = {"num_output": outputs, "kernel_size": kernel, "pad": dilation * (kernel // 2), "stride": stride}
        if dilation > 1:
            settings["dilation"] = dilation
        param = " ".join(f"{key}: {value}" for key, value in settings.items()) + ("" if bias else " bias_term: false")
        return self.layer(name, "Convolution", f"convolution_param {{ {param} }}", bottom or self._last)

    def batch_norm(self, name: str, scale: str, *, in_place: bool = True) -> None:
        self.layer(name, "BatchNorm", "", top=self._last if in_place else "")
        self.layer(scale, "Scale", "scale_param { bias_term: true }", top=self._last)

    def relu(self, name: str, top: str = "") -> None:
        self.layer(name, "ReLU", "", top=top or self._last)

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"
