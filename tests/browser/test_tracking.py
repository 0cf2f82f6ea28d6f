"""Following faces from frame to frame: the page's own functions, given made-up answers."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="install Playwright: pip install -r requirements-dev.txt")

from playwright.sync_api import Page

from . import samples

pytestmark = pytest.mark.browser

FRAME_MS = 80
FOLLOW = """(frames) => {
  const gone = [];
  const tracker = faceattr.tracking.create((track) => gone.push(structuredClone(track)));
  const seen = frames.map(([answer, now]) => structuredClone(tracker.update(answer, now)));
  const all = tracker.all().length;
  tracker.drop();
  return { seen, gone, all };
}"""


def face(x: float, y: float = 200, side: int = 100, female: float = 0.97, **changes: Any) -> dict[str, Any]:
    """A face at a place of a 1000×500 frame."""
    shares = {"Male": 1 - female, "Female": female}
    value = max(shares, key=lambda label: shares[label])
    gender = {"value": value, "probability": shares[value], "probabilities": shares}
    made = samples.face(0, 0, side, gender=gender, **changes)
    made["box"] |= {"x_min": x, "y_min": y, "x_max": x + side, "y_max": y + side}
    return made


def follow(page: Page, frames: list[list[dict[str, Any]]], frame_ms: int = FRAME_MS) -> dict[str, Any]:
    """Gives the frames, each a list of faces, to a tracker: what it said of each, and what was gone in the end."""
    size = {"width": 1000, "height": 500}
    said: dict[str, Any] = page.evaluate(
        FOLLOW, [[{"faces": faces, "image": size}, 1000 + number * frame_ms] for number, faces in enumerate(frames)]
    )
    return said


def aged(years: float) -> dict[str, Any]:
    return {"years": years, "low": 30, "high": 39, "label": "(30-39)", "probability": 0.5, "interval": [24, 38]}


def test_jitter_flips_no_word_and_hardly_moves_the_box(page: Page) -> None:
    noise = random.Random(5)
    frames = [
        [
            face(
                400 + noise.gauss(0, 2),
                200 + noise.gauss(0, 2),
                female=min(max(noise.gauss(0.62, 0.2), 0.01), 0.99),
                age=aged(noise.gauss(31, 4)),
            )
        ]
        for _ in range(120)
    ]
    tracks = [tracks for tracks in follow(page, frames)["seen"] if tracks]
    assert {track["id"] for (track,) in tracks} == {1}
    settled = [track for (track,) in tracks[10:]]
    assert {track["value"] for track in settled} == {"Female"}
    years = [track["years"] for track in settled]
    assert sum(a != b for a, b in pairwise(years)) <= 6
    moves = [abs(a["box"]["x_min"] - b["box"]["x_min"]) for a, b in pairwise(settled)]
    given = [abs(a[0]["box"]["x_min"] - b[0]["box"]["x_min"]) / 1000 for a, b in pairwise(frames)]
    assert sum(moves) < sum(given) / 2


def test_word_changes_when_the_evidence_does(page: Page) -> None:
    frames = [[face(400, female=0.6)]] * 5 + [[face(400, female=0.02)]] * 60
    (last,) = follow(page, frames)["seen"][-1]
    assert (last["id"], last["value"]) == (1, "Male")
    assert last["probability"] == last["gender"]["Male"] > 0.9


def test_clear_looks_weigh_more_than_doubtful_ones(page: Page) -> None:
    blurred = {"size_px": 100, "sharpness": 0.02, "brightness": 0.5, "touches_edge": True}
    frames = [[face(400, female=0.05)], *[[face(400, female=0.6, quality=blurred)]] * 5]
    (last,) = follow(page, frames)["seen"][-1]
    assert last["value"] == "Male"


def test_crossing_faces_keep_their_ids(page: Page) -> None:
    frames = []
    for step in range(40):
        left = face(100 + 15 * step, 195, female=0.95, age=aged(25))
        right = face(700 - 15 * step, 215, female=0.05, age=aged(60))
        # Where one hides the other, only the one in front is found.
        frames.append([left] if abs(left["box"]["x_min"] - right["box"]["x_min"]) < 30 else [right, left])
    first, last = (
        {track["id"]: track["value"] for track in tracks}
        for tracks in (follow(page, frames)["seen"][5], follow(page, frames)["seen"][-1])
    )
    assert len(first) == 2
    assert first == last


@pytest.mark.parametrize(("missed", "is_kept"), [(1, True), (3, True), (12, False)])
def test_id_is_kept_over_missed_frames_but_not_for_ever(page: Page, missed: int, is_kept: bool) -> None:
    said = follow(page, [[face(400)]] * 4 + [[]] * missed + [[face(404)]] * 3)
    assert said["seen"][-1][0]["id"] == (1 if is_kept else 2)
    assert [track["id"] for track in said["gone"]] == ([1] if is_kept else [1, 2])


def test_face_that_has_left_is_gone_with_its_times(page: Page) -> None:
    said = follow(page, [[face(400)]] * 10 + [[]] * 15)
    assert said["seen"][-1] == []
    assert said["all"] == 0
    (gone,) = said["gone"]
    assert (gone["since"], gone["seen"], gone["frames"]) == (1000, 1000 + 9 * FRAME_MS, 10)


def test_slow_answers_keep_ids_too(page: Page) -> None:
    said = follow(page, [[face(400 + 5 * step)] for step in range(6)], frame_ms=1500)
    assert {track["id"] for tracks in said["seen"] for track in tracks} == {1}


def test_box_settles_where_the_face_stays_and_keeps_up_with_one_that_walks(page: Page) -> None:
    (stays,) = follow(page, [[face(300)]] * 5 + [[face(340)]] * 12)["seen"][-1]
    assert stays["box"]["x_min"] == pytest.approx(0.34, abs=0.002)
    (walks,) = follow(page, [[face(100 + 20 * step)] for step in range(30)])["seen"][-1]
    assert walks["box"]["x_min"] == pytest.approx(0.68, abs=0.01)
    assert walks["velocity"]["x"] == pytest.approx(20 / FRAME_MS, rel=0.1)


@pytest.mark.parametrize("frames", [1, 2, 4, 12])
def test_doubtful_flicker_is_nobody(page: Page, frames: int) -> None:
    """A detector at 0.5 takes a plate or a hand for a face now and then, in the same place for up to a second."""
    doubtful = face(100)
    doubtful["box"]["probability"] = 0.55
    said = follow(page, [[face(600)]] * 3 + [[face(600), doubtful]] * frames + [[face(600)]] * 12)
    assert [len(tracks) for tracks in said["seen"]] == [1] * (15 + frames)
    assert [track["id"] for track in said["gone"]] == [1]


@pytest.mark.parametrize("every", [2, 3, 4])
def test_doubtful_face_that_comes_and_goes_is_nobody(page: Page, every: int) -> None:
    doubtful = face(100)
    doubtful["box"]["probability"] = 0.55
    frames = [[face(600), doubtful] if number % every == 0 else [face(600)] for number in range(60)]
    said = follow(page, frames)
    assert [len(tracks) for tracks in said["seen"]] == [1] * 60
    assert [track["id"] for track in said["gone"]] == [1]


def test_doubtful_face_that_stays_is_somebody(page: Page) -> None:
    doubtful = face(100)
    doubtful["box"]["probability"] = 0.55
    said = follow(page, [[doubtful]] * 25)
    unseen = math.ceil(1500 / FRAME_MS)
    assert [len(tracks) for tracks in said["seen"]] == [0] * unseen + [1] * (25 - unseen)


def test_numbers_for_people_start_again_and_ids_do_not(page: Page) -> None:
    said = follow(page, [[face(100), face(600)]] * 3 + [[face(600)]] * 12 + [[face(600), face(300)]] * 3)
    assert [(track["id"], track["number"]) for track in said["seen"][-1]] == [(3, 1), (2, 2)]


def test_neighbours_do_not_swap(page: Page) -> None:
    frames = [
        [face(200 + 110 * place + 4 * math.sin(step + place), female=(0.1, 0.9)[place % 2]) for place in range(5)]
        for step in range(20)
    ]
    for step, faces in enumerate(frames):
        random.Random(step).shuffle(faces)
    seen = follow(page, frames)["seen"]
    order = [[track["id"] for track in sorted(tracks, key=lambda t: t["box"]["x_min"])] for tracks in seen]
    assert all(ids == order[0] for ids in order)


def test_answer_of_a_pack_without_intervals_is_followed(page: Page) -> None:
    made = face(400, age={"years": 28.5, "low": 25, "high": 32})
    del made["gender"]["probabilities"], made["quality"]
    (track,) = follow(page, [[made]] * 3)["seen"][-1]
    assert (track["value"], track["low"], track["high"]) == ("Female", 25, 32)
    assert track["probability"] == pytest.approx(0.97)


def test_pace_leaves_room_to_breathe_and_measures_itself(page: Page) -> None:
    waits, figures = page.evaluate(
        """() => {
          const pace = faceattr.pace.create();
          const waits = [pace.wait(0)];
          for (let now = 0; now < 2000; now += 100) {
            pace.sent(now);
            pace.answered(now + 60);
            waits.push(pace.wait(now + 60));
          }
          const figures = pace.figures(1960);
          pace.failed(2000, 1000);
          waits.push(pace.wait(2000), pace.wait(3000));
          return [waits, figures];
        }"""
    )
    assert waits[0] == 0
    assert all(0 < wait <= 40 for wait in waits[1:-2])
    assert waits[-2:] == [1000, 0]
    assert figures["perSecond"] == pytest.approx(10, rel=0.02)
    assert figures["answerMs"] == pytest.approx(60)
