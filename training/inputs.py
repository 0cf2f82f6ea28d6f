"""What our nets are fed."""

from __future__ import annotations

import torch
from torch import Tensor

from training import loop

MEAN, SCALE = 127.5, 1 / 64
"""Of a pixel's value: (pixel − MEAN) × SCALE."""


def normalised(images: Tensor) -> Tensor:
    """uint8 images (n, h, w, 3) → what the net is fed, (n, 3, h, w).

    In training in the precision of that, as bfloat16 holds every uint8 exactly, and is half the work.
    """
    wide = loop.precision(images.device.type) if torch.is_grad_enabled() else torch.float32
    return images.to(wide).sub_(MEAN).mul_(SCALE).permute(0, 3, 1, 2)
