"""The rules by which the kiosk's benchmark tells steady from restless and flat from growing."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright.sync_api", reason="install Playwright: pip install -r requirements-dev.txt")

from benchmarks.kiosk import Frame, flips, gone
from benchmarks.visits import LEAST_VISITS, ROUND, Held, judge, table

HER, HIM = (1, "Female"), (2, "Male")


@pytest.mark.parametrize(
    ("frames", "came_or_went", "flipped"),
    [
        ([], 0, 0),
        ([[]], 0, 0),
        ([[HER, HIM]] * 3, 0, 0),
        ([[HER], [HER, HIM], [HER]], 1, 0),
        ([[HER], [(3, "Female")]], 2, 0),
        ([[HER], [(1, "Male")], [(1, "Male")], [HER]], 0, 2),
        ([[HER], [], [(1, "Male")]], 1, 1),
    ],
)
def test_tracks_that_come_or_go_and_genders_that_flip_are_counted(
    frames: list[Frame], came_or_went: int, flipped: int
) -> None:
    assert (gone(frames), flips(frames)) == (came_or_went, flipped)


def visits(heap_a_visit: float = 0.0, nodes_a_visit: int = 0, listeners_a_visit: int = 0) -> list[Held]:
    """Sixty visits; the kinds of a round leave different things, and the first round is the way up."""
    return [
        Held(
            heap_mb=3.0 + 0.2 * (at % ROUND) - 2.0 * (at < ROUND) + heap_a_visit * at,
            nodes=1700 + at % ROUND - 300 * (at < ROUND) + nodes_a_visit * at,
            listeners=140 + at % ROUND + listeners_a_visit * at,
        )
        for at in range(60)
    ]


@pytest.mark.parametrize(
    ("samples", "grown"),
    [
        (visits(), []),
        (visits(heap_a_visit=0.05), []),
        (visits(heap_a_visit=0.1), ["growth of JS heap"]),
        (visits(nodes_a_visit=4), ["growth of DOM nodes"]),
        (visits(listeners_a_visit=1), ["growth of event listeners"]),
    ],
)
def test_what_grows_is_named(samples: list[Held], grown: list[str]) -> None:
    assert [bound.name for bound in judge(samples) if not bound.holds] == grown


def test_too_few_visits_are_no_verdict() -> None:
    with pytest.raises(ValueError, match="are too few"):
        judge(visits()[: LEAST_VISITS - 1])


def test_the_table_goes_from_the_first_round_to_the_last() -> None:
    lines = table(visits()).splitlines()
    assert lines[0] == "| after visits | 4 | 20 | 32 | 44 | 60 |"
    assert lines[2].startswith("| JS heap MB | 1.30 |")
