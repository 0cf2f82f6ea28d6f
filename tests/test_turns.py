from __future__ import annotations

import numpy as np
import pytest

from faceattr.images import DecodedPhoto
from faceattr.turns import TURNS, Found, best_turn, evidence, turned_photo

WIDE = DecodedPhoto(np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3), 90, 12, 8, 2)


def scores(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def chosen(by_turn: dict[int, tuple[float, ...]], turns: tuple[int, ...] = TURNS) -> tuple[int, list[int]]:
    """The best turn when each has faces of these confidences; and the turns that were tried."""
    tried: list[int] = []

    def find(photo: DecodedPhoto) -> Found:
        tried.append((photo.rotation - WIDE.rotation) % 360)
        confidences = scores(*by_turn.get(tried[-1], ()))
        return np.full((len(confidences), 4), tried[-1], np.float32), confidences

    turn, (boxes, confidences) = best_turn(WIDE, turns, find)
    assert confidences == pytest.approx(by_turn.get(turn, ()))
    assert (boxes == turn).all()
    return turn, tried


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_photo_whose_faces_show_in_one_turn_only_is_turned_so(degrees: int) -> None:
    assert chosen({degrees: (0.9,)}) == (degrees, [0, 90, 180, 270])


def test_without_faces_in_any_turn_the_photo_stays() -> None:
    assert chosen({})[0] == 0


def test_a_false_box_upright_does_not_hide_the_right_turn() -> None:
    assert chosen({0: (0.6,), 90: (0.999,)})[0] == 90
    assert chosen({0: (0.99,), 180: (0.9999, 0.999)})[0] == 180


def test_several_weak_boxes_do_not_outweigh_a_sure_face() -> None:
    assert chosen({0: (0.9999,), 270: (0.7, 0.8, 0.6)})[0] == 0


def test_a_draw_or_a_narrow_win_leaves_the_photo_as_it_is() -> None:
    assert chosen({0: (0.99,), 90: (0.99,)})[0] == 0
    assert chosen({0: (0.99,), 90: (0.991,)})[0] == 0
    assert chosen({0: (1.0,), 180: (1.0,)})[0] == 0


def test_only_the_turns_asked_for_are_tried() -> None:
    assert chosen({90: (0.9,)}, (0,)) == (0, [0])


def test_evidence_is_finite_and_grows_with_faces_and_with_confidence() -> None:
    assert evidence(scores()) == 0
    assert 0 < evidence(scores(0.5)) < evidence(scores(0.9)) < evidence(scores(0.9, 0.5)) < evidence(scores(1.0)) < 20


@pytest.mark.parametrize(("degrees", "quarters"), [(0, 0), (90, 1), (180, 2), (270, 3)])
def test_a_turned_photo_has_its_sizes_and_rotation_turned_too(degrees: int, quarters: int) -> None:
    photo = turned_photo(WIDE, degrees)
    assert (photo.image == np.rot90(WIDE.image, -quarters)).all()
    assert photo.image.flags.c_contiguous
    assert (photo.width, photo.height) == ((8, 12) if quarters % 2 else (12, 8))
    assert photo.rotation == (90 + degrees) % 360
    assert photo.reduction == 2
