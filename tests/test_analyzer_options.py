"""Options that change how a photo is looked at, from its bytes to the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from faceattr import images
from faceattr.analyzer import FaceAnalyzer
from faceattr.answers import answer
from faceattr.caffe.nms import iou
from faceattr.options import Options
from faceattr.types import Analysis, BGRImage, FloatArray
from tests.photo_bytes import decoded, encoded, flat, on_grey, with_exif_orientation

FACE = (178, 64, 274, 180)
HIGH = Options(detail="high", min_face=20, min_confidence=0.9)
"""The astronaut's suit has places that detectors take for faces of less than 20 pixels."""
AUTO = Options(rotate="auto")
STAGES = ["decode", "detect", "attributes", "annotate", "total"]


def boxes(analysis: Analysis) -> FloatArray:
    return np.array([face.detection.box.rounded() for face in analysis.faces], np.float32).reshape(-1, 4)


def overlap(analysis: Analysis, box: tuple[float, ...]) -> float:
    return float(iou(np.array([box], np.float32), boxes(analysis)).max(initial=0))


def turned(image: BGRImage, degrees: int) -> BGRImage:
    """Turned clockwise."""
    return np.ascontiguousarray(np.rot90(image, -degrees // 90))


def group(photo: bytes, width: int, height: int, side: int) -> tuple[BGRImage, FloatArray]:
    """Twelve astronauts of `side` pixels on grey, and their faces' boxes (12, 4)."""
    small = np.asarray(cv2.resize(decoded(photo), (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    image, faces = flat(width, height), []
    for row in range(3):
        for column in range(4):
            x, y = 20 + column * (width - side - 40) // 3, 30 + row * (height - side - 50) // 2
            image[y : y + side, x : x + side] = small
            faces.append([x, y, x, y] + np.array(FACE) * side / 512)
    return image, np.array(faces, np.float32)


@pytest.fixture(scope="module")
def small_group(astronaut: bytes) -> tuple[BGRImage, FloatArray]:
    return group(astronaut, 1600, 1200, 200)


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize("length", [400, 640, 1600])
def test_a_face_of_a_panorama_is_found_once(
    analyzer: FaceAnalyzer, astronaut: bytes, length: int, upright: bool
) -> None:
    long, top, left = flat(length, 160), 40, (length - 160) // 3
    long[:, left : left + 160] = decoded(astronaut)[top : top + 160, 145:305]
    box = np.array(FACE, np.float32) + np.array([left - 145, -top] * 2, np.float32)
    if upright:  # the same strip as the middle of a tall photo
        tall = flat(160, length)
        tall[left : left + 160] = long[:, left : left + 160]
        long, box = tall, box + np.array([-left, left] * 2, np.float32)
    found = analyzer.analyze(encoded(long), Options(min_face=30))
    assert len(found.faces) == 1
    assert overlap(found, tuple(box)) > 0.7


def test_high_detail_finds_every_small_face_of_a_group_once(
    analyzer: FaceAnalyzer, small_group: tuple[BGRImage, FloatArray]
) -> None:
    image, faces = small_group
    photo = encoded(image)
    closely = analyzer.analyze(photo, HIGH)
    assert len(analyzer.analyze(photo).faces) < len(closely.faces) == 12
    assert (iou(faces, boxes(closely)).max(axis=1) > 0.5).all()
    assert [face.gender.value for face in closely.faces].count("Female") > 8
    assert list(closely.timing_ms) == STAGES


def test_high_detail_answers_in_the_same_shape(analyzer: FaceAnalyzer, astronaut: bytes) -> None:
    normal, high = answer(analyzer.analyze(astronaut)), answer(analyzer.analyze(astronaut, HIGH))
    assert list(high) == list(normal)
    assert [list(face) for face in high["faces"]] == [list(face) for face in normal["faces"]]
    assert high["image"] == normal["image"]


@pytest.mark.parametrize("part", [slice(0, 512), slice(40, 300), slice(55, 190)])
def test_high_detail_reports_a_large_face_once(analyzer: FaceAnalyzer, astronaut: bytes, part: slice) -> None:
    image = np.ascontiguousarray(decoded(astronaut)[part, 100:360])
    for scale in (1, 4):
        scaled = np.asarray(cv2.resize(image, None, fx=scale, fy=scale), np.uint8)
        analysis = analyzer.analyze(encoded(scaled), HIGH)
        expected = [scale * (v - (part.start if i % 2 else 100)) for i, v in enumerate(FACE)]
        assert len(analysis.faces) == 1
        assert overlap(analysis, tuple(expected)) > 0.6


def test_high_detail_sees_nothing_in_a_flat_photo(analyzer: FaceAnalyzer) -> None:
    assert analyzer.analyze(encoded(flat(1920, 1440)), HIGH).faces == ()


def test_high_detail_keeps_the_pixels_that_its_tiles_need(
    analyzer: FaceAnalyzer, astronaut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, faces = group(astronaut, 5200, 4000, 700)
    photo, real, seen = encoded(image), images.decode, []

    def decode(*args: Any, **options: Any) -> images.DecodedPhoto:
        seen.append(real(*args, **options))
        return seen[-1]

    monkeypatch.setattr(images, "decode", decode)
    analysis = analyzer.analyze(photo, HIGH)
    assert seen[0].reduction == 2
    assert (analysis.width, analysis.height) == (5200, 4000)
    assert len(analysis.faces) == 12
    assert (iou(faces, boxes(analysis)).max(axis=1) > 0.5).all()


def test_high_detail_obeys_the_other_options(analyzer: FaceAnalyzer, small_group: tuple[BGRImage, FloatArray]) -> None:
    photo = encoded(small_group[0])
    assert len(analyzer.analyze(photo, Options(detail="high", max_faces=5)).faces) == 5
    assert analyzer.analyze(photo, Options(detail="high", min_face=60)).faces == ()
    assert analyzer.analyze(photo, Options(detail="high", min_confidence=1.0)).faces == ()


@pytest.mark.parametrize("lying", [90, 180, 270])
def test_a_photo_stored_lying_is_turned_upright(analyzer: FaceAnalyzer, astronaut: bytes, lying: int) -> None:
    upright = on_grey(astronaut, 700, 512, 0, 0)
    photo = encoded(turned(upright, lying))
    analysis = analyzer.analyze(photo, AUTO, picture="png")
    assert (analysis.width, analysis.height, analysis.rotation) == (700, 512, 360 - lying)
    assert len(analysis.faces) == 1
    assert overlap(analysis, FACE) > 0.75
    assert analysis.faces[0].gender.value == "Female"
    assert 25 < analysis.faces[0].age.years < 40
    assert analysis.picture is not None
    drawn = decoded(analysis.picture)
    assert drawn.shape == (512, 700, 3)
    assert np.median(np.abs(drawn.astype(int) - upright)) < 8
    assert list(analysis.timing_ms) == STAGES
    assert analyzer.analyze(photo).rotation == 0


@pytest.mark.parametrize("picture", [None, "jpeg"])
def test_an_upright_photo_stays_as_it_is(analyzer: FaceAnalyzer, astronaut: bytes, picture: Any) -> None:
    exif, auto = analyzer.analyze(astronaut, picture=picture), analyzer.analyze(astronaut, AUTO, picture=picture)
    assert auto.rotation == 0
    assert auto.faces == exif.faces
    assert auto.picture == exif.picture


def test_a_photo_without_faces_stays_as_it_is(analyzer: FaceAnalyzer) -> None:
    analysis = analyzer.analyze(encoded(flat(640, 480)), AUTO)
    assert (analysis.faces, analysis.rotation, analysis.width, analysis.height) == ((), 0, 640, 480)


@pytest.mark.parametrize(
    ("orientation", "by_exif", "lying"), [(6, 90, 90), (6, 90, 180), (3, 180, 270), (8, 270, 180), (8, 270, 270)]
)
def test_the_turn_found_comes_on_top_of_the_one_that_exif_says(
    analyzer: FaceAnalyzer, astronaut: bytes, orientation: int, by_exif: int, lying: int
) -> None:
    """`lying`: how the photo lies, clockwise, once EXIF has been obeyed."""
    upright = on_grey(astronaut, 700, 512, 0, 0)
    stored = turned(upright, (lying - by_exif) % 360)
    analysis = analyzer.analyze(with_exif_orientation(encoded(stored), orientation), AUTO)
    assert (analysis.width, analysis.height) == (700, 512)
    assert analysis.rotation == (by_exif - lying) % 360
    assert overlap(analysis, FACE) > 0.75


def test_a_lying_photo_decoded_once_more_for_its_faces_is_turned_again(
    analyzer: FaceAnalyzer, astronaut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    scaled = np.asarray(cv2.resize(decoded(astronaut), (640, 640)), np.uint8)
    upright = on_grey(encoded(scaled, ".png"), 3000, 2000, 100, 900)
    real, seen = images.decode, []

    def decode(*args: Any, **options: Any) -> images.DecodedPhoto:
        seen.append(real(*args, **options))
        return seen[-1]

    monkeypatch.setattr(images, "decode", decode)
    analysis = analyzer.analyze(encoded(turned(upright, 90)), AUTO)
    assert [photo.reduction for photo in seen] == [4, 1]
    assert (analysis.width, analysis.height, analysis.rotation) == (3000, 2000, 270)
    assert overlap(analysis, tuple((100, 900)[i % 2] + 1.25 * v for i, v in enumerate(FACE))) > 0.6
    assert analysis.faces[0].gender.value == "Female"


def test_a_lying_group_is_turned_by_its_small_faces(
    analyzer: FaceAnalyzer, small_group: tuple[BGRImage, FloatArray]
) -> None:
    image, faces = small_group
    analysis = analyzer.analyze(encoded(turned(image, 270)), Options(detail="high", rotate="auto", min_face=20))
    assert (analysis.width, analysis.height, analysis.rotation) == (1600, 1200, 90)
    assert len(analysis.faces) == 12
    assert (iou(faces, boxes(analysis)).max(axis=1) > 0.5).all()


def test_the_mirror_average_says_the_same_of_a_photo_and_its_mirror_image(
    analyzer: FaceAnalyzer, astronaut: bytes
) -> None:
    # Symmetrical but for the face itself, so that the detector's boxes do not decide.
    crop = analyzer.models.attributes.crop(decoded(astronaut), np.array([FACE], np.float32))[0]
    mirror = np.ascontiguousarray(crop[:, ::-1])
    attributes = analyzer.models.attributes
    (gender, age), (other, other_age) = attributes.classify([crop, mirror])
    assert gender.probability != pytest.approx(other.probability, abs=1e-4)
    (mean, mean_age), (same, same_age) = attributes.classify([crop, mirror], tta=True)
    assert mean.probability == pytest.approx(same.probability, abs=1e-4)
    for label in ("Male", "Female"):
        assert mean.probabilities[label] == pytest.approx(
            (gender.probabilities[label] + other.probabilities[label]) / 2, abs=1e-4
        )
    assert mean_age.years == pytest.approx((age.years + other_age.years) / 2, abs=1e-2)
    assert same_age.years == pytest.approx(mean_age.years, abs=1e-2)


def test_the_mirror_average_reaches_the_answer(analyzer: FaceAnalyzer, astronaut: bytes) -> None:
    (plain,), (averaged,) = analyzer.analyze(astronaut).faces, analyzer.analyze(astronaut, Options(tta=True)).faces
    assert averaged.detection == plain.detection
    assert averaged.gender.probability != plain.gender.probability
    assert sum(averaged.gender.probabilities.values()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "fewest", "most"),
    [
        ("solvay1927.jpg", 27, 30),
        ("stock-group-1.jpg", 14, 17),
        ("group-1.jpg", 14, 19),
        ("person-vlado.jpg", 1, 2),
        ("background.jpg", 0, 0),
    ],
)
def test_reference_photos_in_high_detail(
    analyzer: FaceAnalyzer, photos: Path, name: str, fewest: int, most: int
) -> None:
    found = boxes(analyzer.analyze((photos / name).read_bytes(), Options(detail="high")))
    assert fewest <= len(found) <= most
    assert (np.triu(iou(found, found), 1) < 0.3).all()


@pytest.mark.parametrize("name", ["man1.jpg", "woman1.jpg", "kid1.jpg", "person-tasia.jpg"])
@pytest.mark.parametrize("lying", [90, 180, 270])
def test_reference_photos_stored_lying(analyzer: FaceAnalyzer, photos: Path, name: str, lying: int) -> None:
    image = decoded((photos / name).read_bytes())
    analysis = analyzer.analyze(encoded(turned(image, lying)), AUTO)
    assert analysis.rotation == 360 - lying
    upright = analyzer.analyze(encoded(image))
    assert overlap(analysis, upright.faces[0].detection.box.rounded()) > 0.7
