from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from faceattr.types import BGRImage, FloatArray
from tests.training_data import noise, record
from training.evaluation.attributes import ChipAnswers, groups_of, reliability
from training.evaluation.calibration import calibration_error, two_fold
from training.evaluation.detection import DetectorData, DetectorFigures, measure_detector
from training.evaluation.detectors import Contestant
from training.evaluation.estimates import estimate, mean
from training.evaluation.matching import EITHER, FALSE, Answer, Matched, Truth, match, matched, overlapping_pairs
from training.face_photos import FacePhoto, boxes_array, labelled

NOTHING = np.empty((0, 4), np.float32)
ONE, TWO, FAR = (0.0, 0.0, 20.0, 30.0), (50.0, 0.0, 70.0, 30.0), (80.0, 60.0, 100.0, 90.0)


def answer(*rows: tuple[tuple[float, ...], float]) -> Answer:
    return boxes_array([box for box, _ in rows]), np.array([score for _, score in rows], np.float32)


def truth(*faces: tuple[float, ...], ignored: tuple[tuple[float, ...], ...] = ()) -> Truth:
    return Truth(boxes_array(faces), boxes_array(ignored))


# Estimates


def test_an_interval_holds_the_figure_and_narrows_with_more_units() -> None:
    random = np.random.default_rng(0)
    widths = []
    for units in (50, 5000):
        values = random.normal(3, 1, units)
        found = estimate(partial(mean, values), units)
        assert found.low < found.value < found.high
        assert found.low < 3 < found.high
        widths.append(found.high - found.low)
    assert widths[0] == pytest.approx(2 * 1.96 / 50**0.5, rel=0.3)
    assert widths[1] < widths[0] / 5


def test_an_interval_is_the_same_every_time() -> None:
    values = np.arange(30.0)
    assert estimate(partial(mean, values), 30) == estimate(partial(mean, values), 30)


def test_nothing_measured_is_not_a_number() -> None:
    found = estimate(partial(mean, np.empty(0)), 0)
    assert np.isnan([found.value, found.low, found.high]).all()


# Matching


@pytest.mark.parametrize(
    ("boxes", "shown"),
    [
        ((), []),
        ((ONE,), [0]),
        ((TWO, ONE), [1, 0]),
        ((ONE, ONE), [0, FALSE]),
        ((FAR,), [EITHER]),
        (((200.0, 200.0, 220.0, 230.0),), [FALSE]),
        (((0.0, 0.0, 20.0, 12.0),), [FALSE]),  # IoU 0.4 is not above it
        (((0.0, 0.0, 20.0, 12.5),), [0]),
    ],
)
def test_each_box_shows_one_face_at_most(boxes: tuple[tuple[float, ...], ...], shown: list[int]) -> None:
    assert match(boxes_array(boxes), truth(ONE, TWO, ignored=(FAR,))).tolist() == shown


def test_without_faces_every_box_is_false() -> None:
    assert match(boxes_array([ONE, TWO]), Truth(NOTHING, NOTHING)).tolist() == [FALSE, FALSE]


def simple() -> Matched:
    """Two photos: of the first's two faces one is found; the second has one box of a face and two false ones."""
    first = answer((ONE, 0.9))
    second = answer(((200, 0, 220, 30), 0.95), (ONE, 0.8), (TWO, 0.3), (FAR, 0.99))
    return matched([truth(ONE, TWO), truth(ONE, ignored=(FAR,))], [first, second])


def test_recall_and_false_boxes_are_counted_at_a_confidence() -> None:
    found, once = simple(), np.ones(2)
    assert found.recall(0.5, once) == pytest.approx(2 / 3)
    assert found.recall(0.85, once) == pytest.approx(1 / 3)
    assert found.false_boxes(0.5, once) == 0.5
    assert found.false_boxes(0.2, once) == 1.0
    assert found.recall(0.5, np.array([2.0, 0.0])) == 0.5
    assert np.isnan(found.recall(0.5, np.zeros(2)))


def test_average_precision_is_the_area_under_the_best_precisions() -> None:
    # In order: false 0.95, right 0.9, right 0.8, false 0.3. Precision at the two hits: 1/2, 2/3; recall 1/3 each.
    assert simple().average_precision(np.ones(2)) == pytest.approx(2 / 3 * 2 / 3)
    assert simple().average_precision(np.array([1.0, 0.0])) == pytest.approx(0.5)


def test_average_precision_of_all_found_and_nothing_false_is_one() -> None:
    found = matched([truth(ONE), truth(TWO)], [answer((ONE, 0.9)), answer((TWO, 0.1))])
    assert found.average_precision(np.ones(2)) == pytest.approx(1)


def test_average_precision_without_boxes_is_zero_and_without_faces_undefined() -> None:
    assert matched([truth(ONE)], [answer()]).average_precision(np.ones(1)) == 0
    assert np.isnan(matched([truth()], [answer((ONE, 0.9))]).average_precision(np.ones(1)))


def test_photos_counted_twice_count_as_two_equal_photos() -> None:
    truths, answers = [truth(ONE, TWO), truth(ONE)], [answer((ONE, 0.9), (FAR, 0.7)), answer((ONE, 0.8), (TWO, 0.75))]
    doubled = matched([*truths, truths[1]], [*answers, answers[1]])
    weighted = matched(truths, answers).average_precision(np.array([1.0, 2.0]))
    assert weighted == pytest.approx(doubled.average_precision(np.ones(3)))


def test_false_boxes_of_another_size_do_not_count_in_a_band() -> None:
    answers = [answer((ONE, 0.9), ((100, 0, 120, 31), 0.8), ((100, 100, 110, 140), 0.7))]
    assert len(matched([truth(ONE)], answers).scores) == 3
    assert len(matched([truth(ONE)], answers, sizes=(20, 40)).scores) == 2


def test_pairs_of_boxes_that_overlap_are_counted() -> None:
    assert overlapping_pairs(NOTHING) == 0
    assert overlapping_pairs(boxes_array([ONE, TWO])) == 0
    assert overlapping_pairs(boxes_array([ONE, ONE, ONE, TWO])) == 3


# Detectors


def looking_up(answers: dict[int, Answer]) -> Callable[[BGRImage], Answer]:
    """A detector that knows photos by their height."""
    return lambda image: answers[image.shape[0]]


def photo(height: int, *boxes: tuple[float, ...], teacher: tuple[float, ...] = (), kind: str = "") -> FacePhoto:
    labels = record(*boxes, teacher=[(*teacher, 0.9)] if teacher else [], kind=kind)
    return labelled({"file": "a", **labels}, noise(height, 120))


def figures() -> DetectorFigures:
    tall: FloatArray = np.array([0, 0, 60, 90], np.float32)
    web = [photo(100, ONE, teacher=TWO), photo(101, tuple(tall.tolist()))]
    street = [photo(102, ONE, (80, 0, 95, 20), kind="masked"), photo(103, TWO, kind="bare")]
    empty = [noise(104 + index, 50) for index in range(40)]
    answers = {
        100: answer((ONE, 0.9)),
        101: answer(((2, 0, 60, 90), 0.8), ((0, 0, 40, 60), 0.6), ((0, 40, 30, 90), 0.3)),
        102: answer((ONE, 0.9), ((80, 0, 95, 20), 0.9), ((30, 60, 44, 84), 0.7)),
        103: answer((TWO, 0.4)),
        **{104 + index: answer((ONE, 0.05 + index / 50)) for index in range(40)},
    }
    return measure_detector(Contestant("some", looking_up(answers), 0.5), DetectorData(web, street, empty))


@pytest.fixture(scope="module")
def some() -> DetectorFigures:
    return figures()


def test_a_detector_is_measured_at_its_operating_point(some: DetectorFigures) -> None:
    assert some.recall.value == 1.0
    assert some.recall_all.value == pytest.approx(2 / 3)
    assert some.frame_filling == (1, 1)
    assert some.false_boxes.value == pytest.approx(17 / 40)
    assert some.street_recall.value == 0.5


def test_overlapping_boxes_count_on_photos_of_one_face_only(some: DetectorFigures) -> None:
    assert some.overlapping_pairs == 1


def test_the_threshold_leaves_at_most_one_false_box_in_twenty_photos(some: DetectorFigures) -> None:
    assert 0.05 + 37 / 50 < some.threshold < 0.05 + 38 / 50
    assert some.recall_there == 1.0


def test_street_figures_are_of_faces_from_twenty_pixels(some: DetectorFigures) -> None:
    # The face of 15 pixels counts in its own band alone; the false box of 14 pixels there, and overall as a worse one.
    assert some.street_ap.value == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert some.street_false_boxes.value == 0.5
    assert some.bands["12–20"].value == pytest.approx(1.0)
    assert some.bands["20–40"].value == pytest.approx(1.0)
    assert np.isnan(some.bands["80+"].value)
    assert some.kinds == {"bare": (0.0, 1), "masked": (1.0, 1)}


# Calibration


def test_calibration_error_is_the_mean_gap_between_said_and_done() -> None:
    confidence = np.array([0.95, 0.95, 0.65, 0.65])
    right = np.array([True, True, True, False])
    assert calibration_error(confidence, right, np.ones(4)) == pytest.approx((0.05 + 0.15) / 2)
    assert calibration_error(confidence, right, np.array([1.0, 1, 0, 0])) == pytest.approx(0.05)
    assert np.isnan(calibration_error(np.empty(0), np.empty(0, bool), np.empty(0)))


def test_a_confidence_of_one_has_a_bin() -> None:
    assert calibration_error(np.ones(3), np.ones(3, bool), np.ones(3)) == 0


def overconfident(factor: float, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds `factor` times too large, and what is true."""
    random = np.random.default_rng(3)
    logits = random.normal(0, 2, count)
    happens = random.random(count) < 1 / (1 + np.exp(-logits))
    return 1 / (1 + np.exp(-factor * logits)), happens


@pytest.mark.parametrize("factor", [0.4, 3.0])
def test_two_folds_calibrate_each_other(factor: float) -> None:
    p, happens = overconfident(factor)
    before, after = (
        calibration_error(np.maximum(said, 1 - said), (said > 0.5) == happens, np.ones(len(p)))
        for said in (p, two_fold(p, happens))
    )
    assert before > 0.05
    assert after < 0.02


@pytest.mark.parametrize("p", [np.array([0.0, 1.0, 0.0, 1.0]), np.full(4, 0.5), np.empty(0)])
def test_certainty_and_indifference_are_calibrated_without_overflow(p: np.ndarray) -> None:
    assert np.isfinite(two_fold(p, p > 0.5)).all()


# Groups


def answers_of(ages: list[int], p_female: list[float], female: list[bool]) -> ChipAnswers:
    years, p = np.array(ages, np.float64), np.array(p_female)
    return ChipAnswers(np.array(ages), np.array(female), p, p, years, years, years, np.ones(len(ages), bool))


def test_every_age_is_in_one_age_group() -> None:
    groups = dict(groups_of(answers_of(list(range(117)), [0.5] * 117, [True, False] * 58 + [True])))
    by_age = [members for label, members in groups.items() if label[0].isdigit() and label != "13 and older"]
    assert (np.sum(by_age, axis=0) == 1).all()
    assert np.flatnonzero(groups["4–12"]).tolist() == list(range(4, 13))
    assert np.flatnonzero(groups["60 and older"])[0] == 60
    assert (groups["female"] ^ groups["male"]).all()


def test_reliability_has_the_bins_that_were_used() -> None:
    bins = reliability(answers_of([20] * 4, [0.95, 0.05, 0.93, 0.62], [True, False, False, True]))
    np.testing.assert_allclose(bins, [(0.62, 1, 1), ((0.95 + 0.95 + 0.93) / 3, 2 / 3, 3)])
