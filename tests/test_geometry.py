from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceattr import geometry
from faceattr.caffe.nms import iou
from faceattr.types import BGRImage, FloatArray


def boxes(*rows: tuple[float, float, float, float]) -> FloatArray:
    return np.array(rows, np.float32).reshape(-1, 4)


def gradient(height: int, width: int) -> BGRImage:
    row = np.linspace(0, 255, width).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(row[None, :, None], (height, width, 3)))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((), []),
        (((0, 0, 10, 10),), [True]),
        (((-8, 0, 10, 10),), [True]),
        (((-12, 0, 10, 10),), [False]),
        (((95, 0, 110, 10), (0, 45, 10, 56)), [False, False]),
        (((400, 400, 460, 460),), [False]),
    ],
)
def test_centres_outside_are_told_apart(rows: tuple[tuple[float, ...], ...], expected: list[bool]) -> None:
    assert geometry.centre_inside(boxes(*rows), 100, 50).tolist() == expected  # type: ignore[arg-type]


def test_clipping_leaves_the_part_within_the_image() -> None:
    assert geometry.clip(boxes((-5, -5, 20, 70)), 100, 50).tolist() == [[0, 0, 20, 50]]
    assert geometry.clip(boxes(), 100, 50).shape == (0, 4)


def test_areas_of_boxes_turned_inside_out_are_zero() -> None:
    assert geometry.areas(boxes((0, 0, 4, 5), (4, 5, 0, 0))).tolist() == [20, 0]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1.0),
        ((0, 0, 10, 10), (5, 0, 15, 10), 1 / 3),
        ((0, 0, 10, 10), (10, 0, 20, 10), 0.0),
        ((0, 0, 0, 0), (0, 0, 0, 0), 0.0),
    ],
)
def test_iou(one: tuple[float, ...], other: tuple[float, ...], expected: float) -> None:
    assert iou(boxes(one), boxes(other))[0, 0] == pytest.approx(expected)  # type: ignore[arg-type]
    assert iou(boxes(), boxes(other)).shape == (0, 1)  # type: ignore[arg-type]


def test_intersections_are_areas_shared_with_one_box() -> None:
    row = boxes((0, 0, 10, 10), (5, 5, 15, 15), (20, 0, 30, 10), (2, 2, 4, 4))
    assert geometry.intersections(row, row[0]).tolist() == [100, 25, 0, 4]
    assert geometry.intersections(boxes(), row[0]).shape == (0,)


@pytest.mark.parametrize(
    ("rows", "confidences", "expected"),
    [
        ((), (), []),
        (((0, 0, 10, 10), (0, 0, 10, 10)), (0.5, 0.9), [1, 1]),
        # A third shared is less than 0.4 of the union.
        (((0, 0, 10, 10), (5, 0, 15, 10)), (0.9, 0.8), [0, 1]),
        (((0, 0, 10, 10), (4, 0, 14, 10)), (0.9, 0.8), [0, 0]),
        # A nose found inside a face, and a face around a nose: the more confident one stays.
        (((0, 0, 100, 100), (40, 40, 60, 60)), (0.9, 0.8), [0, 0]),
        (((0, 0, 100, 100), (40, 40, 60, 60)), (0.8, 0.9), [1, 1]),
        # The middle box goes with the first, and no longer stands between the first and the last.
        (((0, 0, 10, 10), (4, 0, 14, 10), (8, 0, 18, 10)), (0.9, 0.8, 0.7), [0, 0, 2]),
        (((0, 0, 10, 10), (50, 50, 60, 60)), (0.5, 0.5), [0, 1]),
        (((5, 5, 5, 5), (5, 5, 5, 5)), (0.9, 0.8), [0, 1]),
    ],
)
def test_a_box_that_shows_the_same_as_a_surer_one_belongs_to_it(
    rows: tuple[tuple[float, float, float, float], ...], confidences: tuple[float, ...], expected: list[int]
) -> None:
    owner = geometry.owners(boxes(*rows), np.array(confidences, np.float32), 0.4, 0.65)
    assert owner.tolist() == expected


def test_one_tile_is_the_whole_image() -> None:
    assert geometry.tiles(640, 480, 1, 1, 0.25).tolist() == [[0, 0, 640, 480]]


def test_tiles_come_row_by_row() -> None:
    assert geometry.tiles(70, 70, 2, 2, 0.25).tolist() == [
        [0, 0, 40, 40],
        [30, 0, 70, 40],
        [0, 30, 40, 70],
        [30, 30, 70, 70],
    ]


sizes = st.integers(1, 20_000)
counts = st.integers(1, 16)


@given(sizes, sizes, counts, counts)
def test_tiles_are_equal_cover_the_image_and_share_what_they_should(
    width: int, height: int, columns: int, rows: int
) -> None:
    tiles = geometry.tiles(width, height, columns, rows, 0.25)
    assert tiles.shape == (columns * rows, 4)
    assert (np.ptp(tiles[:, 2:] - tiles[:, :2], axis=0) == 0).all()
    assert (tiles[:, 2:] > tiles[:, :2]).all()
    assert tiles[0, :2].tolist() == [0, 0]
    assert tiles[-1, 2:].tolist() == [width, height]
    assert tiles.min() == 0
    across, down = tiles[0, 2:]
    assert (tiles[: columns - 1, 2] - tiles[1:columns, 0] >= 0.25 * across - 1).all()
    assert (tiles[:-columns:columns, 3] - tiles[columns::columns, 1] >= 0.25 * down - 1).all()


@pytest.mark.parametrize("how", [geometry.resize, geometry.sample])
@pytest.mark.parametrize(
    ("width", "height"), [(640, 480), (960, 540), (3000, 2000), (320, 320), (100, 50), (500, 100), (641, 320)]
)
def test_resizing_keeps_a_gradient_where_it_is(
    how: Callable[[BGRImage, int, int], BGRImage], width: int, height: int
) -> None:
    resized = how(gradient(height, width), 320, 320)
    assert resized.shape == (320, 320, 3)
    assert np.abs(resized.astype(int) - gradient(320, 320)).max() <= 3


@pytest.mark.parametrize(("across", "down"), [(2, 1), (2, 2), (4, 1), (2, 4), (4, 4)])
def test_sampling_takes_the_mean_of_points_beside_each_other(across: int, down: int) -> None:
    stripes = np.zeros((60 * down, 60 * across, 3), np.uint8)
    stripes[:, ::2] = 200
    assert (geometry.sample(stripes, 60, 60) == 100).all()
    assert (geometry.sample(np.ascontiguousarray(stripes.transpose(1, 0, 2)), 60, 60) == 100).all()


def test_shrinking_averages_instead_of_sampling() -> None:
    stripes = np.zeros((960, 960, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.ptp(geometry.resize(stripes, 96, 96)) <= 2


def test_letterbox_keeps_the_shape_and_fills_right_and_below() -> None:
    image = np.full((100, 400, 3), 200, np.uint8)
    fitted, scale = geometry.letterbox(image, 320, 320, (10, 20, 30))
    assert scale == 0.8
    assert (fitted[:80] == 200).all()
    assert (fitted[80:] == (10, 20, 30)).all()


def test_a_crop_is_centred_on_its_box_and_scaled_by_its_longer_side() -> None:
    image = np.zeros((200, 200, 3), np.uint8)
    image[60:140, 80:120] = 255
    crop = geometry.crop_square(image, boxes((80, 60, 120, 140))[0], 1.0, 80)
    assert (crop[:, 20:60] == 255).all()
    assert (crop[:, :20] == 0).all()
    doubled = geometry.crop_square(image, boxes((80, 60, 120, 140))[0], 2.0, 160)
    assert (doubled[40:120, 60:100] == 255).all()
    assert doubled.sum() == image.sum()


def test_edges_repeat_where_a_crop_leaves_the_image() -> None:
    image = np.full((50, 50, 3), 77, np.uint8)
    image[0] = 10
    crop = geometry.crop_square(image, boxes((0, -20, 40, 40))[0], 1.5, 96)
    assert set(np.unique(crop)) >= {10, 77}
    assert (crop[:10] == 10).all()


@pytest.mark.parametrize("box", [(49, 49, 50, 50), (0, 0, 1, 1), (10, 10, 10, 10), (-500, -500, 549, 549)])
def test_no_box_makes_an_empty_crop(box: tuple[float, ...]) -> None:
    assert geometry.crop_square(gradient(50, 50), boxes(box)[0], 1.0, 96).shape == (96, 96, 3)  # type: ignore[arg-type]


def test_a_blob_is_mean_free_scaled_and_planar() -> None:
    image = np.zeros((2, 3, 3), np.uint8)
    image[..., 0], image[..., 1], image[..., 2] = 10, 20, 30
    blob = geometry.to_blob([image, image], (1, 2, 3), 0.5)
    assert blob.shape == (2, 3, 2, 3)
    assert blob.dtype == np.float32
    assert blob[1, :, 0, 0].tolist() == [4.5, 9.0, 13.5]


def test_contrast_is_the_largest_difference_within_a_channel() -> None:
    coloured = np.zeros((8, 8, 3), np.uint8)
    coloured[...] = (255, 0, 0)
    assert geometry.contrast(coloured) == 0
    coloured[3, 3, 2] = 40
    assert geometry.contrast(coloured) == 40


def test_sharpness_and_brightness_are_fractions() -> None:
    flat = np.full((96, 96, 3), 51, np.uint8)
    assert geometry.sharpness(flat) == 0
    assert geometry.brightness(flat) == pytest.approx(0.2)
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    assert 0.9 < geometry.sharpness(noise) < 1
