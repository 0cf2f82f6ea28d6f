from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from faceattr import geometry, images
from faceattr.analyzer import FaceAnalyzer
from faceattr.answers import answer
from faceattr.caffe.nms import iou
from faceattr.engines import Net
from faceattr.engines.opencv import OpenCVEngine
from faceattr.errors import OutOfMemory, PhotoError
from faceattr.loader import load_models
from faceattr.options import Options
from faceattr.settings import Settings
from faceattr.slots import Slots
from faceattr.types import Analysis, BGRImage, FloatArray, PictureFormat
from tests.conftest import BUILT_IN
from tests.photo_bytes import decoded, encoded, flat, on_grey, with_exif_orientation

FACE = (178, 64, 274, 180)
SURE = Options(min_confidence=0.9)
"""Leaves out what the detector half believes in: these tests are not about its accuracy."""


def boxes(analysis: Analysis) -> FloatArray:
    return np.array([face.detection.box.rounded() for face in analysis.faces], np.float32).reshape(-1, 4)


def overlap(analysis: Analysis, box: tuple[float, ...]) -> float:
    return float(iou(np.array([box], np.float32), boxes(analysis)).max(initial=0))


class CountingNet:
    def __init__(self, net: Net) -> None:
        self._net = net
        self.batches: list[int] = []

    def __call__(self, blob: FloatArray) -> Mapping[str, FloatArray]:
        self.batches.append(len(blob))
        return self._net(blob)

    def settle(self) -> None:
        self._net.settle()


class CountingEngine(OpenCVEngine):
    """Loads nets that count what they are fed: the detector first, then one net or two for gender and age."""

    def __init__(self) -> None:
        super().__init__(1, 1)
        self.nets: list[CountingNet] = []

    def load(self, model: bytes) -> CountingNet:  # type: ignore[override]
        self.nets.append(CountingNet(super().load(model)))
        return self.nets[-1]

    def load_caffe(self, prototxt: bytes, weights: bytes) -> CountingNet:  # type: ignore[override]
        self.nets.append(CountingNet(super().load_caffe(prototxt, weights)))
        return self.nets[-1]


@pytest.fixture
def counted() -> tuple[FaceAnalyzer, list[CountingNet]]:
    """An analyzer of its own and its nets."""
    settings, engine = Settings(models=str(BUILT_IN), slots=1), CountingEngine()
    own = FaceAnalyzer(load_models(settings, engine), engine, settings, Slots(settings.inference_slots))
    for net in engine.nets:
        net.batches.clear()
    return own, engine.nets


def test_the_astronaut_is_one_woman_of_about_thirty(analyzer: FaceAnalyzer, astronaut: bytes) -> None:
    analysis = analyzer.analyze(astronaut)
    assert (analysis.width, analysis.height, analysis.rotation) == (512, 512, 0)
    (face,) = analysis.faces
    assert overlap(analysis, FACE) > 0.8
    assert face.gender.value == "Female"
    assert 25 < face.age.years < 40
    assert face.age.interval is not None
    assert not face.uncertain
    assert not face.quality.touches_edge
    assert analysis.picture is None


def test_all_crops_of_a_photo_go_through_each_classifier_at_once(
    counted: tuple[FaceAnalyzer, list[CountingNet]], astronaut: bytes
) -> None:
    analyzer, nets = counted
    twice = on_grey(astronaut, 1020, 512, 0, 0)
    twice[:, 508:] = twice[:, 511::-1]
    assert len(analyzer.analyze(encoded(twice), SURE).faces) == 2
    assert [net.batches for net in nets] == [[1], *[[2]] * (len(nets) - 1)]


def test_a_flat_photo_runs_no_net_and_has_no_face(
    counted: tuple[FaceAnalyzer, list[CountingNet]],
) -> None:
    analyzer, nets = counted
    assert analyzer.analyze(encoded(flat(640, 480))).faces == ()
    assert not any(net.batches for net in nets)


def transposed(image: BGRImage) -> BGRImage:
    return np.ascontiguousarray(image.transpose(1, 0, 2))


def mirrored(image: BGRImage) -> BGRImage:
    return np.ascontiguousarray(image[:, ::-1])


def turned(image: BGRImage, quarters: int) -> BGRImage:
    """Turned clockwise."""
    return np.ascontiguousarray(np.rot90(image, -quarters))


STORED: dict[int, Callable[[BGRImage], BGRImage]] = {
    1: lambda image: image,
    2: mirrored,
    3: lambda image: turned(image, 2),
    4: lambda image: turned(mirrored(image), 2),
    5: transposed,
    6: lambda image: turned(image, 3),
    7: lambda image: turned(transposed(image), 2),
    8: lambda image: turned(image, 1),
}
"""What a camera held that way would have stored of an upright image: the inverse of the turn that EXIF asks for."""


@pytest.mark.parametrize("orientation", STORED)
def test_boxes_are_in_the_upright_photo(analyzer: FaceAnalyzer, astronaut: bytes, orientation: int) -> None:
    upright = on_grey(astronaut, 700, 512, 0, 0)
    analysis = analyzer.analyze(with_exif_orientation(encoded(STORED[orientation](upright)), orientation))
    assert (analysis.width, analysis.height) == (700, 512)
    assert len(analysis.faces) == 1
    assert overlap(analysis, FACE) > 0.75
    if orientation in (1, 3, 6, 8):
        assert analysis.rotation == {1: 0, 3: 180, 6: 90, 8: 270}[orientation]


def test_a_photo_of_more_than_5000_pixels_is_answered_in_full_size(analyzer: FaceAnalyzer, astronaut: bytes) -> None:
    image = flat(5400, 3600)
    image[1000:3560, 1200:3760] = cv2.resize(decoded(astronaut), (2560, 2560))
    analysis = analyzer.analyze(encoded(image))
    assert (analysis.width, analysis.height) == (5400, 3600)
    assert len(analysis.faces) == 1
    assert overlap(analysis, (1200 + 5 * 181, 1000 + 5 * 62, 1200 + 5 * 271, 1000 + 5 * 176)) > 0.75


@pytest.mark.parametrize("threads", [0, 1])
@pytest.mark.parametrize("picture", ["png", "jpeg"])
def test_a_picture_changes_nothing_in_the_answer(
    settings: Settings, analyzer: FaceAnalyzer, astronaut: bytes, threads: int, picture: PictureFormat
) -> None:
    scaled = np.asarray(cv2.resize(decoded(astronaut), (1500, 1500)), np.uint8)
    photo = encoded(on_grey(encoded(scaled, ".png"), 2000, 1800, 10, 10))
    some = dataclasses.replace(settings, slots=2, threads_per_inference=threads)
    drawing = FaceAnalyzer(analyzer.models, analyzer.engine, some, Slots(2))
    without, with_one = analyzer.analyze(photo), drawing.analyze(photo, picture=picture)
    assert with_one.faces == without.faces
    assert with_one.picture is not None
    assert decoded(with_one.picture).shape == (1800, 2000, 3)


@pytest.mark.parametrize(
    ("size", "side", "picture", "reductions"),
    [
        ((2000, 1800), 1500, None, [2]),
        ((4000, 3600), 3000, None, [4]),
        ((4000, 3600), 1000, None, [4, 2]),
        ((3000, 2000), 640, None, [4, 1]),
        ((800, 600), 512, None, [1]),
        ((2000, 1800), 1500, "jpeg", [1, 2]),
        ((3000, 2000), 640, "jpeg", [1, 4]),
        ((800, 600), 512, "png", [1]),
    ],
)
def test_a_large_jpeg_is_decoded_reduced_and_once_more_only_for_small_faces(
    analyzer: FaceAnalyzer,
    astronaut: bytes,
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    side: int,
    picture: PictureFormat | None,
    reductions: list[int],
) -> None:
    scaled = np.asarray(cv2.resize(decoded(astronaut), (side, side)), np.uint8)
    photo = encoded(on_grey(encoded(scaled, ".png"), *size, 10, 10))
    real, seen = images.decode, []

    def decode(*args: Any, **options: Any) -> images.DecodedPhoto:
        result = real(*args, **options)
        seen.append(result.reduction)
        return result

    monkeypatch.setattr(images, "decode", decode)
    analysis = analyzer.analyze(photo, picture=picture)
    assert sorted(seen) == sorted(reductions)  # for a picture the whole photo is decoded beside the reduced one
    scale = side / 512
    assert overlap(analysis, tuple(10 + scale * value for value in FACE)) > 0.6
    monkeypatch.setattr(images, "decode", lambda data, limits, **_: real(data, limits))
    whole = analyzer.analyze(photo)
    assert [face.gender.value for face in whole.faces] == [face.gender.value for face in analysis.faces]
    assert overlap(whole, analysis.faces[0].detection.box.rounded()) > 0.7
    assert (analysis.width, analysis.height) == size


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (Options(), 2),
        (Options(max_faces=1), 1),
        (Options(min_face=60), 1),
        (Options(min_face=200), 0),
        (Options(min_confidence=1.0), 0),
    ],
)
def test_options_limit_what_is_found(analyzer: FaceAnalyzer, astronaut: bytes, options: Options, found: int) -> None:
    image = np.full((512, 800, 3), 128, np.uint8)
    image[:, :512] = decoded(astronaut)
    image[100:356, 530:786] = cv2.resize(decoded(astronaut), (256, 256))
    analysis = analyzer.analyze(encoded(image), options)
    assert len(analysis.faces) == found
    if found == 2:
        assert boxes(analysis)[0, 0] < 512, "the larger face comes first"


def test_a_face_cut_by_the_edge_says_so(analyzer: FaceAnalyzer, astronaut: bytes) -> None:
    analysis = analyzer.analyze(encoded(np.ascontiguousarray(decoded(astronaut)[:, 200:])), SURE)
    assert [face.quality.touches_edge for face in analysis.faces] == [True]


def test_the_distribution_comes_only_when_asked_for(analyzer: FaceAnalyzer, astronaut: bytes) -> None:
    (without,) = answer(analyzer.analyze(astronaut))["faces"]
    (with_it,) = answer(analyzer.analyze(astronaut, Options(distribution=True)))["faces"]
    assert "distribution" not in without["age"]
    assert len(with_it["age"]["distribution"]) == 101
    assert sum(with_it["age"]["distribution"]) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize(("picture", "magic"), [("png", b"\x89PNG"), ("jpeg", b"\xff\xd8")])
def test_a_picture_has_the_photos_own_size(
    analyzer: FaceAnalyzer, astronaut: bytes, picture: str, magic: bytes
) -> None:
    analysis = analyzer.analyze(astronaut, picture=picture)  # type: ignore[arg-type]
    assert analysis.picture is not None
    assert analysis.picture.startswith(magic)
    drawn = decoded(analysis.picture)
    assert drawn.shape == (512, 512, 3)
    assert np.abs(drawn.astype(int) - decoded(astronaut)).max() > 60


def test_every_stage_is_timed(analyzer: FaceAnalyzer, astronaut: bytes) -> None:
    timing = analyzer.analyze(astronaut).timing_ms
    assert list(timing) == ["decode", "detect", "attributes", "annotate", "total"]
    assert sum(timing[stage] for stage in timing if stage != "total") <= timing["total"]


def without_times(analysis: Analysis) -> str:
    return json.dumps(answer(dataclasses.replace(analysis, timing_ms={})))


def test_sixteen_threads_with_distinct_photos_get_the_serial_answers(analyzer: FaceAnalyzer, astronaut: bytes) -> None:
    photos = [
        encoded(on_grey(encoded(cv2.resize(decoded(astronaut), (size, size))), 700, 600, x, 40))  # type: ignore[arg-type]
        for size, x in [(160 + 20 * (i % 16), 11 * i) for i in range(16)]
    ]
    photos = [photo for photo in photos if decoded(photo).shape == (600, 700, 3)]
    serial = [without_times(analyzer.analyze(photo)) for photo in photos]
    assert len(set(serial)) == len(photos)
    with ThreadPoolExecutor(16) as pool:
        for _ in range(3):
            assert [without_times(a) for a in pool.map(analyzer.analyze, photos)] == serial


def test_memory_that_opencv_ran_out_of_counts_as_exhausted(
    counted: tuple[FaceAnalyzer, list[CountingNet]], astronaut: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyzer, _ = counted

    def exhausted(*_: object, **__: object) -> None:
        raise cv2.error("(-4:Insufficient memory) Failed to allocate 147000000 bytes in function 'OutOfMemoryError'")

    monkeypatch.setattr(geometry, "resize", exhausted)
    with pytest.raises(OutOfMemory):
        analyzer.analyze(astronaut)


class FailingNet:
    """Runs out of memory the first `failures` times."""

    def __init__(self, net: Net, failures: int) -> None:
        self._net, self.failures = net, failures

    def settle(self) -> None:
        self._net.settle()

    def __call__(self, blob: FloatArray) -> Mapping[str, FloatArray]:
        if self.failures:
            self.failures -= 1
            raise MemoryError
        return self._net(blob)


def test_a_photo_that_ran_out_of_memory_is_tried_once_more_alone(
    counted: tuple[FaceAnalyzer, list[CountingNet]],
    astronaut: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    analyzer, nets = counted
    monkeypatch.setattr(analyzer.models.detector, "_net", FailingNet(nets[0], 1))
    assert len(analyzer.analyze(astronaut).faces) == 1


def test_a_photo_that_runs_out_of_memory_alone_is_refused_and_the_next_is_served(
    counted: tuple[FaceAnalyzer, list[CountingNet]],
    astronaut: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    analyzer, nets = counted
    monkeypatch.setattr(analyzer.models.detector, "_net", FailingNet(nets[0], 2))
    with pytest.raises(OutOfMemory, match="more memory than is free"):
        analyzer.analyze(astronaut)
    assert len(analyzer.analyze(astronaut).faces) == 1


def test_a_photo_that_cannot_be_read_raises_its_own_error(analyzer: FaceAnalyzer) -> None:
    with pytest.raises(PhotoError):
        analyzer.analyze(b"not a photo")


REFERENCE = [
    ("man1.jpg", 1, 1, "Male", (55, 80)),
    ("woman1.jpg", 1, 1, "Female", (18, 60)),
    ("person-vlado.jpg", 1, 1, "Male", (20, 50)),
    ("stock-group-1.jpg", 10, 16, None, None),
    ("group-1.jpg", 13, 18, None, None),
    ("background.jpg", 0, 0, None, None),
]


@pytest.mark.parametrize(("name", "fewest", "most", "gender", "ages"), REFERENCE, ids=[row[0] for row in REFERENCE])
def test_reference_photos(
    analyzer: FaceAnalyzer,
    photos: Path,
    name: str,
    fewest: int,
    most: int,
    gender: str | None,
    ages: tuple[int, int] | None,
) -> None:
    analysis = analyzer.analyze((photos / name).read_bytes())
    assert fewest <= len(analysis.faces) <= most
    if gender and ages:
        assert analysis.faces[0].gender.value == gender
        assert ages[0] <= analysis.faces[0].age.years <= ages[1]


def test_a_photo_alone_and_photos_together_have_the_same_faces(astronaut: bytes) -> None:
    settings = Settings(models=str(BUILT_IN), slots=2, threads_per_inference=0)
    adaptive = FaceAnalyzer.from_settings(settings)
    alone = adaptive.analyze(astronaut)
    with adaptive.slots.one():
        assert_same_faces(adaptive.analyze(astronaut), alone)


def assert_same_faces(one: Analysis, other: Analysis) -> None:
    assert len(one.faces) == len(other.faces)
    for face, twin in zip(one.faces, other.faces, strict=True):
        assert face.detection.box.rounded() == twin.detection.box.rounded()
        assert face.gender.probability == pytest.approx(twin.gender.probability, abs=1e-3)
        assert face.age.years == pytest.approx(twin.age.years, abs=0.05)


@pytest.mark.parametrize(("threads", "others", "expected"), [(0, 0, 4), (0, 1, 1), (2, 0, 2), (2, 1, 2)])
def test_a_picture_is_compressed_on_the_cores_that_are_free(
    analyzer: FaceAnalyzer, astronaut: bytes, threads: int, others: int, expected: int
) -> None:
    settings = Settings(slots=4, threads_per_inference=threads)
    own = FaceAnalyzer(analyzer.models, analyzer.engine, settings, Slots(4))
    with contextlib.ExitStack() as stack:
        for _ in range(others):
            stack.enter_context(own.slots.one())
        picture = own.analyze(astronaut, picture="png").picture
    assert picture is not None
    assert picture.count(b"IDAT") == expected


def test_what_is_no_photo_and_no_format_is_told(analyzer: FaceAnalyzer, astronaut: bytes) -> None:
    with pytest.raises(TypeError, match="photo must be the bytes of an image file, not str"):
        analyzer.analyze("photo.jpg")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="picture must be 'png', 'jpeg' or None, not 'gif'"):
        analyzer.analyze(astronaut, picture="gif")  # type: ignore[arg-type]
