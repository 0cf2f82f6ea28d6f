"""A figure with its uncertainty: bootstrap intervals (Efron, "Bootstrap Methods", Annals of Statistics 1979)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]
Statistic = Callable[[Weights], float]
"""A figure of n units, each counted as often as its weight (n,) says; NaN when it is undefined."""

ROUNDS = 1000
SEED = 1


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % confidence interval; NaN where there was nothing to measure."""

    value: float
    low: float
    high: float


def estimate(statistic: Statistic, units: int) -> Estimate:
    """A statistic of all units, and the 2.5th to 97.5th percentile of it on as many units drawn with replacement.

    Units are what is independent: faces of a set of chips, but photos, not the faces in them, of a set of photos.
    """
    value = statistic(np.ones(units))
    if units == 0 or np.isnan(value):
        return Estimate(float("nan"), float("nan"), float("nan"))
    random = np.random.default_rng(SEED)
    drawn = [statistic(random.multinomial(units, np.full(units, 1 / units)).astype(np.float64)) for _ in range(ROUNDS)]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Estimate(float(value), float(low), float(high))


def mean(values: NDArray[np.generic], weights: Weights) -> float:
    """The weighted mean of values (n,); NaN without any."""
    total = float(weights.sum())
    return float(weights @ values.astype(np.float64)) / total if total else float("nan")
