"""Figures as Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

from training.evaluation.attributes import AttributeFigures, GroupFigures
from training.evaluation.detection import DetectorData, DetectorFigures
from training.evaluation.estimates import Estimate
from training.evaluation.photos import PhotoFigures

INTERVALS = "In brackets: the 95 % confidence interval, by bootstrap."


def attribute_tables(figures: AttributeFigures) -> str:
    """Gender and age on face chips, a row per group."""
    head = (
        "group", "faces", "age error, years", "bias, years", "right range", "right gender",
        "gender calibration error", "the same, two-fold", "80 % interval covers",
    )  # fmt: skip
    rows = [_group(group) for group in (*figures.groups, figures.mirrored)]
    return "\n\n".join(
        [
            f"## Gender and age of {figures.groups[0].faces:,} face chips",
            f"{INTERVALS} Two-fold: with a temperature fitted on the half of the chips that is not measured.",
            table(head, rows),
        ]
    )


def detector_tables(figures: Sequence[DetectorFigures], data: DetectorData) -> str:
    """Detectors side by side: at their operating points, then at any."""
    by_hand, everybody = (sum(int(p.by_hand.sum()) for p in data.web), sum(len(p.faces) for p in data.web))
    street = sum(len(photo.faces) for photo in data.street)
    at_point = [
        (
            each.name, f"{each.confidence:g}", _percent(each.recall), _percent(each.recall_all),
            "{}/{}".format(*each.frame_filling), str(each.overlapping_pairs), _number(each.false_boxes, 3),
            f"{each.threshold:.3f}", _share(each.recall_there),
        )
        for each in figures
    ]  # fmt: skip
    bands, kinds = list(figures[0].bands), list(figures[0].kinds)
    on_streets = [
        (
            each.name, _number(each.street_ap, 3), *(_number(each.bands[band], 3) for band in bands),
            _percent(each.street_recall), *(_share(each.kinds[kind][0]) for kind in kinds),
            _number(each.street_false_boxes, 2),
        )
        for each in figures
    ]  # fmt: skip
    return "\n\n".join(
        [
            f"## Detectors on {len(data.web)} photos from the web and {len(data.empty)} photos without faces",
            f"{INTERVALS} Recall of {by_hand:,} faces labelled by hand, and of {everybody:,} with those that another "
            "detector is sure of; frame-filling faces found; overlapping pairs of boxes on photos of one face; false "
            "boxes per photo without faces. The last columns: the confidence that allows 0.05 of these, and recall by "
            "hand there.",
            table(
                ("detector", "at confidence", "recall", "recall of all", "frame-filling", "overlapping", "false boxes",
                 "confidence for 0.05", "recall there"),
                at_point,
            ),
            f"## Detectors on {len(data.street)} street photos with {street:,} faces",
            f"{INTERVALS} Average precision at IoU 0.4 of faces whose shorter side has 20 pixels or more, and by "
            "that side; recall from 20 pixels at the operating point, also by what the face wears, and false boxes per "
            "photo.",
            table(
                ("detector", "AP", *(f"AP {band}" for band in bands), "recall",
                 *(f"{kind} ({figures[0].kinds[kind][1]:,})" for kind in kinds), "false boxes"),
                on_streets,
            ),
        ]
    )  # fmt: skip


def photo_tables(figures: PhotoFigures) -> str:
    """Whole photos, end to end."""
    rows = [
        ("faces labelled by hand that come back with gender and age", _percent(figures.answered)),
        ("of these, not marked uncertain", _percent(figures.sure)),
        ("same gender from the label's box as from the detector's", _percent(figures.same_gender)),
        ("age from the label's box differs by, years", _number(figures.age_change, 2)),
        ("same gender when the detector's box is moved 5 % and scaled 8 %", _percent(figures.steady_gender)),
        ("age then spreads by (standard deviation), years", _number(figures.age_spread, 2)),
    ]
    return "\n\n".join(
        [
            f"## End to end: {figures.photos} photos from the web, {figures.faces:,} faces",
            INTERVALS,
            table(("what", "figure"), rows),
        ]
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _group(group: GroupFigures) -> tuple[str, ...]:
    return (
        group.label, f"{group.faces:,}", _number(group.age_error, 2), _number(group.age_bias, 2, sign="+"),
        _percent(group.range_right), _percent(group.gender_right), _percent(group.calibration_error),
        _percent(group.two_fold), _percent(group.interval_covers),
    )  # fmt: skip


def _number(figure: Estimate, digits: int, sign: str = "") -> str:
    if isnan(figure.value):
        return "–"
    value, low, high = (f"{part:{sign}.{digits}f}" for part in (figure.value, figure.low, figure.high))
    return f"{value} ({low} to {high})"


def _percent(figure: Estimate) -> str:
    if isnan(figure.value):
        return "–"
    return f"{figure.value:.1%} ({100 * figure.low:.1f} to {100 * figure.high:.1f})".replace("%", " %", 1)


def _share(value: float) -> str:
    return "–" if isnan(value) else f"{100 * value:.1f} %"
