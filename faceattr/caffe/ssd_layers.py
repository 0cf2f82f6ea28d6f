"""The two SSD layers as nodes: parameters and shapes. What they compute is in `faceattr.caffe.ssd`.

Rules and defaults: prior_box_layer.cpp, detection_output_layer.cpp and caffe.proto of Caffe's SSD branch (Liu et al.,
SSD: Single Shot MultiBox Detector, 2016).
"""

from __future__ import annotations

import math

from faceattr.caffe.graph import Param, Shape
from faceattr.caffe.layers import Made, four
from faceattr.caffe.schema import Values
from faceattr.errors import CaffeError

_EVERY_SCORE = -3.4028234e38


def prior_box(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    """Output (1, 2, 4 × priors): boxes, then variances."""
    *_, height, width = four(inputs[0])
    four(inputs[1])
    smallest, largest = values.reals("min_size"), values.reals("max_size")
    ratios, variance = values.reals("aspect_ratio"), values.reals("variance") or (0.1,)
    if not smallest or min(smallest) <= 0:
        raise CaffeError("'min_size' must be given and above 0")
    if largest and len(largest) != len(smallest):
        raise CaffeError(f"{len(largest)} max_size do not go with {len(smallest)} min_size")
    if any(high <= low for low, high in zip(smallest, largest, strict=False)):
        raise CaffeError("every 'max_size' must be above its 'min_size'")
    if min(ratios, default=1) <= 0 or min(variance) <= 0:
        raise CaffeError("'aspect_ratio' and 'variance' must be above 0")
    if len(variance) not in (1, 4):
        raise CaffeError(f"'variance' must be given once or 4 times, not {len(variance)} times")
    flip = values.flag("flip")
    cells = height * width * (_ratio_count(ratios, flip) * len(smallest) + len(largest))
    step = _both(values, "step", ("step_h", "step_w"))
    size = _both(values, "img_size", ("img_h", "img_w"))
    params: dict[str, Param] = {
        "min_size": smallest, "max_size": largest, "aspect_ratio": ratios, "flip": flip, "clip": values.flag("clip"),
        "variance": variance, "step": step, "offset": values.real("offset"), "img_size": (int(size[0]), int(size[1])),
    }  # fmt: skip
    return Made(params, ((1, 2, cells * 4),))


def _ratio_count(ratios: tuple[float, ...], flip: bool) -> int:
    """How many different aspect ratios there are with 1 and, when flipped, the inverse of each."""
    found = [1.0]
    for ratio in ratios:
        if all(abs(ratio - other) >= 1e-6 for other in found):
            found += [ratio, 1 / ratio] if flip else [ratio]
    return len(found)


def _both(values: Values, name: str, by_axis: tuple[str, str]) -> tuple[float, float]:
    """(h, w) of a setting that has one name for both axes and one for each; (0, 0) when it is not given."""
    given = [axis for axis in by_axis if values.given(axis)]
    if given and values.given(name):
        raise CaffeError(f"'{name}' and '{by_axis[0]}', '{by_axis[1]}' exclude each other")
    if len(given) == 1:
        raise CaffeError(f"'{by_axis[0]}' and '{by_axis[1]}' must be given together")
    if not given and not values.given(name):
        return 0.0, 0.0
    height, width = (values.real(axis) for axis in (by_axis if given else (name, name)))
    if min(height, width) <= 0:
        raise CaffeError(f"'{name}' must be above 0")
    return height, width


def detection_output(values: Values, inputs: tuple[Shape, ...], _outputs: int) -> Made:
    """Output (1, 1, keep_top_k, 7); without keep_top_k as many rows as there can be."""
    location, confidence, priors = inputs
    if len(priors) != 3 or priors[1] != 2:
        raise CaffeError(f"the third input must be priors, (1, 2, 4 × priors), not {priors}")
    if not values.flag("normalized_bbox"):
        raise CaffeError("'normalized_bbox: false' is not supported")
    count, classes, shared = priors[2] // 4, values.whole("num_classes"), values.flag("share_location")
    background = values.whole("background_label_id")
    if classes < 1 or not -1 <= background < classes:
        raise CaffeError(f"background_label_id {background} is not among num_classes {classes}")
    expected = count * (1 if shared else classes) * 4, count * classes
    found = math.prod(location[1:]), math.prod(confidence[1:])
    if found != expected:
        raise CaffeError(
            f"{count} priors and {classes} classes need {expected[0]} locations and {expected[1]} confidences, "
            f"not {found[0]} and {found[1]}"
        )
    nms, keep = values.nested("nms_param"), values.whole("keep_top_k")
    threshold, eta = nms.real("nms_threshold"), nms.real("eta")
    if threshold < 0 or not 0 < eta <= 1:
        raise CaffeError("'nms_threshold' must be at least 0, and 'eta' above 0 and at most 1")
    least = values.real("confidence_threshold") if values.given("confidence_threshold") else _EVERY_SCORE
    params: dict[str, Param] = {
        "num_classes": classes, "share_location": shared, "background_label_id": background,
        "nms_threshold": threshold, "nms_top_k": nms.whole("top_k"), "eta": eta, "code_type": values.word("code_type"),
        "variance_encoded_in_target": values.flag("variance_encoded_in_target"), "keep_top_k": keep,
        "confidence_threshold": least,
    }  # fmt: skip
    return Made(params, ((1, 1, keep if keep > 0 else count * classes, 7),))
