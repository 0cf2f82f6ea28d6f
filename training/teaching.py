"""Learning from teachers: nets that say what they think of the very crops that the pupil sees.

Beyer et al., "Knowledge distillation: A good teacher is patient and consistent" (CVPR 2022): what a teacher says of a
clean chip it has partly learned by heart, wrong labels included; of varied crops, of mixes of two (Zhang et al.,
"mixup", ICLR 2018) and of faces without labels it has to think. Several teachers are averaged.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from faceattr import geometry
from faceattr.types import BGRImage
from training import loop
from training.chips import CROP_SCALE, Chips
from training.face_photos import read_face_photos, with_our_boxes
from training.modules import PlannedNet

LEAST_HEIGHT = 48.0
"""Lower faces, in pixels, tell a teacher too little."""
CHIP_SIDE = 128
UNKNOWN = -1
"""The age and gender of a face without labels."""


class Teachers:
    """Nets that answer gender and age logits, ready to answer."""

    def __init__(self, nets: Sequence[PlannedNet], device: str) -> None:
        self._nets, self._device = nets, device

    def words(self, blob: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities of gender (n, 2) and age (n, 101) for what the pupil is fed (n, 3, h, w): the teachers'
        mean."""
        with torch.no_grad(), loop.autocast(self._device):
            answers = [[logits.flatten(1).float().softmax(dim=1) for logits in net(blob)] for net in self._nets]
        gender, age = (torch.stack(said).mean(dim=0) for said in zip(*answers, strict=True))
        return gender, age


def mixed(blob: Tensor) -> Tensor:
    """Each of the pictures (n, 3, h, w) with another one of them shining through it, by any share up to half."""
    share = torch.rand(len(blob), 1, 1, 1, dtype=blob.dtype, device=blob.device) / 2
    return torch.lerp(blob, blob[torch.randperm(len(blob), device=blob.device)], share)


def with_unlabelled(chips: Chips, faces: Sequence[BGRImage]) -> Chips:
    """Chips and, after them, faces of unknown age and gender."""
    unknown = np.full(len(faces), UNKNOWN)
    return Chips(
        [*chips.images, *faces], np.concatenate([chips.ages, unknown]), np.concatenate([chips.genders, unknown])
    )


def faces_of_photos(tar: Path) -> list[BGRImage]:
    """Faces of photos with boxes, cropped as the service does. Raises DataError for labels without a photo."""
    return [
        geometry.crop_square(photo.image, box, CROP_SCALE, CHIP_SIDE)
        for photo in map(with_our_boxes, read_face_photos(tar))
        for box in photo.faces[geometry.centre_inside(photo.faces, *photo.image.shape[1::-1])]
        if box[3] - box[1] >= LEAST_HEIGHT
    ]
