"""Priors of the detector, what each of them must learn from a sample, and boxes back from the net's answers.

SSD: Liu et al. (ECCV 2016), with its CENTER_SIZE coding. The priors are those that Caffe's PriorBox layer gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from faceattr.caffe.nms import iou
from faceattr.types import FloatArray
from training.caffe_nets import VARIANCES
from training.nets import PRIORS

FACE_IOU, UNCLEAR_IOU = 0.45, 0.35
"""A prior with more IoU than the first must find the face; between the two it need not decide."""
NEAREST, NEAREST_IOU = 4, 0.15
"""A face's nearest priors must find it even with less, so that no face is left without."""


def priors_for(width: int, height: int) -> FloatArray:
    """Priors of an input of that size in pixels: (n, 4), x_min y_min x_max y_max, in the order of the net's answers."""
    parts = []
    for step, sides in PRIORS:
        across, down = -(-width // step), -(-height // step)
        rows, columns, halves = np.meshgrid(np.arange(down), np.arange(across), np.array(sides) / 2, indexing="ij")
        x, y = (columns + 0.5) * step, (rows + 0.5) * step
        parts.append(np.stack([x - halves, y - halves, x + halves, y + halves], axis=-1).reshape(-1, 4))
    return np.concatenate(parts).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Target:
    """For every prior: `kind` (p,) 1 a face, 0 background, −1 neither; `faces` (p, 4) the box to find where it is 1."""

    kind: NDArray[np.int8]
    faces: FloatArray


def match(priors: FloatArray, boxes: FloatArray, ignored: FloatArray) -> Target:
    """What each prior (p, 4) has to say about faces (n, 4) and unclear boxes (m, 4)."""
    kind = np.zeros(len(priors), np.int8)
    faces = np.zeros_like(priors)
    if len(ignored):
        kind[iou(priors, ignored).max(axis=1) > 0.3] = -1
    if not len(boxes):
        return Target(kind, faces)
    overlaps = iou(boxes, priors)
    best = overlaps.argmax(axis=0)
    most = overlaps[best, np.arange(len(priors))]
    kind[most > UNCLEAR_IOU] = -1
    kind[most > FACE_IOU] = 1
    faces[:] = boxes[best]
    # Faces with the least overlap come last: a prior that is near to two serves the one that needs it more.
    for face in np.argsort(-overlaps.max(axis=1)):
        near = np.flatnonzero(overlaps[face] > NEAREST_IOU)
        chosen = near[np.argsort(-overlaps[face, near], kind="stable")[:NEAREST]]
        chosen = chosen[(best[chosen] == face) | (most[chosen] <= FACE_IOU)]
        kind[chosen] = 1
        faces[chosen] = boxes[face]
    return Target(kind, faces)


def rows_of(answers: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Location, confidence, location, … maps (n, c, h, w) → offsets (n, p, 4) and logits (n, p) for a face."""
    locations = [answer.permute(0, 2, 3, 1).reshape(len(answer), -1, 4) for answer in answers[::2]]
    confidences = [answer.permute(0, 2, 3, 1).reshape(len(answer), -1, 2) for answer in answers[1::2]]
    both = torch.cat(confidences, dim=1).float()
    return torch.cat(locations, dim=1).float(), both[..., 1] - both[..., 0]


def decode(priors: Tensor, offsets: Tensor) -> Tensor:
    """Boxes (…, 4) that the offsets (…, 4) put about the priors (p, 4)."""
    near, far = priors[..., :2], priors[..., 2:]
    variances = offsets.new_tensor(VARIANCES)
    size = far - near
    centre = (near + far) / 2 + offsets[..., :2] * variances[:2] * size
    half = size * torch.exp((offsets[..., 2:] * variances[2:]).clamp(max=6)) / 2
    return torch.cat([centre - half, centre + half], dim=-1)


def paired_overlap(boxes: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """IoU (n,) of each box (n, 4) with its partner, and the generalized one (Rezatofighi et al., CVPR 2019)."""
    near, far = torch.maximum(boxes[:, :2], others[:, :2]), torch.minimum(boxes[:, 2:], others[:, 2:])
    shared = (far - near).clamp(min=0).prod(dim=1)
    union = _areas(boxes) + _areas(others) - shared
    hull = torch.maximum(boxes[:, 2:], others[:, 2:]) - torch.minimum(boxes[:, :2], others[:, :2])
    overlap = shared / union.clamp(min=1e-6)
    around = hull.prod(dim=1).clamp(min=1e-6)
    return overlap, overlap - (around - union) / around


def _areas(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(dim=1)
