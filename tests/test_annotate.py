"""Boxes and labels: where they are, what they say, and that they can be read."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from faceattr import annotate
from faceattr.types import Age, BGRImage, Box, Detection, Face, Gender, Quality

BLUE, ORANGE = (178, 114, 0), (0, 159, 230)


def face(
    box: tuple[float, float, float, float],
    gender: str = "Female",
    *,
    probability: float = 0.97,
    label: str = "(30-39)",
    uncertain: bool = False,
) -> Face:
    return Face(
        Detection(Box(*box), 0.99),
        Gender(gender, probability, {gender: probability}),
        Age(31.4, 30, 39, label, 0.6, (25, 38)),
        Quality(100, 0.5, 0.5, touches_edge=False),
        uncertain,
    )


def blank(width: int = 640, height: int = 480, level: int = 90) -> BGRImage:
    return np.full((height, width, 3), level, np.uint8)


def changed(before: BGRImage, after: BGRImage) -> np.ndarray:
    return np.asarray((before != after).any(axis=2))


def luminance(pixels: np.ndarray) -> np.ndarray:
    """Relative luminance of BGR pixels (n, 3), as WCAG 2 defines it for its contrast of 4.5."""
    share = pixels / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ [0.0722, 0.7152, 0.2126])


def has(image: BGRImage, colour: tuple[int, int, int]) -> bool:
    return bool((image == colour).all(axis=2).any())


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[int, int], float]]:
    """What is written where, and how large."""
    written: list[tuple[str, tuple[int, int], float]] = []
    put_text = cv2.putText

    def note(image: BGRImage, text: str, origin: tuple[int, int], font: int, scale: float, *rest: Any) -> Any:
        written.append((text, origin, scale))
        return put_text(image, text, origin, font, scale, *rest)

    monkeypatch.setattr(cv2, "putText", note)
    return written


@pytest.fixture
def plates(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int, int, int]]:
    """The filled rectangles behind labels: x_min, y_min, x_max, y_max."""
    drawn: list[tuple[int, int, int, int]] = []
    rectangle = cv2.rectangle

    def note(image: BGRImage, first: Any, last: Any, colour: Any, thickness: int, *rest: Any) -> Any:
        if thickness == cv2.FILLED:
            drawn.append((*first, *last))
        return rectangle(image, first, last, colour, thickness, *rest)

    monkeypatch.setattr(cv2, "rectangle", note)
    return drawn


def overlap(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return max(0, width) * max(0, height)


def test_no_face_gives_an_equal_copy() -> None:
    image = blank()
    drawn = annotate.draw(image, ())
    assert np.array_equal(drawn, image)
    assert not np.shares_memory(drawn, image)


def test_image_itself_is_not_drawn_on() -> None:
    image = blank()
    drawn = annotate.draw(image, [face((100, 100, 300, 350))])
    assert (image == 90).all()
    assert drawn.shape == image.shape
    assert drawn.dtype == np.uint8


@pytest.mark.parametrize(("gender", "colour"), [("Male", BLUE), ("Female", ORANGE), ("Other", (150, 150, 150))])
def test_box_is_drawn_on_its_four_sides_in_the_colour_of_the_gender(gender: str, colour: tuple[int, int, int]) -> None:
    drawn = annotate.draw(blank(), [face((100, 150, 300, 400), gender)])
    for x, y in ((100, 390), (300, 390), (290, 150), (200, 400)):
        assert tuple(drawn[y, x].tolist()) == colour
    assert not changed(blank(), drawn)[160:390, 110:290].any()


def test_wide_face_has_its_label_in_one_line(texts: list[tuple[str, tuple[int, int], float]]) -> None:
    annotate.draw(blank(), [face((100, 150, 400, 450))])
    assert [text for text, _, _ in texts] == ["Female 97%  31 (25-38)"]


def test_narrow_face_has_its_label_in_two_lines(texts: list[tuple[str, tuple[int, int], float]]) -> None:
    annotate.draw(blank(), [face((100, 150, 140, 200), "Male", probability=0.845)])
    assert [text for text, _, _ in texts] == ["Male 84%", "31 (25-38)"]


def test_uncertain_face_is_marked(texts: list[tuple[str, tuple[int, int], float]]) -> None:
    annotate.draw(blank(), [face((100, 150, 400, 450), uncertain=True)])
    assert texts[0][0] == "? Female 97%  31 (25-38)"


def test_label_has_ascii_only(texts: list[tuple[str, tuple[int, int], float]]) -> None:
    annotate.draw(blank(), [face((100, 150, 400, 450), "Größe", label="(30–39)")])
    assert texts[0][0] == "Gr??e 97%  31 (25-38)"


EDGES = [
    (0, 0, 60, 80),
    (580, 0, 640, 80),
    (0, 400, 60, 480),
    (580, 400, 640, 480),
    (-50, -50, 700, 600),
    (-90, 200, -10, 300),
    (0, 0, 640, 480),
    (300, 0, 310, 12),
]


@pytest.mark.parametrize("box", EDGES)
@pytest.mark.parametrize(("width", "height"), [(640, 480), (320, 200), (120, 480), (90, 60)])
def test_label_stays_inside_the_image(
    plates: list[tuple[int, int, int, int]], box: tuple[int, int, int, int], width: int, height: int
) -> None:
    annotate.draw(blank(width, height), [face(box)])
    ((left, top, right, bottom),) = plates
    assert left >= 0
    assert top >= 0
    assert right < width
    assert bottom < height


@pytest.mark.parametrize(("width", "height"), [(1, 1), (16, 16), (16, 2000), (2000, 16)])
def test_tiny_images_are_drawn_on_as_far_as_there_is_room(width: int, height: int) -> None:
    image = blank(width, height)
    assert annotate.draw(image, [face((0, 0, width, height))]).shape == image.shape


@pytest.mark.parametrize("level", [0, 90, 255])
@pytest.mark.parametrize("gender", ["Male", "Female", "Other"])
def test_ink_stands_out_from_its_plate_on_any_background(
    plates: list[tuple[int, int, int, int]], gender: str, level: int
) -> None:
    drawn = annotate.draw(blank(level=level), [face((200, 200, 300, 320), gender)])
    left, top, right, bottom = plates[0]
    luminances = luminance(drawn[top:bottom, left:right].reshape(-1, 3))
    contrasts = (np.maximum(luminances, luminances[0]) + 0.05) / (np.minimum(luminances, luminances[0]) + 0.05)
    assert (contrasts > 4.5).mean() > 0.05


def test_box_is_visible_on_its_own_colour() -> None:
    image = np.full((480, 640, 3), ORANGE, np.uint8)
    assert changed(image, annotate.draw(image, [face((100, 150, 300, 400))]))[380:400, 90:110].any()


def test_letters_and_lines_grow_with_the_face_and_the_image(
    texts: list[tuple[str, tuple[int, int], float]],
) -> None:
    annotate.draw(blank(), [face((100, 150, 130, 190))])
    annotate.draw(blank(), [face((100, 150, 350, 450))])
    annotate.draw(blank(4000, 3000), [face((500, 500, 1500, 1700))])
    small, medium, large = (scale for scale in dict.fromkeys(scale for _, _, scale in texts))
    assert small < medium < large


def test_smallest_letters_can_be_read(texts: list[tuple[str, tuple[int, int], float]]) -> None:
    annotate.draw(blank(), [face((100, 150, 112, 162))])
    height = cv2.getTextSize("H", cv2.FONT_HERSHEY_DUPLEX, texts[0][2], 1)[0][1]
    assert height >= 7


def test_labels_of_neighbours_keep_clear_of_each_other_and_of_faces(plates: list[tuple[int, int, int, int]]) -> None:
    boxes = [(x, y, x + 50, y + 64) for y in (60, 200, 340) for x in (80, 180, 280, 380, 480)]
    annotate.draw(blank(), [face(box) for box in boxes])
    assert len(plates) == len(boxes)
    for index, plate in enumerate(plates):
        assert not any(overlap(plate, other) for other in plates[index + 1 :])
        assert not any(overlap(plate, box) for box in boxes)


def test_label_between_two_faces_goes_beside_them(plates: list[tuple[int, int, int, int]]) -> None:
    boxes = [(300, y, 360, y + 78) for y in (100, 180, 260)]
    annotate.draw(blank(), [face(box) for box in boxes])
    assert not any(overlap(plate, box) for plate in plates for box in boxes)


def test_labels_of_faces_side_by_side_can_all_be_read(plates: list[tuple[int, int, int, int]]) -> None:
    annotate.draw(blank(), [face((x, 200, x + 60, 280)) for x in range(60, 560, 62)])
    for index, plate in enumerate(plates):
        assert not any(overlap(plate, other) for other in plates[index + 1 :])


def test_a_hundred_faces_are_drawn() -> None:
    rng = np.random.default_rng(5)
    corners = rng.uniform(0, 440, (100, 2))
    faces = [face((x, y, x + 40, y + 50), "Male" if x > y else "Female") for x, y in corners]
    drawn = annotate.draw(blank(), faces)
    assert has(drawn, BLUE)
    assert has(drawn, ORANGE)
