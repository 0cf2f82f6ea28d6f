from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.load import Bound, growth, percentile, refusal_ms
from benchmarks.requests import bad_requests, good_request, slow_requests
from benchmarks.traffic import Tally


@pytest.mark.parametrize(
    ("values", "grown"),
    [
        ([100.0], 0.0),
        ([10.0, 90.0, 100.0, 100.0, 100.0, 100.0, 101.0, 99.0, 100.0, 100.0], 0.0),  # the way up does not count
        ([float(value) for value in range(100)], 60.0),
    ],
)
def test_growth_is_told_from_the_way_up(values: list[float], grown: float) -> None:
    assert growth(values) == grown


def test_a_bound_holds_on_its_own_side_only() -> None:
    assert Bound("memory", 20, 20).holds
    assert not Bound("memory", 20.1, 20).holds
    assert Bound("goodput", 90, 90, least=True).holds
    assert not Bound("goodput", 89.9, 90, least=True).holds
    assert not Bound("p99 of nothing", percentile([], 0.99), 3000).holds


def test_what_answers_take_is_not_laid_to_the_refusals() -> None:
    alone, loaded = Tally(Counter({"200": 100})), Tally(Counter({"200": 50, "503": 200}))
    assert refusal_ms(alone, 2.0, loaded, 1.1) == pytest.approx(0.5)


def test_requests_are_of_many_kinds_and_each_knows_its_answer() -> None:
    photo = bytes(100_000)
    good, bad, slow = good_request(photo), bad_requests(photo), slow_requests(photo)
    assert good.expected == {200}
    assert {code for request in bad for code in request.expected} == {400, 403, 404, 405, 413, 415, 422}
    assert sum(not request.expected for request in bad) == 2
    assert {code for request in slow for code in request.expected} == {408}
    assert sum(request.drip > 0 for request in slow) == 2
