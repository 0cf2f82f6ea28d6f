from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmarks.clients import Request, Tally, _answer
from benchmarks.load import Bound, growth, percentile


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


def test_only_what_was_expected_or_a_refusal_passes() -> None:
    tally = Tally()
    for status in (200, 503, 500, None):
        tally.note(Request(b""), status, 1.0)
    tally.note(Request(b"", frozenset({415})), 200, 1.0)
    assert tally.unexpected == {"500": 1, "none": 1, "200": 1}
    assert tally.codes == {"200": 2, "503": 1, "500": 1, "none": 1}


def test_an_answer_is_read_to_its_end() -> None:
    async def read(data: bytes) -> tuple[int, bool, bytes]:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        status, stays = await _answer(reader)
        return status, stays, await reader.read()

    kept = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcnext"
    ended = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    # In a thread: the tests of the page leave an event loop running in the one that they share with us.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(lambda: asyncio.run(read(kept))).result() == (200, True, b"next")
        assert thread.submit(lambda: asyncio.run(read(ended))).result() == (400, False, b"")
