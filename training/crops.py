"""Where gender and age nets should look, end to end: `python -m training.crops --data DIR [--models DIR]`.

The faces of `webfaces_val.tar` that the pack's detector finds are cut larger and smaller, higher and lower than its
boxes lie. Nobody knows these faces' ages; but the nets are the surest where crops look as the chips did that they
learned.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceattr import FaceAnalyzer, Settings, geometry
from faceattr.attributes import AttributeClassifier
from faceattr.caffe.nms import iou
from faceattr.types import BGRImage, FloatArray
from faceattr.views import detect_evenly
from training.evaluation.matching import FOUND_IOU
from training.face_photos import FacePhoto, read_face_photos
from training.reporting import status_of
from training.tars import DataError

SCALES = (0.8, 0.85, 0.9, 0.95, 1.0, 1.1)
"""Side of the crop ÷ longer side of the box."""
DOWN = (-0.1, -0.05, 0.0, 0.05, 0.1)
"""How far below the box's centre the crop's lies, in longer sides of the box."""
BATCH = 64

Found = tuple[BGRImage, FloatArray]
"""A photo, and the box (4,) of a face in it."""


@dataclass(frozen=True, slots=True)
class Certainty:
    """How sure the nets are of crops: mean probability of the gender named, and its entropy and the age's, in nats."""

    gender: float
    gender_entropy: float
    age_entropy: float


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table, and returns the exit status: 1, and a line on standard error, when something is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="holds webfaces_val.tar and its labels")
    parser.add_argument("--models", metavar="DIR", help="the pack; as for the service when not given")
    arguments = parser.parse_args(argv)
    return status_of("crops", lambda: _print_table(arguments.data, arguments.models))


def _print_table(data: Path, pack: str | None) -> None:
    analyzer = FaceAnalyzer.from_settings(Settings.load(models=pack))
    faces = found(analyzer, read_face_photos(data / "webfaces_val.tar"))
    print(f"{len(faces)} faces; the pack's crop scale is {analyzer.models.pack.crop_scale:g}.\n", flush=True)
    print("\n".join(table(analyzer.models.attributes, faces)))


def found(analyzer: FaceAnalyzer, photos: Iterable[FacePhoto]) -> list[Found]:
    """The faces labelled by hand that the pack's detector finds, with its boxes. Raises DataError without any."""
    models, faces = analyzer.models, []
    for photo in photos:
        boxes, _ = detect_evenly(models.detector, photo.image, models.pack.detector.min_confidence)
        overlaps = iou(boxes, photo.faces[photo.by_hand]).max(axis=1, initial=0)
        faces += [(photo.image, box) for box in boxes[overlaps > FOUND_IOU]]
    if not faces:
        raise DataError("no face that is labelled by hand is found.")
    return faces


def table(classifier: AttributeClassifier, faces: Sequence[Found]) -> Iterator[str]:
    """One row for every scale and place. The nets are the surest where the entropies are least."""
    yield "| scale | lower by | gender probability | gender entropy | age entropy |\n|---|---|---|---|---|"
    for scale in SCALES:
        for down in DOWN:
            sure = certainty(classifier, faces, scale, down)
            yield (
                f"| {scale:g} | {down:+.2f} | {sure.gender:.4f} | {sure.gender_entropy:.4f} | {sure.age_entropy:.3f} |"
            )


def certainty(classifier: AttributeClassifier, faces: Sequence[Found], scale: float, down: float) -> Certainty:
    """How sure the nets are of the faces, cut at that scale and so far below the boxes' centres."""
    crops = [_cut(image, box, scale, down, classifier.crop_side) for image, box in faces]
    parts = [classifier.probabilities(crops[begin : begin + BATCH]) for begin in range(0, len(crops), BATCH)]
    genders, ages = (np.concatenate(each) for each in zip(*parts, strict=True))
    return Certainty(float(genders.max(axis=1).mean()), _entropy(genders), _entropy(ages))


def _cut(image: BGRImage, box: FloatArray, scale: float, down: float, side: int) -> BGRImage:
    moved = down * float((box[2:] - box[:2]).max())
    return geometry.crop_square(image, box + np.array([0, moved, 0, moved], np.float32), scale, side)


def _entropy(probabilities: FloatArray) -> float:
    inner = np.maximum(probabilities, 1e-9)
    return float(-(inner * np.log(inner)).sum(axis=1).mean())


if __name__ == "__main__":
    sys.exit(main())
