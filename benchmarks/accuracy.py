"""Accuracy of a pack on labelled photos: `python -m benchmarks.accuracy --data DIR [--models DIR]`.

DIR holds `utkface_val.tar` (face chips named AGE_GENDER_ID.webp), `webfaces_val.tar` with its `.jsonl`, and
`nonface.tar`. A face counts as found when a box overlaps it with IoU > 0.4. A labelled face is one marked by hand, or
one that the teacher detector is over 0.7 sure of.
"""

from __future__ import annotations

import argparse
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from faceattr import geometry
from faceattr.analyzer import FaceAnalyzer
from faceattr.attributes import read_age
from faceattr.caffe.nms import iou
from faceattr.settings import Settings
from faceattr.types import BGRImage

GROUPS = ((0, 3), (4, 12), (13, 19), (20, 39), (40, 59), (60, 120))
FOUND_IOU, OVERLAP_IOU, TEACHER_SURE = 0.4, 0.15, 0.7
BATCH = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", default="")
    parser.add_argument("--only", choices=("attributes", "detector"))
    parsed = parser.parse_args()
    analyzer = FaceAnalyzer.from_settings(Settings.load(models=parsed.models or None, slots=1))
    print(f"pack {analyzer.models.pack.name} {analyzer.models.pack.version}, {analyzer.engine.name}")
    if parsed.only != "detector":
        report_attributes(analyzer, parsed.data)
    if parsed.only != "attributes":
        report_detector(analyzer, parsed.data)


def report_attributes(analyzer: FaceAnalyzer, data: Path) -> None:
    """Age error, gender accuracy, calibration and interval coverage on face chips, by age group."""
    chips = list(images_of(data / "utkface_val.tar"))
    ages = np.array([int(name.split("_")[0]) for name, _ in chips])
    is_female = np.array([name.split("_")[1] == "female" for name, _ in chips])
    genders, years = predict(analyzer, [chip for _, chip in chips])
    spec = analyzer.models.pack.gender
    said_female = genders.argmax(axis=1) == spec.labels.index("Female")
    right = said_female == is_female
    answers = [read_age(row, analyzer.models.pack.age) for row in years]
    errors = np.abs(np.array([answer.years for answer in answers]) - ages)
    covered = np.array(
        [a.interval is not None and a.interval[0] <= age <= a.interval[1] for a, age in zip(answers, ages, strict=True)]
    )
    in_range = np.array([a.low <= age <= a.high for a, age in zip(answers, ages, strict=True)])
    print(f"\n{len(ages)} face chips: ages | faces | MAE, years | range right | gender right | 80 % interval covers")
    everybody = np.ones(len(ages), bool)
    rows = [("all", everybody), ("13+", ages >= 13)]
    rows += [(f"{low}-{high}" if high < 120 else f"{low}+", (ages >= low) & (ages <= high)) for low, high in GROUPS]
    for label, of in rows:
        print(
            f"| {label} | {of.sum()} | {errors[of].mean():.2f} | {in_range[of].mean():.1%} | {right[of].mean():.1%}"
            f" | {covered[of].mean():.1%} |"
        )
    print(f"gender calibration error {calibration_error(genders.max(axis=1), right):.2%}")


def predict(analyzer: FaceAnalyzer, chips: list[BGRImage]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Gender and age probabilities of chips, in batches."""
    side = max(*analyzer.models.pack.gender.input, *analyzer.models.pack.age.input)
    crops = [geometry.resize(chip, side, side) for chip in chips]
    parts = [analyzer.models.attributes.probabilities(crops[i : i + BATCH]) for i in range(0, len(crops), BATCH)]
    return np.concatenate([gender for gender, _ in parts]), np.concatenate([age for _, age in parts])


def calibration_error(confidence: NDArray[np.float32], right: NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error (Guo et al., ICML 2017) over equal-width bins."""
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(confidence[index == i].mean() - right[index == i].mean()) * (index == i).mean() for i in set(index)]
    return float(sum(gaps))


def report_detector(analyzer: FaceAnalyzer, data: Path) -> None:
    """Recall, false boxes and overlapping boxes at the pack's own confidence."""
    photos = dict(images_of(data / "webfaces_val.tar"))
    by_hand = by_hand_found = found = total = filling = filling_found = overlapping = 0
    for line in (data / "webfaces_val.jsonl").read_text().splitlines():
        entry = json.loads(line)
        boxes, _ = detect(analyzer, photos[entry["file"]])
        labelled = [face["box"] for face in entry["faces"]]
        by_hand += len(labelled)
        by_hand_found += sum(best_iou(box, boxes) > FOUND_IOU for box in labelled)
        sure = [row[:4] for row in entry["teacher"] if row[4] > TEACHER_SURE]
        labelled += [box for box in sure if not labelled or best_iou(box, np.array(labelled, np.float32)) <= FOUND_IOU]
        overlapping += len(labelled) == 1 and pairs_overlap(boxes)
        for box in labelled:
            hit = best_iou(box, boxes) > FOUND_IOU
            fills = box[3] - box[1] > 0.7 * entry["height"]
            total, found = total + 1, found + hit
            filling, filling_found = filling + fills, filling_found + (fills and hit)
    empty = [len(detect(analyzer, image)[0]) for _, image in images_of(data / "nonface.tar")]
    print(f"\nrecall of faces labelled by hand {by_hand_found / by_hand:.1%} of {by_hand} in {len(photos)} photos")
    print(f"recall with the teacher's faces, small and turned ones among them, {found / total:.1%} of {total}")
    print(
        f"frame-filling faces found {filling_found}/{filling}, single-face photos with overlapping boxes {overlapping}"
    )
    print(f"false boxes per photo without faces {sum(empty) / len(empty):.3f} ({sum(empty)} in {len(empty)})")


def detect(analyzer: FaceAnalyzer, image: BGRImage) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return analyzer.models.detector.detect(image, analyzer.models.pack.detector.min_confidence)


def best_iou(box: list[float], boxes: NDArray[np.float32]) -> float:
    return float(iou(np.array([box], np.float32), boxes).max(initial=0.0))


def pairs_overlap(boxes: NDArray[np.float32]) -> bool:
    return bool((np.triu(iou(boxes, boxes), 1) > OVERLAP_IOU).any())


def images_of(path: Path) -> Iterator[tuple[str, BGRImage]]:
    """Names and decoded images of a tar file."""
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None:
                decoded = cv2.imdecode(np.frombuffer(content.read(), np.uint8), cv2.IMREAD_COLOR)
                if decoded is None:
                    raise SystemExit(f"{path}: {member.name} cannot be decoded")
                yield Path(member.name).name, np.asarray(decoded, np.uint8)


if __name__ == "__main__":
    main()
