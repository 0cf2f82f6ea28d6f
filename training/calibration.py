"""Makes probabilities mean what they say. All of it ends up in the nets' last layers: nothing is left for run time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from faceattr.types import FloatArray

Floats = NDArray[np.float64]
_SCALES = np.exp(np.linspace(np.log(0.25), np.log(4.0), 321))


def softmax(logits: FloatArray | Floats, scale: float = 1.0) -> Floats:
    """Probabilities (n, classes) of logits × scale."""
    values = np.asarray(logits, np.float64) * scale
    values = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(values / values.sum(axis=1, keepdims=True))


def gender_scale(logits: FloatArray, labels: NDArray[np.int64]) -> float:
    """By what to multiply logits (n, 2) so that labels (n,) are least surprising: temperature scaling.

    Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017).
    """
    losses = [-np.log(softmax(logits, scale)[np.arange(len(labels)), labels] + 1e-12).mean() for scale in _SCALES]
    return float(_SCALES[int(np.argmin(losses))])


def age_scale(logits: FloatArray, ages: NDArray[np.int64], share: float = 0.8) -> float:
    """What to multiply logits (n, years) by for the middle `share` of the distributions to hold that share of ages."""
    gaps = [abs(coverage(softmax(logits, scale), ages, share) - share) for scale in _SCALES]
    return float(_SCALES[int(np.argmin(gaps))])


def coverage(probabilities: Floats, ages: NDArray[np.int64], share: float = 0.8) -> float:
    """How many ages lie between the two percentiles that bound the middle `share`, as the service answers them."""
    totals = np.cumsum(probabilities, axis=1)
    low = (totals < (1 - share) / 2).sum(axis=1)
    high = (totals < (1 + share) / 2).sum(axis=1)
    return float(((low <= ages) & (ages <= high)).mean())


def confidence_scale(logits: Floats, right: NDArray[np.bool_], threshold: float) -> float:
    """By what to multiply logits − `threshold` (n,) so that they say best which boxes are faces (Platt scaling).

    The threshold itself then has the confidence 0.5. With no boxes to learn from, 1.
    """
    if not len(logits):
        return 1.0
    signed = np.where(right, 1.0, -1.0) * (logits - threshold)
    losses = [np.logaddexp(0, -signed * scale).mean() for scale in _SCALES]
    return float(_SCALES[int(np.argmin(losses))])
