from __future__ import annotations

import numpy as np
import pytest

from faceattr.types import BGRImage, FloatArray
from tests.training_data import noise, record
from training import decoys, pasting
from training.covers import cover_face, cover_faces
from training.detector_samples import SIDE, sample
from training.detector_source import Source, source_of
from training.face_photos import FacePhoto, labelled, typical_points, with_our_boxes
from training.mosaic import lay_background, lay_photo, tiles
from training.pasting import paste_faces
from training.photometric import spoil
from training.placing import Layered, Motion, Rect, Scene

WHOLE = Rect(0, 0, SIDE, SIDE)
FACE = (90.0, 60.0, 150.0, 140.0)


def photo_of(image: BGRImage, *boxes: tuple[float, ...], unsure: tuple[float, ...] = ()) -> FacePhoto:
    teacher = [(*unsure, 0.5)] if unsure else []
    return labelled({"file": "a.webp", **record(*boxes, teacher=teacher)}, image)


def disc_photo() -> FacePhoto:
    """A black photo of 240×200 with a white ellipse that fills the only face's box."""
    y, x = np.mgrid[:200, :240] + 0.5
    inside = ((x - 120) / 30) ** 2 + ((y - 100) / 40) ** 2 < 1
    return photo_of(np.where(inside[:, :, None], np.uint8(255), np.uint8(0)).repeat(3, axis=2), FACE)


def scene_of(photo: FacePhoto, motion: Motion, rect: Rect = WHOLE) -> Scene:
    scene = Scene(np.zeros((SIDE, SIDE, 3), np.uint8))
    scene.add(Layered.of(photo.image), motion, rect, photo)
    return scene


def extent(canvas: BGRImage) -> FloatArray:
    rows, columns = np.nonzero(canvas[:, :, 0] > 127)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float32)


@pytest.fixture(scope="module")
def source() -> Source:
    photos = [
        photo_of(noise(150, 200, seed), (20, 20, 60, 75), (100, 50, 130, 90), unsure=(150, 5, 170, 30))
        for seed in range(3)
    ]
    return source_of(photos, [noise(120, 90, 8), noise(40, 70, 9)])


def test_the_boxes_that_are_learned_reach_from_ear_to_ear_a_little_below_the_middle_of_eyes_and_mouth() -> None:
    photo = photo_of(noise(150, 200, 0), (20, 20, 60, 75), (100, 50, 130, 90), unsure=(150, 5, 170, 30))
    learned = with_our_boxes(photo)
    for box, before, points in zip(learned.faces, photo.faces, photo.points, strict=True):
        eyes, mouth = points[:2].mean(axis=0), points[3]
        unit = (before[3] - before[1]) / 2.66
        assert (box[:2] + box[2:]) / 2 - (eyes + mouth) / 2 == pytest.approx([0, 0.08 * unit], abs=1e-3)
        assert box[2:] - box[:2] == pytest.approx((before[2:] - before[:2]) * [1.08, 0.95], abs=1e-4)
    lower = 25 * 0.33 / 2.66
    assert learned.ignored[0] == pytest.approx(
        [160 - 10.8, 17.5 + lower - 11.875, 160 + 10.8, 17.5 + lower + 11.875], abs=1e-3
    )


@pytest.mark.parametrize("scale", [0.11, 0.3, 0.55, 1.0, 2.3])
@pytest.mark.parametrize(("aspect", "mirrored"), [(1.0, False), (1.0, True), (1.7, False), (0.6, True)])
def test_a_box_goes_where_its_pixels_go(scale: float, aspect: float, mirrored: bool) -> None:
    photo = disc_photo()
    motion = Motion.of(scale, 0, aspect, mirrored).bringing(np.array([120, 100], np.float32), np.array([150.3, 161.7]))
    scene = scene_of(photo, motion)
    np.testing.assert_allclose(extent(scene.canvas), scene.boxes[0] if scene.boxes else scene.ignored[0], atol=1.0)


def test_a_turned_face_keeps_the_size_of_its_box_about_its_centre() -> None:
    photo = disc_photo()
    middle = np.array([120, 100], np.float32)
    motion = Motion.of(1.0, 40, 1.0, False).bringing(middle, np.array([160, 150], np.float32))
    scene = scene_of(photo, motion)
    np.testing.assert_allclose(scene.boxes[0], [130, 110, 190, 190], atol=1e-3)
    shown = extent(scene.canvas)
    np.testing.assert_allclose((shown[:2] + shown[2:]) / 2, [160, 150], atol=1)
    # Clockwise: what was above the centre is now to its right.
    np.testing.assert_array_less(160, motion.points(np.array([120, 60], np.float32))[0])


def test_a_box_is_clipped_to_what_is_visible_of_the_face() -> None:
    motion = Motion.of(1, 0, 1, False).bringing(np.array([120, 100], np.float32), np.array([110, 100], np.float32))
    scene = scene_of(disc_photo(), motion, Rect(100, 0, 200, 300))
    np.testing.assert_allclose(scene.boxes, [[100, 60, 140, 140]], atol=1e-3)
    assert not scene.canvas[:, :100].any()


@pytest.mark.parametrize("centre", [(95, 100), (110, 5), (199, 301)])
def test_a_face_cut_below_its_half_is_ignored(centre: tuple[float, float]) -> None:
    motion = Motion.of(1, 0, 1, False).bringing(np.array([120, 100], np.float32), np.array(centre, np.float32))
    scene = scene_of(disc_photo(), motion, Rect(100, 10, 200, 300))
    assert not scene.boxes
    assert len(scene.ignored) == 1


def test_a_face_out_of_sight_is_neither_shown_nor_ignored() -> None:
    motion = Motion.of(1, 0, 1, False).bringing(np.array([120, 100], np.float32), np.array([-80, 100], np.float32))
    scene = scene_of(disc_photo(), motion)
    assert not scene.boxes
    assert not scene.ignored


def test_a_face_too_small_to_be_found_is_ignored() -> None:
    motion = Motion.of(0.09, 0, 1, False).bringing(np.array([120, 100], np.float32), np.array([80, 80], np.float32))
    scene = scene_of(disc_photo(), motion)
    assert not scene.boxes
    assert len(scene.ignored) == 1


def test_unsure_boxes_stay_ignored() -> None:
    scene = scene_of(photo_of(noise(100, 100), unsure=(10, 10, 40, 50)), Motion.of(1, 0, 1, False))
    np.testing.assert_allclose(scene.ignored, [[10, 10, 40, 50]])


def test_shrinking_averages_and_does_not_sample() -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    scene = scene_of(photo_of(stripes), Motion.of(0.25, 0, 1, False))
    inner = scene.canvas[4:60, 4:60].astype(int)
    assert abs(inner - 127).max() <= 2


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (2, 3), (6, 6)])
def test_tiles_cover_the_rectangle_once(rows: int, columns: int) -> None:
    seen = np.zeros((50, 70), int)
    for left, top, right, bottom in tiles(Rect(3, 5, 63, 45), rows, columns, np.random.default_rng(1)):
        seen[top:bottom, left:right] += 1
    assert (seen[5:45, 3:63] == 1).all()
    assert seen.sum() == 40 * 60


def test_a_background_covers_its_rectangle(source: Source) -> None:
    for seed in range(20):
        scene = Scene(np.zeros((SIDE, SIDE, 3), np.uint8))
        lay_background(scene, Rect(20, 30, 200, 100), source, np.random.default_rng(seed))
        drawn = scene.canvas.max(axis=2) > 0
        assert drawn[31:99, 21:199].mean() > 0.99
        assert not drawn[:, :20].any()
        assert not drawn[100:].any()


def test_a_photo_without_faces_can_be_laid() -> None:
    empty = source_of([photo_of(noise(40, 50))], [noise(30, 30)])
    scene = Scene(np.zeros((SIDE, SIDE, 3), np.uint8))
    lay_photo(scene, WHOLE, empty, np.random.default_rng(1))
    paste_faces(scene, WHOLE, empty, np.random.default_rng(1), 5)
    assert not scene.boxes


def test_pasted_faces_meet_no_other(source: Source) -> None:
    scene = Scene(np.zeros((SIDE, SIDE, 3), np.uint8))
    scene.ignored.append(np.array([0, 0, 160, 320], np.float32))
    paste_faces(scene, WHOLE, source, np.random.default_rng(3), 20)
    assert len(scene.boxes) > 3
    boxes = np.array([*scene.boxes, *scene.ignored])
    for index, box in enumerate(boxes):
        others = np.delete(boxes, index, axis=0)
        assert not ((others[:, :2] < box[2:]).all(axis=1) & (others[:, 2:] > box[:2]).all(axis=1)).any()
    heights = boxes[:-1, 3] - boxes[:-1, 1]
    assert heights.min() >= 11.9
    assert heights.max() <= 80.1


def test_a_pasted_face_stays_within_its_surroundings() -> None:
    black = source_of([photo_of(np.full((100, 100, 3), 255, np.uint8), (30, 30, 60, 70))], [noise(30, 30)])
    scene = Scene(np.zeros((SIDE, SIDE, 3), np.uint8))
    paste_faces(scene, WHOLE, black, np.random.default_rng(5), 1)
    box = scene.boxes[0]
    shown = extent(scene.canvas)
    np.testing.assert_allclose((shown[:2] + shown[2:]) / 2, (box[:2] + box[2:]) / 2, atol=1.5)
    assert ((shown[2:] - shown[:2]) < 1.3 * (box[2:] - box[:2]) + 2).all()


def test_the_same_seed_gives_the_same_sample_and_another_another(source: Source) -> None:
    first, again, other = (sample(source, np.random.default_rng(seed)) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.boxes, again.boxes)
    np.testing.assert_array_equal(first.ignored, again.ignored)
    assert (first.image != other.image).any()


def test_samples_are_sound_and_of_many_sizes(source: Source) -> None:
    random = np.random.default_rng(2)
    heights = []
    for _ in range(90):
        drawn = sample(source, random)
        assert drawn.image.shape == (SIDE, SIDE, 3)
        assert drawn.image.dtype == np.uint8
        for boxes in (drawn.boxes, drawn.ignored):
            assert boxes.dtype == np.float32
            assert boxes.shape == (len(boxes), 4)
            assert (boxes >= 0).all()
            assert (boxes <= SIDE).all()
            assert (boxes[:, 2:] > boxes[:, :2]).all()
        heights.append(drawn.boxes[:, 3] - drawn.boxes[:, 1])
    assert min(len(some) for some in heights) == 0
    everything = np.concatenate(heights)
    assert everything.min() >= 8
    assert all(((everything >= low) & (everything < 2 * low)).any() for low in (8, 16, 32, 64, 128))
    assert everything.max() > 224


def test_covers_hide_parts_of_the_face_and_nothing_far_from_it() -> None:
    box = np.array([100, 100, 160, 180], np.float32)
    changes = []
    for seed in range(40):
        canvas = np.full((SIDE, SIDE, 3), 120, np.uint8)
        cover_face(canvas, box, typical_points(box), np.random.default_rng(seed))
        changed = (canvas != 120).any(axis=2)
        changes.append(changed[100:180, 100:160].mean())
        changed[30:250, 40:220] = False
        assert not changed.any()
    assert min(changes) > 0.02
    assert max(changes) < 0.9


def test_in_some_places_nearly_everybody_is_covered_and_in_most_hardly_anybody() -> None:
    shares = []
    for seed in range(200):
        scene = Scene(np.full((SIDE, SIDE, 3), 128, np.uint8))
        for left in range(10, 300, 60):
            scene.boxes.append(np.array([left, 100, left + 40, 150], np.float32))
            scene.points.append(typical_points(scene.boxes[-1]))
        cover_faces(scene, np.random.default_rng(seed))
        columns = (scene.canvas != 128).any(axis=(0, 2))
        shares.append(np.mean([columns[int(box[0]) + 5 : int(box[2]) - 5].any() for box in scene.boxes]))
    assert 0.2 < np.mean(np.array(shares) >= 0.6) < 0.5
    assert np.mean(np.array(shares) <= 0.4) > 0.5


def test_decoys_are_drawn_where_no_face_is() -> None:
    drawn = 0
    for seed in range(60):
        scene = Scene(np.full((SIDE, SIDE, 3), 128, np.uint8))
        scene.boxes.append(np.array([100, 80, 220, 240], np.float32))
        decoys._decoy(scene, np.random.default_rng(seed))
        assert (scene.canvas[90:230, 110:210] == 128).all()
        assert len(scene.boxes) == 1
        drawn += (scene.canvas != 128).any()
    assert drawn > 15


def test_what_is_pasted_without_being_a_face_is_not_called_one(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pasting, "_DECOYS", 1.0)
    scene = Scene(np.full((SIDE, SIDE, 3), 128, np.uint8))
    paste_faces(scene, WHOLE, source, np.random.default_rng(0), 12)
    assert scene.boxes == []
    assert (scene.canvas != 128).any()


def test_covers_beside_the_canvas_are_cut_off() -> None:
    for seed in range(20):
        canvas = np.full((60, 60, 3), 120, np.uint8)
        box = np.array([-300, -300, -200, -160], np.float32)
        cover_face(canvas, box, typical_points(box), np.random.default_rng(seed))
        assert (canvas == 120).all()


@pytest.mark.parametrize("detail", [0.0, 9.0, 300.0])
def test_spoilt_pictures_keep_their_size_and_the_original(detail: float) -> None:
    original = noise(64, 48)
    kept = original.copy()
    spoilt = [spoil(original, np.random.default_rng(seed), detail) for seed in range(60)]
    assert {(image.shape, image.dtype.name) for image in spoilt} == {((64, 48, 3), "uint8")}
    np.testing.assert_array_equal(original, kept)
    assert any((image[:, :, 0] == image[:, :, 2]).all() for image in spoilt)
