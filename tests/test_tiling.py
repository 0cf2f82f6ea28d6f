"""Which parts of a photo the detector is to see."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceattr import tiling

INPUT = (320, 320)


def test_an_image_at_reduced_scale_is_seen_in_the_same_tiles() -> None:
    whole, reduced = (tiling.views(size, (4000, 3000), INPUT) for size in ((4000, 3000), (1000, 750)))
    assert len(whole) == len(reduced) > 10
    assert np.abs(whole / 4 - reduced).max() <= 1


@pytest.mark.parametrize("size", [(16, 16), (100, 80), (160, 120), (200, 200)])
def test_a_photo_that_the_net_already_sees_enlarged_is_not_enlarged_much_more(size: tuple[int, int]) -> None:
    assert len(tiling.views(size, size, INPUT)) == 1


@pytest.mark.parametrize("size", [(320, 240), (400, 300), (640, 480)])
def test_a_small_photo_is_enlarged_as_far_as_that_shows_more(size: tuple[int, int]) -> None:
    seen = tiling.views(size, size, INPUT)
    assert len(seen) > 1
    assert (seen[:, 2:] - seen[:, :2]).max(axis=1).min() >= 160


@settings(deadline=None)
@given(st.integers(1, 16_384), st.integers(1, 16_384), st.sampled_from([(320, 320), (300, 300), (640, 480)]))
def test_the_views_of_any_photo_are_few_and_the_whole_is_the_first(
    width: int, height: int, net_input: tuple[int, int]
) -> None:
    seen = tiling.views((width, height), (width, height), net_input)
    assert seen[0].tolist() == [0, 0, width, height]
    assert 1 <= len(seen) <= 1 + sum(tiling.TILES)
    assert (seen[:, :2] >= 0).all()
    assert (seen[:, 2:] <= (width, height)).all()
    assert (seen[:, 2:] > seen[:, :2]).all()


def test_a_wide_photo_is_cut_across() -> None:
    seen = tiling.views((4000, 1000), (4000, 1000), INPUT)
    sides = seen[1:, 2:] - seen[1:, :2]
    assert (sides.max(axis=1) / sides.min(axis=1)).max() < 1.5


@settings(deadline=None)
@given(st.integers(1, 16_384), st.integers(1, 16_384))
def test_parts_of_a_photo_cover_it_and_are_not_long_unless_it_is_very_long(width: int, height: int) -> None:
    seen = tiling.parts((width, height))
    assert seen[0, :2].tolist() == [0, 0]
    assert seen[-1, 2:].tolist() == [width, height]
    assert (seen[1:, :2] <= seen[:-1, 2:]).all()
    assert len(seen) <= tiling.PARTS
    sides = np.sort(seen[:, 2:] - seen[:, :2], axis=1)
    if len(seen) == 1:
        assert sides[0, 1] <= tiling.LONGEST * sides[0, 0]
    elif max(width, height) <= (tiling.PART + (tiling.PARTS - 1) * (tiling.PART - 1)) * min(width, height):
        assert (sides[:, 1] <= tiling.PART * sides[:, 0] + 1).all()
