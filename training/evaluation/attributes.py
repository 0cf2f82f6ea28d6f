"""Figures of a pack's gender and age nets on face chips, by age group and gender."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from faceattr import geometry
from faceattr.attributes import AttributeClassifier, read_age
from faceattr.packs import Pack
from faceattr.types import BGRImage, FloatArray
from training.chips import GENDERS, read_chips
from training.evaluation.calibration import Floats, binned, calibration_error, two_fold
from training.evaluation.estimates import Estimate, Weights, estimate, mean

GROUPS = ((0, 3), (4, 12), (13, 19), (20, 39), (40, 59), (60, None))
BATCH = 64


@dataclass(frozen=True, slots=True)
class ChipAnswers:
    """What is true of n chips, and what a pack says of them.

    `ages` in years, `female`; `p_female`: probability, `folded`: with a temperature fitted on the other half of the
    chips; `years`: age; `low` and `high`: the 80 % interval, NaN for nets without; `in_range`: whether the most
    probable range holds the age. All (n,).
    """

    ages: NDArray[np.int_]
    female: NDArray[np.bool_]
    p_female: Floats
    folded: Floats
    years: Floats
    low: Floats
    high: Floats
    in_range: NDArray[np.bool_]

    def gender_right(self) -> NDArray[np.bool_]:
        return np.asarray((self.p_female > 0.5) == self.female)


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """Figures of one group of chips. Errors and bias (answer − truth) in years, the others are shares of 1.

    `calibration_error` of the gender probability as it comes, `two_fold` with a temperature fitted on other chips.
    """

    label: str
    faces: int
    age_error: Estimate
    age_bias: Estimate
    range_right: Estimate
    gender_right: Estimate
    calibration_error: Estimate
    two_fold: Estimate
    interval_covers: Estimate


@dataclass(frozen=True, slots=True)
class AttributeFigures:
    """Figures by group, and of all when the answers for a chip and its mirror image are averaged.

    `reliability`: for each of ten bins of the gender confidence its mean, the share right and the number of faces.
    """

    groups: tuple[GroupFigures, ...]
    mirrored: GroupFigures
    reliability: tuple[tuple[float, float, int], ...]


def measure_attributes(pack: Pack, classifier: AttributeClassifier, data: Path) -> AttributeFigures:
    """All figures on `utkface_val.tar`. Raises DataError, and EngineError when a net fails."""
    chips = read_chips(data / "utkface_val.tar")
    one = predict(pack, classifier, chips.images)
    other = predict(pack, classifier, [np.asarray(cv2.flip(chip, 1), np.uint8) for chip in chips.images])
    truth = chips.ages, chips.genders == GENDERS.index("female")
    answers = read_answers(pack, *truth, *one)
    genders, years = ((mine + its) / np.float32(2) for mine, its in zip(one, other, strict=True))
    both = read_answers(pack, *truth, genders, years)
    everybody = np.ones(len(chips), np.bool_)
    return AttributeFigures(
        tuple(_figures(label, answers, of) for label, of in groups_of(answers)),
        _figures("all, mirror-averaged", both, everybody),
        reliability(answers),
    )


def predict(pack: Pack, classifier: AttributeClassifier, chips: Sequence[BGRImage]) -> tuple[FloatArray, FloatArray]:
    """Probabilities of gender (n, 2) and age (n, classes) of chips that show what the pack's crops would."""
    side = max(*pack.gender.input, *pack.age.input)
    crops = [geometry.resize(chip, side, side) for chip in chips]
    parts = [classifier.probabilities(crops[begin : begin + BATCH]) for begin in range(0, len(crops), BATCH)]
    return np.concatenate([gender for gender, _ in parts]), np.concatenate([age for _, age in parts])


def read_answers(
    pack: Pack, ages: NDArray[np.int_], female: NDArray[np.bool_], genders: FloatArray, classes: FloatArray
) -> ChipAnswers:
    """Probabilities of gender (n, 2) and age (n, classes) as the answers that the service makes of them."""
    said = [read_age(row, pack.age) for row in classes]
    intervals = np.array([age.interval or (np.nan, np.nan) for age in said], np.float64).reshape(-1, 2)
    p_female = genders[:, pack.gender.labels.index("Female")].astype(np.float64)
    within = [age.low <= true <= age.high for age, true in zip(said, ages, strict=True)]
    return ChipAnswers(
        ages,
        female,
        p_female,
        two_fold(p_female, female),
        np.array([age.years for age in said]),
        intervals[:, 0],
        intervals[:, 1],
        np.array(within, np.bool_),
    )


def groups_of(answers: ChipAnswers) -> list[tuple[str, NDArray[np.bool_]]]:
    """Names and members (n,) of the groups that figures are given for."""
    ages, female = answers.ages, answers.female
    groups = [("all", np.ones(len(ages), np.bool_)), ("13 and older", ages >= 13)]
    for low, high in GROUPS:
        label = f"{low}–{high}" if high is not None else f"{low} and older"
        groups.append((label, (ages >= low) & (ages <= (high if high is not None else ages.max()))))
    return [*groups, ("female", female), ("male", ~female)]


def reliability(answers: ChipAnswers) -> tuple[tuple[float, float, int], ...]:
    """For each of ten bins of the gender confidence that has faces: its mean, the share right, their number."""
    confidence = np.maximum(answers.p_female, 1 - answers.p_female)
    said, were, count = binned(confidence, answers.gender_right(), np.ones(len(confidence)))
    rows = zip(said, were, count, strict=True)
    return tuple((float(a / n), float(b / n), int(n)) for a, b, n in rows if n)


def _figures(label: str, answers: ChipAnswers, of: NDArray[np.bool_]) -> GroupFigures:
    count = int(of.sum())
    error = answers.years - answers.ages
    right = answers.gender_right()
    covers = (answers.low <= answers.ages) & (answers.ages <= answers.high)
    has_interval = of & np.isfinite(answers.low)

    def average(values: NDArray[np.generic], members: NDArray[np.bool_] = of) -> Estimate:
        chosen = values[members]
        return estimate(lambda weights: mean(chosen, weights), len(chosen))

    def calibration(p_female: Floats) -> Estimate:
        # A temperature changes how sure an answer is, never the answer.
        confidence, chosen = np.maximum(p_female, 1 - p_female)[of], right[of]

        def statistic(weights: Weights) -> float:
            return calibration_error(confidence, chosen, weights)

        return estimate(statistic, count)

    return GroupFigures(
        label,
        count,
        age_error=average(np.abs(error)),
        age_bias=average(error),
        range_right=average(answers.in_range),
        gender_right=average(right),
        calibration_error=calibration(answers.p_female),
        two_fold=calibration(answers.folded),
        interval_covers=average(covers, has_interval),
    )
