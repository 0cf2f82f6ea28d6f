from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceattr.analyzer import FaceAnalyzer
from faceattr.attributes import AttributeClassifier, Source, read_age, read_gender
from faceattr.errors import EngineError
from faceattr.packs import load_pack
from faceattr.packs.articles import articles_pack
from faceattr.types import BGRImage, FloatArray
from tests.conftest import BUILT_IN

PER_YEAR = load_pack(BUILT_IN).age
PER_RANGE = articles_pack(Path("models")).age
GENDER = load_pack(BUILT_IN).gender


def years(**masses: float) -> FloatArray:
    p = np.zeros(101, np.float32)
    for year, mass in masses.items():
        p[int(year[1:])] = mass
    return p


def test_the_built_in_nets_see_faces_as_the_chips_they_learned_from_show_them(
    analyzer: FaceAnalyzer, astronaut: bytes
) -> None:
    eyes, mouth = np.array([[203.4, 103.8], [247.8, 104.4]]), np.array([224.0, 143.5])
    middle, unit = (eyes.mean(axis=0) + mouth) / 2, 44.4  # pixels between the eyes
    y, x = np.mgrid[:512, :512] // 2
    where = np.stack([x, y, x], axis=2).astype(np.uint8)
    box = analyzer.analyze(astronaut).faces[0].detection.box

    crop = 2.0 * analyzer.models.attributes.crop(where, np.array([[box.x_min, box.y_min, box.x_max, box.y_max]]))[0]

    side = float(np.ptp(crop[:, :, 1]))
    assert 2.2 * unit < side < 2.6 * unit  # UTKFace's chips: 2.4
    assert crop.mean(axis=(0, 1))[:2] == pytest.approx(middle, abs=0.055 * side)


@pytest.mark.parametrize(
    ("masses", "expected_years", "label", "probability", "interval"),
    [
        ({"y31": 1.0}, 31.0, "(30-39)", 1.0, (31, 31)),
        ({"y0": 0.5, "y2": 0.5}, 1.0, "(0-2)", 1.0, (0, 2)),
        ({"y100": 1.0}, 100.0, "(70+)", 1.0, (100, 100)),
        ({"y29": 0.6, "y30": 0.2, "y39": 0.2}, 31.2, "(20-29)", 0.6, (29, 39)),
        ({"y10": 0.05, "y50": 0.9, "y90": 0.05}, 50.0, "(50-59)", 0.9, (50, 50)),
    ],
)
def test_per_year_classes_become_expectation_range_and_percentiles(
    masses: dict[str, float], expected_years: float, label: str, probability: float, interval: tuple[int, int]
) -> None:
    age = read_age(years(**masses), PER_YEAR)
    assert age.years == pytest.approx(expected_years, abs=1e-4)
    assert (age.label, age.interval) == (label, interval)
    assert age.probability == pytest.approx(probability, abs=1e-6)
    assert age.distribution is None


def test_range_classes_keep_their_own_ranges() -> None:
    p = np.array([0, 0, 0, 0, 0.75, 0.25, 0, 0], np.float32)
    age = read_age(p, PER_RANGE)
    assert (age.low, age.high, age.label, age.interval) == (25, 32, "(25-32)", None)
    assert age.years == pytest.approx(0.75 * 28.5 + 0.25 * 40.5)


def test_the_last_range_of_a_range_net_is_not_open() -> None:
    assert read_age(np.eye(8, dtype=np.float32)[7], PER_RANGE).label == "(60-100)"


def test_the_distribution_has_one_probability_per_class() -> None:
    age = read_age(years(y4=0.5, y5=0.5), PER_YEAR, distribution=True)
    assert age.distribution is not None
    assert len(age.distribution) == 101
    assert age.distribution[4] == 0.5


def test_gender_has_both_probabilities() -> None:
    gender = read_gender(np.array([0.25, 0.75], np.float32), GENDER)
    assert (gender.value, gender.probability) == ("Female", 0.75)
    assert gender.probabilities == {"Male": 0.25, "Female": 0.75}


class FixedNet:
    """Answers every input with the same row and remembers what it was fed."""

    def __init__(self, **outputs: list[float]) -> None:
        self._outputs = outputs
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, blob: FloatArray) -> dict[str, FloatArray]:
        self.shapes.append(blob.shape)
        return {name: np.tile(np.array(row, np.float32), (len(blob), 1)) for name, row in self._outputs.items()}

    def settle(self) -> None:
        pass


def classifier(gender: FixedNet, age: FixedNet) -> AttributeClassifier:
    return AttributeClassifier(Source(gender, "prob"), GENDER, Source(age, "prob"), PER_YEAR, 1.0)


CROPS = [np.zeros((96, 96, 3), np.uint8)] * 5


def test_all_crops_go_through_each_net_in_one_batch() -> None:
    gender, age = FixedNet(prob=[0.9, 0.1]), FixedNet(prob=[1.0] + [0.0] * 100)
    assert len(classifier(gender, age).classify(CROPS)) == 5
    assert gender.shapes == age.shapes == [(5, 3, 96, 96)]


def test_no_crop_runs_no_net() -> None:
    gender, age = FixedNet(prob=[0.9, 0.1]), FixedNet(prob=[1.0] + [0.0] * 100)
    assert classifier(gender, age).classify([]) == []
    assert gender.shapes == age.shapes == []


@pytest.mark.parametrize(
    ("gender", "cause"),
    [
        (FixedNet(prob=[0.5, 0.25, 0.25]), "answers with 3 classes, expected 2"),
        (FixedNet(prob=[2.0, 0.5]), "do not sum to 1"),
        (FixedNet(prob=[float("nan"), 0.5]), "do not sum to 1"),
        (FixedNet(loss=[0.5, 0.5]), "no output 'prob'; it has loss"),
    ],
)
def test_an_answer_that_cannot_be_probabilities_is_refused(gender: FixedNet, cause: str) -> None:
    with pytest.raises(EngineError, match=cause):
        classifier(gender, FixedNet(prob=[1.0] + [0.0] * 100)).classify(CROPS)


class SideNet:
    """Says Male and young as surely as the crop's left column is bright."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def __call__(self, blob: FloatArray) -> dict[str, FloatArray]:
        self.batches.append(len(blob))
        left = blob[:, 0, 0, 0] / GENDER.scale + GENDER.mean[0]
        first = (left / 255).astype(np.float32)
        prob = np.stack([first, 1 - first], axis=1)
        age = np.zeros((len(blob), 101), np.float32)
        age[:, [20, 60]] = prob
        return {"gender": prob, "age": age}

    def settle(self) -> None:
        pass


def half_bright(left: int, right: int) -> BGRImage:
    crop = np.full((96, 96, 3), left, np.uint8)
    crop[:, 48:] = right
    return crop


def test_the_mirror_average_is_the_mean_of_crop_and_mirror_image_in_one_forward() -> None:
    net = SideNet()
    both = AttributeClassifier(Source(net, "gender"), GENDER, Source(net, "age"), PER_YEAR, 1.0)
    crops = [half_bright(255, 153), half_bright(0, 0), half_bright(51, 153)]
    plain, averaged = both.classify(crops), both.classify(crops, tta=True)
    assert net.batches == [3, 6]
    assert [gender.probabilities["Male"] for gender, _ in plain] == pytest.approx([1.0, 0.0, 0.2], abs=1e-5)
    assert [gender.probabilities["Male"] for gender, _ in averaged] == pytest.approx([0.8, 0.0, 0.4], abs=1e-5)
    assert [age.years for _, age in averaged] == pytest.approx([28, 60, 44], abs=1e-3)


def test_the_mirror_average_of_no_crop_runs_no_net() -> None:
    net = SideNet()
    both = AttributeClassifier(Source(net, "gender"), GENDER, Source(net, "age"), PER_YEAR, 1.0)
    assert both.classify([], tta=True) == []
    assert net.batches == []
