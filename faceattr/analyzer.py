"""The one inference path behind every door: decode, detect, crop each face once, classify all crops in one batch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import get_args

import numpy as np

from faceattr import annotate, geometry, images
from faceattr.engines import Engine
from faceattr.engines.choice import choose_engine
from faceattr.errors import OutOfMemory
from faceattr.exhaustion import memory_errors
from faceattr.loader import Models, load_models
from faceattr.nets import importer_is_installed
from faceattr.options import Options
from faceattr.settings import Settings
from faceattr.slots import ENDLESS, Patience, Slots, beside
from faceattr.stopwatch import Stopwatch
from faceattr.turns import TURNS, Found, best_turn, turned_photo
from faceattr.types import Age, Analysis, BGRImage, Box, Detection, Face, FloatArray, Gender, PictureFormat, Quality
from faceattr.views import detect_closely, detect_evenly

MAX_REDUCTION = 8
LEAST_SIDE = 480
"""Pixels that the shorter side keeps at reduced scale: the detectors' inputs are 300 and 320 pixels a side, and with
fewer than 480 so many photos must be decoded once more for their faces that it costs more than it saves."""
LEAST_SIDE_CLOSELY = 4 * LEAST_SIDE
"""The same with `detail=high`, whose finest tiles are about a third of the shorter side; and the small faces that it is
asked for mostly need the whole photo for their crops."""
UNCERTAIN_GENDER = 0.7
UNCERTAIN_YEARS = 30
QUALITY_SIDE = 96
_PICTURES = (None, *get_args(PictureFormat))


class FaceAnalyzer:
    """Finds the faces of a photo and says an apparent gender and age for each. Safe to call from many threads."""

    def __init__(self, models: Models, engine: Engine, settings: Settings, slots: Slots) -> None:
        self.models = models
        self.engine = engine
        self._settings = settings
        self._limits = images.Limits.from_settings(settings)
        self.slots = slots

    @classmethod
    def from_settings(cls, settings: Settings) -> FaceAnalyzer:
        """An analyzer with verified, warm models. Raises PackError or EngineError saying what is wrong."""
        slots = Slots(settings.inference_slots)
        engine = choose_engine(
            settings.engine,
            settings.precision,
            settings.inference_slots,
            settings.threads_per_inference,
            onnx=importer_is_installed(),
            is_alone=lambda: slots.is_calm,
        )
        return cls(load_models(settings, engine), engine, settings, slots)

    def with_models(self, models: Models) -> FaceAnalyzer:
        """An analyzer with other models, loaded by the same engine, that shares its slots with this one."""
        return FaceAnalyzer(models, self.engine, self._settings, self.slots)

    def analyze(
        self,
        photo: bytes,
        options: Options | None = None,
        *,
        picture: PictureFormat | None = None,
        patience: Patience = ENDLESS,
    ) -> Analysis:
        """The faces of an encoded photo; with `picture`, also the photo with the faces drawn in, so encoded.

        Raises PhotoError when the photo cannot be read, OutOfMemory when it needs more memory than there is even alone,
        EngineError when a net fails, Overloaded or Abandoned when its turn does not come within the caller's patience;
        TypeError for a photo that is not bytes, ValueError for another format of `picture`.
        """
        if not isinstance(photo, bytes):
            raise TypeError(f"photo must be the bytes of an image file, not {type(photo).__name__}")
        if picture not in _PICTURES:
            raise ValueError(f"picture must be 'png', 'jpeg' or None, not {picture!r}")
        options = options or Options()
        try:
            with self.slots.one(patience), memory_errors():
                return self._analyze(photo, options, picture)
        except MemoryError:
            pass
        # Outside the except block: there, the traceback would still hold the arrays that must be freed.
        with self.slots.all(), self.engine.single_thread():
            for net in self.models.nets:
                net.settle()
            try:
                with memory_errors():
                    return self._analyze(photo, options, picture)
            except MemoryError:
                raise OutOfMemory("The photo needs more memory than is free; send a smaller one.") from None

    def _analyze(self, photo: bytes, options: Options, picture: PictureFormat | None) -> Analysis:
        watch = Stopwatch()
        least_side = LEAST_SIDE_CLOSELY if options.detail == "high" else LEAST_SIDE
        with watch.stage("decode"):
            # A picture is drawn on the whole photo; the faces are looked for where they are without one.
            whole: Callable[[], images.DecodedPhoto] = partial(images.decode, photo, self._limits)
            if picture and images.reduction_of(photo, MAX_REDUCTION, least_side) > 1:
                whole = beside(whole, self._free_cores())
            decoded = images.decode(photo, self._limits, max_reduction=MAX_REDUCTION, least_side=least_side)
        with watch.stage("detect"):
            turn, boxes, confidences = self._detect(decoded, options)
            decoded = turned_photo(decoded, turn)
        enough = self.models.attributes.reduction(boxes)
        if enough < decoded.reduction:
            with watch.stage("decode"):
                again = whole if enough == 1 else partial(images.decode, photo, self._limits, max_reduction=enough)
                decoded = turned_photo(again(), turn)
        width, height = decoded.width, decoded.height
        with watch.stage("attributes"):
            crops = self.models.attributes.crop(decoded.image, boxes / _scale(decoded))
            attributes = self.models.attributes.classify(crops, tta=options.tta, distribution=options.distribution)
        faces = tuple(
            _face(box, confidence, crop, attribute, width, height)
            for box, confidence, crop, attribute in zip(boxes, confidences, crops, attributes, strict=True)
        )
        encoded = None
        with watch.stage("annotate"):
            if picture:
                shown = decoded if decoded.reduction == 1 else turned_photo(whole(), turn)
                encoded = images.encode(annotate.draw(shown.image, faces), picture, self._free_cores())
        pack = self.models.pack
        return Analysis(
            faces, width, height, decoded.rotation, pack.name, pack.version, self.engine.name, watch.finish(), encoded
        )

    def _free_cores(self) -> int:
        """Threads that may work on one photo now."""
        if self._settings.threads_per_inference:
            return self._settings.threads_per_inference
        return self._settings.inference_slots if self.slots.is_calm else 1

    def _detect(self, decoded: images.DecodedPhoto, options: Options) -> tuple[int, FloatArray, FloatArray]:
        """How far to turn the photo clockwise, boxes (n, 4) in the turned photo's pixels and confidences (n,).

        Largest first, as the options limit them.
        """
        turns = TURNS if options.rotate == "auto" else TURNS[:1]
        turn, (boxes, confidences) = best_turn(decoded, turns, lambda photo: self._find(photo, options))
        order = np.argsort(-geometry.areas(boxes), kind="stable")[: options.max_faces]
        return turn, boxes[order], confidences[order]

    def _find(self, decoded: images.DecodedPhoto, options: Options) -> Found:
        """Boxes (n, 4) in the photo's pixels, none smaller than asked for, and confidences (n,)."""
        detector, confidence = self.models.detector, options.min_confidence
        if confidence is None:
            confidence = self.models.pack.detector.min_confidence
        if options.detail == "high":
            size = (decoded.width, decoded.height)
            boxes, confidences = detect_closely(detector, decoded.image, size, confidence)
        else:
            boxes, confidences = detect_evenly(detector, decoded.image, confidence)
        boxes = boxes * _scale(decoded)
        kept = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf) >= options.min_face
        return boxes[kept], confidences[kept]


def _scale(decoded: images.DecodedPhoto) -> FloatArray:
    """Pixels of the photo per pixel of the decoded image, (4,), for x, y, x, y."""
    across, down = decoded.width / decoded.image.shape[1], decoded.height / decoded.image.shape[0]
    return np.array([across, down, across, down], np.float32)


def _face(
    box: FloatArray, confidence: float, crop: BGRImage, attributes: tuple[Gender, Age], width: int, height: int
) -> Face:
    gender, age = attributes
    x_min, y_min, x_max, y_max = (float(value) for value in box)
    detection = Detection(Box(x_min, y_min, x_max, y_max), float(confidence))
    left, top, right, bottom = detection.box.rounded()
    seen = geometry.resize(crop, QUALITY_SIDE, QUALITY_SIDE)
    quality = Quality(
        size_px=min(right - left, bottom - top),
        sharpness=geometry.sharpness(seen),
        brightness=geometry.brightness(seen),
        touches_edge=left <= 0 or top <= 0 or right >= width or bottom >= height,
    )
    wide = age.interval is not None and age.interval[1] - age.interval[0] > UNCERTAIN_YEARS
    return Face(detection, gender, age, quality, uncertain=gender.probability < UNCERTAIN_GENDER or wide)
