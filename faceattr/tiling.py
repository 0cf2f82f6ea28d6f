"""Which parts of a photo the detector is to see: all of it and tiles for a closer look, parts of one that is long."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from faceattr import geometry

TILES = (4, 16)
"""Most tiles at the first and at the second finer scale: with the whole photo never more than 21 views, to which
`detect_closely` adds a mirror image."""
OVERLAP = 0.25
"""Of a tile's side, shared with its neighbour: a face up to this large is whole in one of them, and a larger one is
large enough at the coarser scale."""
MAX_ENLARGEMENT = 2.0
"""Pixels of the net's input per pixel of the photo: enlarged more, a face shows no more of itself."""
MIN_GAIN = 1.25
"""A scale must be finer than the one before by this factor to be worth its forwards."""
LONGEST = 2.0
"""Longer side ÷ shorter side: squeezed to the net's square input, faces of longer photos become too thin to be seen."""
PART, PARTS = 1.75, 16
"""Parts of such a photo: longer side ÷ shorter side, which they share with the next part as far as the shorter side
goes, so that a face of that size is whole in one of them; and how many there are before they grow longer."""


def views(image_size: tuple[int, int], size: tuple[int, int], net_input: tuple[int, int]) -> NDArray[np.int_]:
    """What to look at in an image: (v, 4) whole pixels, the image itself first, then its tiles, coarser ones first.

    All three are widths and heights: of the image, of the full-size photo it shows, and of the detector's input.
    """
    seen = [geometry.tiles(*image_size, 1, 1, OVERLAP)]
    coarseness = _coarseness(size, (1, 1), net_input)
    for most in TILES:
        grid = _grid(size, most, net_input)
        finer = _coarseness(size, grid, net_input)
        if finer * MIN_GAIN <= coarseness:
            seen.append(geometry.tiles(*image_size, *grid, OVERLAP))
            coarseness = finer
    return np.concatenate(seen)


def _grid(size: tuple[int, int], most: int, net_input: tuple[int, int]) -> tuple[int, int]:
    """Columns and rows of at most so many tiles that show a photo largest, within MAX_ENLARGEMENT; the fewest such."""
    grids = [(columns, rows) for columns in range(1, most + 1) for rows in range(1, most // columns + 1)]
    sides = {grid: _coarseness(size, grid, net_input) for grid in grids}
    allowed = [grid for grid in grids if sides[grid] * MAX_ENLARGEMENT >= 1] or [(1, 1)]
    return min(allowed, key=lambda grid: (sides[grid], grid[0] * grid[1]))


def _coarseness(size: tuple[int, int], grid: tuple[int, int], net_input: tuple[int, int]) -> float:
    """Pixels of the photo per pixel of the net's input, on the axis of a tile that has more of them."""
    return max(
        geometry.tile_side(length, count, OVERLAP) / seen
        for length, count, seen in zip(size, grid, net_input, strict=True)
    )


def parts(image_size: tuple[int, int]) -> NDArray[np.int_]:
    """What to look at in an image of that width and height: (v, 4) whole pixels; the image itself unless it is long."""
    longer, shorter = max(image_size), min(image_size)
    if longer <= LONGEST * shorter:
        return np.array([[0, 0, *image_size]])
    new = 1 - 1 / PART
    span = math.ceil(max(PART * shorter, longer / (1 + (PARTS - 1) * new)))
    begins = np.linspace(0, longer - span, math.ceil((longer - span) / (span * new)) + 1).astype(np.int_)
    spans = np.stack([begins, np.zeros_like(begins), begins + span, np.full_like(begins, shorter)], axis=1)
    return spans if image_size[0] == longer else spans[:, [1, 0, 3, 2]]
