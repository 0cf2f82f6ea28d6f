"""Whether a probability means what it says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.calibration import gender_scale, softmax
from training.evaluation.estimates import Weights

Floats = NDArray[np.float64]

BINS = 10
_FARTHEST = 1e-6


def calibration_error(confidence: Floats, right: NDArray[np.bool_], weights: Weights) -> float:
    """Expected calibration error over ten bins of equal width (Guo et al., "On Calibration of Modern Neural Networks",
    ICML 2017): the mean gap between confidence and accuracy; NaN without answers."""
    said, were, count = binned(confidence, right, weights)
    total = float(count.sum())
    return float(np.abs(said - were).sum()) / total if total else float("nan")


def binned(confidence: Floats, right: NDArray[np.bool_], weights: Weights) -> tuple[Floats, Floats, Floats]:
    """For each of ten bins: the sum of confidences, of right answers, and of answers, all weighted; (10,) each."""
    index = np.minimum((confidence * BINS).astype(int), BINS - 1)
    said, were, count = (
        np.bincount(index, weights * values, BINS).astype(np.float64) for values in (confidence, right, 1.0)
    )
    return said, were, count


def two_fold(p: Floats, truth: NDArray[np.bool_]) -> Floats:
    """Probabilities (n,) with their temperature set on the half that they are not of: even on odd, odd on even.

    What calibration on this set could give on others, without having seen them.
    """
    inner = np.clip(p, _FARTHEST, 1 - _FARTHEST)
    logits = np.log(np.stack([1 - inner, inner], axis=1)).astype(np.float32)
    corrected = p.copy()
    for half in (0, 1):
        mine, others = slice(half, None, 2), slice(1 - half, None, 2)
        if len(p[others]):
            scale = gender_scale(logits[others], truth[others].astype(np.int64))
            corrected[mine] = softmax(logits[mine], scale)[:, 1]
    return corrected
