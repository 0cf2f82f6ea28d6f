"""The rule by which a soak tells flat from growing, held against series of which that is known."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from benchmarks.soak import LEAST_SAMPLES, judge, table
from benchmarks.watching import Sample

COUNT = 180


def series(
    memory: Callable[[int], float] = lambda _: 180.0,
    files: Callable[[int], int] = lambda _: 230,
    threads: Callable[[int], int] = lambda _: 28,
) -> list[Sample]:
    noise = random.Random(0)
    return [
        Sample(memory(at) + noise.uniform(-3, 3), files(at) + noise.randint(-10, 10), threads(at))
        for at in range(COUNT)
    ]


def broken(samples: list[Sample]) -> list[str]:
    return [bound.name for bound in judge(samples) if not bound.holds]


FLAT = {
    "flat": series(),
    "a way up that ends": series(memory=lambda at: 180 - 100 * 0.8**at, files=lambda at: min(230, 20 * at)),
    "spikes": series(memory=lambda at: 260 if at % 10 == 0 else 180, threads=lambda at: 40 if at % 10 == 0 else 28),
    "a way down": series(memory=lambda at: 200 - at / 10),
}
GROWING = {
    "memory": (series(memory=lambda at: 180 + at * 0.12), ["growth of memory"]),
    "memory in steps": (series(memory=lambda at: 180 + 10 * (at // 50)), ["growth of memory"]),
    "open files": (series(files=lambda at: 230 + at // 2), ["growth of open files"]),
    "threads": (series(threads=lambda at: 28 + at // 15), ["growth of threads"]),
    "late": (series(memory=lambda at: 180 + max(0, at - 130) * 0.5), ["growth of memory"]),
}


@pytest.mark.parametrize("name", FLAT)
def test_what_does_not_grow_is_flat(name: str) -> None:
    assert broken(FLAT[name]) == []


@pytest.mark.parametrize("name", GROWING)
def test_what_grows_is_named(name: str) -> None:
    samples, grown = GROWING[name]
    assert broken(samples) == grown


def test_too_few_samples_are_no_verdict() -> None:
    with pytest.raises(ValueError, match="8 samples are too few"):
        judge(series()[: LEAST_SAMPLES - 1])


def test_the_table_has_every_third() -> None:
    lines = table([Sample(float(at), 10, 5) for at in range(9)]).splitlines()
    assert lines[2] == "| memory MB | 1.0 | 4.0 | 7.0 | 0.0 | 8.0 |"
    assert lines[4] == "| threads | 5.0 | 5.0 | 5.0 | 5.0 | 5.0 |"
