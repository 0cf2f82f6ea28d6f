"""Whether a loaded pack says of a known photo what it should, and how fast for this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from faceattr.analyzer import FaceAnalyzer
from faceattr.doctor.finding import Finding, State
from faceattr.packs.source import BUILT_IN_DIRECTORY
from faceattr.types import Analysis, Box, Face

GOLDEN = Path(__file__).parent / "golden.jpg"
"""Eileen Collins, astronaut, at 42 (NASA, in the public domain): a face that no detector can miss."""
GOLDEN_BOX = Box(82.8, 58.9, 176.6, 178.7)
GOLDEN_GENDER, GOLDEN_YEARS = "Female", (22.0, 45.0)
LEAST_OVERLAP = 0.5
"""Intersection over union: other detectors draw their boxes wider or narrower."""
EXPECTED_GFLOP = 2.0
"""What a machine can multiply of matrices while it analyses the photo with the built-in pack, where it was measured."""
SLOW = 3.0
_SIDE = 1024
_RUNS = 5


def look_at_answer(name: str, analyzer: FaceAnalyzer) -> Finding:
    """What the pack says of the golden photo. Raises FaceAttrError when it cannot be analysed."""
    analysis = analyzer.analyze(GOLDEN.read_bytes())
    state, found = judge(analysis, built_in=analyzer.models.pack.directory == BUILT_IN_DIRECTORY)
    return Finding("answer", state, f"{name}: {found}")


def judge(analysis: Analysis, *, built_in: bool) -> tuple[State, str]:
    """Holds an analysis of the golden photo against what is known of it.

    Only of the built-in pack is it known how well it estimates; others may be wrong about a face, but must find it.
    """
    faces = [face for face in analysis.faces if overlap(face.detection.box, GOLDEN_BOX) >= LEAST_OVERLAP]
    if len(faces) != 1 or len(analysis.faces) != 1:
        return "wrong", f"{len(analysis.faces)} faces in a photo of one, {len(faces)} of them where it is"
    (face,) = faces
    found = f"{face.gender.value}, {face.age.years:.0f} years, for a photo of a woman"
    if _is_as_expected(face):
        return "ok", found
    return "wrong" if built_in else "note", f"{found} who looks {GOLDEN_YEARS[0]:.0f} to {GOLDEN_YEARS[1]:.0f}"


def look_at_speed(analyzer: FaceAnalyzer) -> Finding:
    """How long the golden photo takes, and how many multiplications of matrices that time is worth here.

    The latter tells a slow machine from a slow analysis: a busy processor slows both.
    """
    photo = GOLDEN.read_bytes()
    taken = fastest(lambda: analyzer.analyze(photo))
    peak = multiplications_per_second()
    worth = taken * peak / 1e9
    found = f"{taken * 1000:.1f} ms a photo; {peak / 1e9:.0f} GFLOP/s in multiplying matrices: worth {worth:.1f} GFLOP"
    if worth > EXPECTED_GFLOP * SLOW and analyzer.models.pack.directory == BUILT_IN_DIRECTORY:
        return Finding("speed", "note", f"{found}, where {EXPECTED_GFLOP:g} are usual: is a faster engine installed?")
    return Finding("speed", "ok", found)


def multiplications_per_second() -> float:
    """Floating-point operations a second in multiplying matrices of float32, with all the cores that NumPy uses."""
    matrix = np.full((_SIDE, _SIDE), 0.5, np.float32)
    return 2.0 * _SIDE**3 / fastest(lambda: matrix @ matrix)


def fastest(action: Callable[[], object]) -> float:
    """The shortest of a few runs, in seconds; the first is not counted."""
    action()
    times = []
    for _ in range(_RUNS):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return min(times)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(one.x_max, other.x_max) - max(one.x_min, other.x_min)
    height = min(one.y_max, other.y_max) - max(one.y_min, other.y_min)
    common = max(0.0, width) * max(0.0, height)
    return common / (one.width * one.height + other.width * other.height - common)


def _is_as_expected(face: Face) -> bool:
    low, high = GOLDEN_YEARS
    return face.gender.value == GOLDEN_GENDER and low <= face.age.years <= high
