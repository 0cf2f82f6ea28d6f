"""Finds faces: an image through an SSD face detector, its output back to boxes in the image's pixels.

SSD: Liu et al., "SSD: Single Shot MultiBox Detector" (ECCV 2016). Its DetectionOutput layer gives rows of
image index, class, confidence, x_min, y_min, x_max, y_max, the last four as fractions of the net's input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from faceattr import geometry
from faceattr.engines import Net
from faceattr.errors import CaffeError, EngineError
from faceattr.packs import DetectorSpec
from faceattr.types import BGRImage, FloatArray

if TYPE_CHECKING:
    from faceattr.caffe.ssd import SSDHead

MIN_CONTRAST = 12.0
"""A face whose pixels differ by less than this (of 255) is not found by the detectors either."""


class SSDDetector:
    """An SSD face detector, fed as its pack says."""

    def __init__(self, net: Net, spec: DetectorSpec, head: SSDHead | None = None) -> None:
        """`head`: decodes the net's raw answers; None when the net ends in DetectionOutput and does so itself."""
        self._net = net
        self._spec = spec
        self._head = head

    @property
    def input(self) -> tuple[int, int]:
        """Width and height in pixels of what the net sees."""
        return self._spec.input

    def detect(self, image: BGRImage, min_confidence: float) -> tuple[FloatArray, FloatArray]:
        """Faces in an image: boxes (n, 4) in its pixels, clipped to it, and confidences (n,), most confident first.

        Boxes whose centre lies outside the image are dropped. An image without contrast has no faces, and no net runs.
        Raises EngineError when the net fails.
        """
        return self.detect_each([image], min_confidence)[0]

    def detect_each(self, images: Sequence[BGRImage], min_confidence: float) -> list[tuple[FloatArray, FloatArray]]:
        """What `detect` says of each image, from one forward for all that have contrast."""
        fits = [self._fit(image) for image in images]
        seen = [index for index, (fitted, _) in enumerate(fits) if geometry.contrast(fitted) >= MIN_CONTRAST]
        rows = np.empty((0, 7), np.float32)
        if seen:
            rows = self.forward(geometry.to_blob([fits[index][0] for index in seen], self._spec.mean, self._spec.scale))
        found = [(np.empty((0, 4), np.float32), np.empty(0, np.float32)) for _ in images]
        for position, index in enumerate(seen):
            own = rows[(rows[:, 0] == position) & (rows[:, 2] >= min_confidence)]
            height, width = images[index].shape[:2]
            boxes = own[:, 3:7] * np.array([*fits[index][1]] * 2, np.float32)
            kept = geometry.centre_inside(boxes, width, height)
            found[index] = geometry.clip(boxes[kept], width, height), own[kept, 2]
        return found

    def forward(self, blob: FloatArray) -> FloatArray:
        """The rows (n, 7) of all images of a blob. Raises EngineError when they are not what an SSD answers."""
        outputs = self._net(blob)
        if self._head is not None:
            return self._decode(self._head, outputs)
        output = next(iter(outputs.values()))
        if output.ndim != 4 or output.shape[3] != 7 or not np.isfinite(output).all():
            raise EngineError(f"the detector answered with shape {output.shape}, expected finite rows (1, 1, n, 7)")
        return np.asarray(output[0, 0], np.float32)

    def _decode(self, head: SSDHead, outputs: Mapping[str, FloatArray]) -> FloatArray:
        try:
            return np.concatenate(head(outputs[head.location], outputs[head.confidence]))
        except CaffeError as error:
            raise EngineError(f"the detector's answer cannot be decoded: {error}") from None

    def _fit(self, image: BGRImage) -> tuple[BGRImage, tuple[float, float]]:
        """The image at the net's input size, and the width and height in the image's pixels that the input spans."""
        width, height = self._spec.input
        if self._spec.resize == "stretch":
            return geometry.sample(image, width, height), (image.shape[1], image.shape[0])
        fitted, scale = geometry.letterbox(image, width, height, self._spec.mean)
        return fitted, (width / scale, height / scale)
