"""Figures of a detector in training, to watch a run by: `training.evaluate`'s, in batches, without intervals."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from faceattr.caffe.nms import suppress
from faceattr.types import BGRImage
from training.anchors import decode, priors_for, rows_of
from training.evaluation.detection import LEAST_SIZE, DetectorData, by_hand_only, of_size, on_nothing, threshold_of
from training.evaluation.matching import Answer, Truth, matched
from training.inputs import normalised
from training.modules import PlannedNet
from training.nets import DETECTOR_SIDE

OVERLAP = 0.4
"""IoU from which two boxes are one face."""
LEAST = 0.05
"""Lowest confidence looked at."""


def measure(net: PlannedNet, data: DetectorData, device: str) -> dict[str, float]:
    """The confidence with 0.05 false boxes per empty photo, recall there, and average precision on the street."""
    threshold = threshold_of(on_nothing(found(net, data.empty, device)))
    web = found(net, [photo.image for photo in data.web], device)
    street = found(net, [photo.image for photo in data.street], device)
    by_hand = matched([by_hand_only(photo) for photo in data.web], web)
    everybody = matched([Truth(photo.faces, photo.ignored) for photo in data.web], web)
    large = matched([of_size(photo, LEAST_SIZE, float("inf")) for photo in data.street], street)
    return {
        "threshold": threshold,
        "recall": by_hand.recall(threshold, np.ones(by_hand.photos)),
        "recall_all": everybody.recall(threshold, np.ones(everybody.photos)),
        "street_ap": large.average_precision(np.ones(large.photos)),
    }


def found(net: PlannedNet, images: list[BGRImage], device: str) -> list[Answer]:
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
            order = order[score[order] > LEAST]
            order = order[suppress(each[order], OVERLAP)]
            across, down = image.shape[1] / DETECTOR_SIDE, image.shape[0] / DETECTOR_SIDE
            answers.append((each[order] * np.array([across, down, across, down], np.float32), score[order]))
    return answers
