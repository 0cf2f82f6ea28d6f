"""The curves of a model card, each as one SVG file."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, isnan

from training.evaluation.attributes import AttributeFigures, GroupFigures
from training.evaluation.detection import DetectorFigures
from training.evaluation.estimates import Estimate
from training.evaluation.svg import COLOURS, INK, Axis, Frame, bar, dot, line, picture, whisker

_TENTHS = [(tenth / 10, f"{tenth * 10} %") for tenth in range(0, 11, 2)]


def attribute_plots(figures: AttributeFigures) -> dict[str, str]:
    """File name → SVG: whether the gender's probability holds, and the errors by age group."""
    return {
        "reliability.svg": reliability_plot(figures),
        "age-error.svg": _by_age(figures, "Age: mean absolute error", "years"),
        "gender-accuracy.svg": _by_age(figures, "Gender: share right", "share of faces"),
    }


def detector_plots(figures: Sequence[DetectorFigures]) -> dict[str, str]:
    """File name → SVG: precision against recall on the street, and average precision by the faces' size."""
    return {"precision-recall.svg": precision_recall_plot(figures), "face-size.svg": _by_size(figures)}


def reliability_plot(figures: AttributeFigures) -> str:
    """Of the answers given with some probability, the share that is right; the area of a dot is their number."""
    marks = [(tenth / 10, f"{tenth * 10} %") for tenth in range(5, 11)]
    frame = Frame(Axis(0.5, 1.0, marks, "probability of the gender answered"), Axis(0.4, 1.0, marks, "share right"))
    most = max((count for _, _, count in figures.reliability), default=1)
    parts = [line(frame, [(0.5, 0.5), (1.0, 1.0)], INK, dashed=True)]
    parts.append(line(frame, [(said, right) for said, right, _ in figures.reliability], COLOURS[0]))
    for said, right, count in figures.reliability:
        parts.append(dot(frame, said, max(right, 0.4), 3 + 9 * (count / most) ** 0.5, COLOURS[0]))
    return picture("Gender: when it says 90 %, how often is it right?", frame, parts)


def precision_recall_plot(figures: Sequence[DetectorFigures]) -> str:
    """Every detector's curve on street photos, and its operating point."""
    frame = Frame(Axis(0, 1, _TENTHS, "recall, faces from 20 pixels"), Axis(0, 1, _TENTHS, "precision"))
    parts, entries = [], []
    for index, each in enumerate(figures):
        colour = COLOURS[index % len(COLOURS)]
        parts.append(line(frame, list(zip(*each.curve, strict=True)), colour))
        entries.append((f"{each.name}: AP {each.street_ap.value:.3f}", colour))
    return picture("Detectors on street photos", frame, parts, entries)


def _by_age(figures: AttributeFigures, title: str, unit: str) -> str:
    groups = [group for group in figures.groups if group.label[0].isdigit() and group.label != "13 and older"]
    chosen = [_chosen(group, unit) for group in groups]
    known = [figure for figure in chosen if not isnan(figure.value)]
    names = [(index + 0.5, group.label) for index, group in enumerate(groups)]
    if unit == "years":
        top = max(2, ceil(max((figure.high for figure in known), default=1)))
        up = Axis(0, top, [(year, str(year)) for year in range(0, top + 1, max(1, top // 6))], unit)
    else:
        up = Axis(0.5, 1.0, [(tenth / 10, f"{tenth * 10} %") for tenth in range(5, 11)], unit)
    frame = Frame(Axis(0, len(groups), names, "age group"), up)
    parts = []
    for index, figure in enumerate(chosen):
        if not isnan(figure.value):
            low, value, high = (max(part, up.low) for part in (figure.low, figure.value, figure.high))
            # A bar would be read from nought: where the axis begins elsewhere, a dot.
            mark = dot(frame, index + 0.5, value, 5, COLOURS[0])
            parts.append(mark if up.low else bar(frame, index + 0.15, index + 0.85, value, COLOURS[0]))
            parts.append(whisker(frame, index + 0.5, low, high))
    return picture(f"{title}, with 95 % intervals", frame, parts)


def _chosen(group: GroupFigures, unit: str) -> Estimate:
    return group.age_error if unit == "years" else group.gender_right


def _by_size(figures: Sequence[DetectorFigures]) -> str:
    bands = list(figures[0].bands)
    names = [(index + 0.5, band) for index, band in enumerate(bands)]
    frame = Frame(
        Axis(0, len(bands), names, "shorter side of the face, pixels"), Axis(0, 1, _TENTHS, "average precision")
    )
    parts, entries = [], []
    for index, each in enumerate(figures):
        colour = COLOURS[index % len(COLOURS)]
        points = [(place + 0.5, each.bands[band].value) for place, band in enumerate(bands)]
        points = [(x, y) for x, y in points if not isnan(y)]
        parts.append(line(frame, points, colour))
        parts += [dot(frame, x, y, 3, colour) for x, y in points]
        entries.append((each.name, colour))
    return picture("Detectors on street photos, by size of the face", frame, parts, entries)
