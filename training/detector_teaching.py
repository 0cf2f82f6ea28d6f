"""Learning to detect from a larger net, which says of every prior of a sample how much it thinks a face is there.

Hinton et al., "Distilling the Knowledge in a Neural Network" (2015); for detectors Chen et al., "Learning Efficient
Object Detection Models with Knowledge Distillation" (NeurIPS 2017).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from training import loop
from training.anchors import decode, paired_overlap, rows_of
from training.modules import bare, placed
from training.start import detector_of

LEAST = 0.1
"""What the teacher thinks less of has no box to teach."""


class DetectorTeacher:
    """A pack's detector whose confidences say again how well its boxes fit, as they did before its calibration."""

    def __init__(self, pack: Path, priors: Tensor, device: str) -> None:
        """`priors` (p, 4) as `priors_for`. Raises DataError where the pack's detector is of another form."""
        self._net = placed(bare(*detector_of(pack)), device)
        self._priors, self._device = priors, device
        self._scale, self._bias = torch.ones(()), torch.zeros(())

    def words(self, blob: Tensor) -> tuple[Tensor, Tensor]:
        """Of each prior of (n, 3, h, w) the box (n, p, 4) and how well it should fit a face, 0 to 1 (n, p)."""
        boxes, logits = self._answer(blob)
        return boxes, torch.sigmoid(logits * self._scale + self._bias)

    def undo_calibration(self, blob: Tensor, kinds: Tensor, faces: Tensor) -> None:
        """Finds by samples, what the net is fed and their targets, what its logits were before its calibration."""
        boxes, logits = self._answer(blob)
        known, is_face = kinds >= 0, kinds == 1
        quality = torch.zeros_like(logits)
        quality[is_face] = paired_overlap(boxes[is_face], faces[is_face])[0]
        logits, quality = logits[known], quality[known]
        line = torch.tensor([1.0, 0.0], device=self._device, requires_grad=True)
        optimizer = torch.optim.LBFGS([line], max_iter=50, line_search_fn="strong_wolfe")

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = functional.binary_cross_entropy_with_logits(logits * line[0] + line[1], quality)
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimizer.step(closure)  # type: ignore[no-untyped-call]
        self._scale, self._bias = line.detach()
        print(f"the teacher's logits × {self._scale:.3f} {self._bias:+.3f} say how well boxes fit", flush=True)

    def _answer(self, blob: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad(), loop.autocast(self._device):
            answers = self._net(blob)
        offsets, logits = rows_of(answers)
        return decode(self._priors.expand_as(offsets), offsets), logits


def taught_loss(answers: list[Tensor], priors: Tensor, words: tuple[Tensor, Tensor]) -> Tensor:
    """How far a net's answers are from its teacher's words, per face that the teacher sees."""
    boxes, fit = words
    offsets, logits = rows_of(answers)
    surprise = (fit - torch.sigmoid(logits)).abs() ** 2
    confidence = (functional.binary_cross_entropy_with_logits(logits, fit, reduction="none") * surprise).sum()
    seen = fit > LEAST
    _, generalized = paired_overlap(decode(priors.expand_as(offsets)[seen], offsets[seen]), boxes[seen])
    return (confidence + 2 * ((1 - generalized) * fit[seen]).sum()) / fit.sum().clamp(min=1)
