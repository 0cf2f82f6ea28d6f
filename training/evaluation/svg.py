"""Small charts as SVG text: axes, lines, points and bars in plain attributes, without styles or scripts.

So a page that shows them as images, or that strips both, shows them all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Told apart by colour-blind people too (Okabe and Ito, "Color Universal Design", 2008)."""
INK, FAINT = "#333333", "#d8d8d8"
WIDTH, HEIGHT = 480, 320
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 36, 24, 48
_ASIDE = 330


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of values, where it is marked, and what it shows."""

    low: float
    high: float
    marks: Sequence[tuple[float, str]]
    title: str


@dataclass(frozen=True, slots=True)
class Frame:
    """The plane of a chart: places of values in the picture's units."""

    across: Axis
    up: Axis

    def x(self, value: float) -> float:
        share = (value - self.across.low) / (self.across.high - self.across.low)
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self.up.low) / (self.up.high - self.up.low)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)


def picture(title: str, frame: Frame, parts: Iterable[str], names: Sequence[tuple[str, str]] = ()) -> str:
    """A whole SVG file: the title, the axes of the frame, and the parts over them; beside it, names and colours."""
    width = WIDTH + _ASIDE if names else WIDTH
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT}" '
            f'viewBox="0 0 {width} {HEIGHT}" font-family="sans-serif" font-size="12" role="img">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{width}" height="{HEIGHT}" fill="#ffffff"/>',
            text(WIDTH / 2, 20, title, anchor="middle", size=14),
            *_axes(frame),
            *parts,
            *_legend(names),
            "</svg>\n",
        ]
    )


def line(frame: Frame, points: Sequence[tuple[float, float]], colour: str, dashed: bool = False) -> str:
    """A line through points, given as values."""
    where = " ".join(f"{frame.x(x):g},{frame.y(y):g}" for x, y in points)
    dashes = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<polyline points="{where}" fill="none" stroke="{colour}" stroke-width="1.5"{dashes}/>'


def bar(frame: Frame, left: float, right: float, value: float, colour: str) -> str:
    """A bar from the bottom up to a value."""
    top, floor = frame.y(value), frame.y(frame.up.low)
    size = f'width="{frame.x(right) - frame.x(left):g}" height="{floor - top:g}"'
    return f'<rect x="{frame.x(left):g}" y="{top:g}" {size} fill="{colour}"/>'


def whisker(frame: Frame, x: float, low: float, high: float) -> str:
    """An interval, upright."""
    return f'<path d="M{frame.x(x):g} {frame.y(low):g}V{frame.y(high):g}" stroke="{INK}" stroke-width="1.5"/>'


def dot(frame: Frame, x: float, y: float, radius: float, colour: str) -> str:
    return f'<circle cx="{frame.x(x):g}" cy="{frame.y(y):g}" r="{radius:g}" fill="{colour}"/>'


def text(x: float, y: float, words: str, anchor: str = "start", size: int = 12, upright: bool = False) -> str:
    turned = f' transform="rotate(-90 {x:g} {y:g})"' if upright else ""
    look = f'fill="{INK}" text-anchor="{anchor}" font-size="{size}"{turned}'
    return f'<text x="{x:g}" y="{y:g}" {look}>{escape(words)}</text>'


def _legend(names: Sequence[tuple[str, str]]) -> list[str]:
    parts = []
    for row, (name, colour) in enumerate(names):
        y = _TOP + 10 + 20 * row
        parts.append(f'<rect x="{WIDTH}" y="{y - 9}" width="10" height="10" fill="{colour}"/>')
        parts.append(text(WIDTH + 16, y, name))
    return parts


def _axes(frame: Frame) -> list[str]:
    left, right = frame.x(frame.across.low), frame.x(frame.across.high)
    floor, top = frame.y(frame.up.low), frame.y(frame.up.high)
    parts = []
    for value, words in frame.up.marks:
        parts.append(f'<path d="M{left:g} {frame.y(value):g}H{right:g}" stroke="{FAINT}"/>')
        parts.append(text(left - 6, frame.y(value) + 4, words, anchor="end", size=11))
    parts += [text(frame.x(value), floor + 16, words, "middle", 11) for value, words in frame.across.marks]
    parts.append(f'<path d="M{left:g} {top:g}V{floor:g}H{right:g}" fill="none" stroke="{INK}"/>')
    parts.append(text((left + right) / 2, floor + 36, frame.across.title, anchor="middle"))
    parts.append(text(14, (top + floor) / 2, frame.up.title, anchor="middle", upright=True))
    return parts
