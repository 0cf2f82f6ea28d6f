"""Figures of a detector in training, on photos that it is not trained on: fast, to watch a run and choose by.

`training.evaluate` measures the finished pack.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from faceattr.caffe.nms import iou, suppress
from faceattr.types import BGRImage, FloatArray
from training.anchors import decode, priors_for, rows_of
from training.attributes import normalised
from training.face_photos import FacePhoto, read_face_photos
from training.modules import PlannedNet
from training.nets import DETECTOR_SIDE
from training.tars import images_of, is_held

OVERLAP, FOUND_IOU, FALSE_PER_PHOTO = 0.4, 0.4, 0.05
STREET_HEIGHT = 20
Answers = list[tuple[FloatArray, FloatArray]]
"""For each photo: boxes (n, 4) in its pixels, best first, and their confidences (n,)."""


@dataclass(frozen=True, slots=True)
class Held:
    """Photos to measure on: portraits, streets, and none with a face."""

    web: list[FacePhoto]
    street: list[FacePhoto]
    empty: list[BGRImage]


def read_held(data: Path) -> Held:
    empty = [image for name, image in images_of(data / "nonface.tar") if is_held(name)]
    web, street = (read_face_photos(data / f"{name}_val.tar") for name in ("webfaces", "street"))
    return Held(web, street, empty)


def measure(net: PlannedNet, held: Held, device: str) -> dict[str, float]:
    """The confidence with 0.05 false boxes per empty photo, recall there, and average precision on the street."""
    threshold = held_threshold(found(net, held.empty, device))
    web = found(net, [photo.image for photo in held.web], device)
    hits = total = 0
    for photo, (boxes, scores) in zip(held.web, web, strict=True):
        sure = boxes[scores > threshold]
        total += len(photo.faces)
        hits += int((iou(photo.faces, sure).max(axis=1, initial=0.0) > FOUND_IOU).sum())
    street = found(net, [photo.image for photo in held.street], device)
    precision = average_precision(held.street, street)
    return {"threshold": threshold, "recall": hits / max(total, 1), "street_ap": precision}


def held_threshold(answers: Answers) -> float:
    """The least confidence at which 0.05 boxes come with a photo, of photos without faces."""
    false = np.sort(np.concatenate([scores for _, scores in answers]))[::-1]
    allowed = int(FALSE_PER_PHOTO * len(answers))
    return float(false[allowed]) + 1e-4 if len(false) > allowed else 0.05


def found(net: PlannedNet, images: list[BGRImage], device: str) -> Answers:
    """Boxes (n, 4) in each image's pixels, best first, and their confidences (n,) above 0.05."""
    priors = torch.from_numpy(priors_for(DETECTOR_SIDE, DETECTOR_SIDE)).to(device)
    answers = []
    for begin in range(0, len(images), 16):
        part = images[begin : begin + 16]
        fitted = [cv2.resize(image, (DETECTOR_SIDE, DETECTOR_SIDE), interpolation=cv2.INTER_AREA) for image in part]
        with torch.inference_mode():
            offsets, logits = rows_of(net(normalised(torch.from_numpy(np.stack(fitted)).to(device))))
            boxes, scores = decode(priors, offsets).cpu().numpy(), torch.sigmoid(logits).cpu().numpy()
        for image, each, score in zip(part, boxes, scores, strict=True):
            order = np.argsort(-score)[:400]
            order = order[score[order] > 0.05]
            order = order[suppress(each[order], OVERLAP)]
            across, down = image.shape[1] / DETECTOR_SIDE, image.shape[0] / DETECTOR_SIDE
            answers.append((each[order] * np.array([across, down, across, down], np.float32), score[order]))
    return answers


def average_precision(photos: list[FacePhoto], answers: Answers) -> float:
    """Area under the precision–recall curve for faces of at least 20 pixels; smaller ones neither count nor harm."""
    scores, right, total = [], [], 0
    for photo, (boxes, confidences) in zip(photos, answers, strict=True):
        counts = (photo.faces[:, 3] - photo.faces[:, 1] >= STREET_HEIGHT) if len(photo.faces) else np.zeros(0, bool)
        total += int(counts.sum())
        taken = np.zeros(len(photo.faces), bool)
        for overlap, confidence in zip(iou(boxes, photo.faces), confidences, strict=True):
            overlap = np.where(taken, 0.0, overlap)
            best = int(overlap.argmax()) if overlap.size else -1
            hit = best >= 0 and overlap[best] > FOUND_IOU
            if hit:
                taken[best] = True
                if not counts[best]:
                    continue
            scores.append(confidence)
            right.append(hit)
    order = np.argsort(-np.array(scores))
    hits = np.cumsum(np.array(right)[order])
    precision = hits / np.arange(1, len(hits) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    return float((best_from_here * np.array(right)[order]).sum() / max(total, 1))
