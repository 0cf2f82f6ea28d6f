"""Charts as inline SVG. Lengths along x are percentages: a chart fits any width while its letters keep their size.

Every chart has a title and a description; colours are classes, which the page's style gives their values.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from faceattr.batch.report_words import share

_PANEL, _REACH = 42.0, 70.0  # percent: a half of the pyramid; its longest bar, for the label needs the rest
_ROW, _BAR = 34, 24  # pixels
_COLUMNS, _ABOVE, _BELOW = 190, 22, 24  # pixels: the tallest column, and the room for labels above and below


class Group(NamedTuple):
    """A row of the pyramid: faces on the left and on the right, and how many of each are uncertain."""

    label: str
    left: int
    left_uncertain: int
    right: int
    right_uncertain: int


class Part(NamedTuple):
    """A part of a whole, or a column: what it is called, how many, and the class of its colour."""

    label: str
    value: int
    style: str = "plain"


def strip(key: str, title: str, description: str, parts: Sequence[Part]) -> str:
    """The parts of a whole, side by side in one bar."""
    whole = sum(part.value for part in parts)
    x, body = 0.0, []
    for part in parts:
        if part.value:
            width = 100 * part.value / whole
            hover = f"{part.label}: {share(part.value, whole)}"
            body.append(_rect(f"{x:.3f}%", 0, f"{width:.3f}%", 40, part.style, hover))
            x += width
    return _svg(key, title, description, 40, body)


def pyramid(key: str, title: str, description: str, groups: Sequence[Group], sides: tuple[str, str]) -> str:
    """Two rows of bars from the middle outwards, oldest above; the pale end of a bar is its uncertain part."""
    whole = sum(group.left + group.right for group in groups)
    longest = max((max(group.left, group.right) for group in groups), default=0) or 1
    left, middle, right = [], [], []
    for row, group in enumerate(reversed(groups)):
        y = 30 + row * _ROW
        hover = f"{sides[0]}, {group.label}: {share(group.left, whole)}"
        left += _bar(y, group.left, group.left_uncertain, longest, "left", share(group.left, whole, 0), hover)
        hover = f"{sides[1]}, {group.label}: {share(group.right, whole)}"
        right += _bar(y, group.right, group.right_uncertain, longest, "right", share(group.right, whole, 0), hover)
        middle.append(_text("50%", y + 17, group.label, "middle", "label"))
    height = 30 + len(groups) * _ROW
    left.append(_text("100%", 16, sides[0], "end", "side"))
    right.append(_text("0", 16, sides[1], "start", "side"))
    body = [
        f'<svg x="0" y="0" width="{_PANEL}%" height="{height}" overflow="visible">{"".join(left)}</svg>',
        *middle,
        f'<svg x="{100 - _PANEL}%" y="0" width="{_PANEL}%" height="{height}" overflow="visible">{"".join(right)}</svg>',
    ]
    return _svg(key, title, description, height, body)


def columns(key: str, title: str, description: str, parts: Sequence[Part], *, edges: Sequence[str] = ()) -> str:
    """Upright columns, at least one, the tallest with its share; a label below each, or `edges` between them."""
    whole = sum(part.value for part in parts)
    peak = max(range(len(parts)), key=lambda index: parts[index].value)
    tallest = parts[peak].value or 1
    floor, slot = _ABOVE + _COLUMNS, 100 / len(parts)
    body = []
    for index, part in enumerate(parts):
        height = max(1.5, _COLUMNS * part.value / tallest) if part.value else 0.0
        x, centre = index * slot + slot * 0.09, (index + 0.5) * slot
        if part.value:
            hover = f"{part.label}: {share(part.value, whole)}"
            body.append(_rect(f"{x:.3f}%", floor - height, f"{slot * 0.82:.3f}%", height, part.style, hover))
        if part.value and index == peak:
            anchor = "start" if index == 0 else "end" if index == len(parts) - 1 else "middle"
            place = {"start": x, "middle": centre, "end": x + slot * 0.82}[anchor]
            body.append(_text(f"{place:.3f}%", floor - height - 7, share(part.value, whole), anchor, "value"))
        if not edges:
            body.append(_text(f"{centre:.3f}%", floor + 18, part.label, "middle", "label"))
    for index, edge in enumerate(edges):
        anchor = "start" if index == 0 else "end" if index == len(edges) - 1 else "middle"
        body.append(_text(f"{index * 100 / (len(edges) - 1):.3f}%", floor + 18, edge, anchor, "label"))
    body.append(f'<line class="axis" x1="0" x2="100%" y1="{floor}.5" y2="{floor}.5"/>')
    return _svg(key, title, description, floor + _BELOW, body)


def bars(key: str, title: str, description: str, parts: Sequence[Part]) -> str:
    """Bars below their labels, each as long as its value is large."""
    longest = max((part.value for part in parts), default=0) or 1
    whole = sum(part.value for part in parts)
    body = []
    for row, part in enumerate(parts):
        y = row * 44
        body.append(_text("0", y + 14, part.label, "start", "label"))
        body.append(_text("100%", y + 14, share(part.value, whole), "end", "value"))
        body.append(_rect("0", y + 21, f"{100 * part.value / longest:.3f}%", 12, part.style, part.label))
    return _svg(key, title, description, len(parts) * 44 - 8, body)


def _bar(y: int, value: int, uncertain: int, longest: int, side: str, label: str, hover: str) -> list[str]:
    """One bar of the pyramid, from the middle outwards, with its label at its end; nothing for nobody."""
    if not value:
        return []
    sure, all_of_it = (_REACH * count / longest for count in (value - uncertain, value))
    starts = (100 - sure, 100 - all_of_it) if side == "left" else (0.0, sure)
    pieces = []
    if value > uncertain:
        pieces.append(_rect(f"{starts[0]:.3f}%", y, f"{sure:.3f}%", _BAR, side, hover))
    if uncertain:
        pieces.append(
            _rect(f"{starts[1]:.3f}%", y, f"{all_of_it - sure:.3f}%", _BAR, f"{side} pale", f"{hover}, uncertain")
        )
    end, gap, anchor = (100 - all_of_it, -6, "end") if side == "left" else (all_of_it, 6, "start")
    return [*pieces, _text(f"{end:.3f}%", y + 17, label, anchor, "value", gap)]


def _svg(key: str, title: str, description: str, height: float, body: Sequence[str]) -> str:
    return (
        f'<svg class="chart" role="img" aria-labelledby="{key}-title" aria-describedby="{key}-desc" width="100%" '
        f'height="{height}"><title id="{key}-title">{escape(title)}</title>'
        f'<desc id="{key}-desc">{escape(description)}</desc>{"".join(body)}</svg>'
    )


def _rect(x: str, y: float, width: str, height: float, style: str, hover: str) -> str:
    return (
        f'<rect class="{style}" x="{x}" y="{y:g}" width="{width}" height="{height:g}">'
        f"<title>{escape(hover)}</title></rect>"
    )


def _text(x: str, y: float, text: str, anchor: str, style: str, dx: int = 0) -> str:
    shift = f' dx="{dx}"' if dx else ""
    return f'<text class="{style}" x="{x}" y="{y:g}"{shift} text-anchor="{anchor}">{escape(text)}</text>'
