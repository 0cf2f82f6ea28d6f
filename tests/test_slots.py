from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from faceattr.slots import Slots


def test_no_more_than_count_callers_are_in_at_once() -> None:
    slots, inside, most, lock = Slots(3), 0, 0, threading.Lock()
    barrier = threading.Barrier(3)

    def work(index: int) -> None:
        nonlocal inside, most
        with slots.one():
            with lock:
                inside += 1
                most = max(most, inside)
            if index < 3:
                barrier.wait(10)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert most == 3


def test_one_that_asks_for_all_is_alone() -> None:
    slots, inside, lock, seen = Slots(2), 0, threading.Lock(), []

    def single(_: int) -> None:
        nonlocal inside
        with slots.one(), lock:
            inside += 1
            inside -= 1

    def alone(_: int) -> None:
        with slots.all():
            seen.append((inside, slots._free))

    with ThreadPoolExecutor(8) as pool:
        for index in range(60):
            pool.submit(alone if index % 10 == 0 else single, index)
    assert seen == [(0, 0)] * 6


def test_a_failure_inside_gives_the_place_back() -> None:
    slots = Slots(1)
    for _ in range(3):
        try:
            with slots.all():
                raise KeyError
        except KeyError:
            pass
    with slots.one():
        assert slots._free == 0
    assert slots._free == 1
