from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from faceattr.errors import Abandoned, Overloaded
from faceattr.slots import Patience, Slots


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


def test_places_are_given_in_the_order_of_asking() -> None:
    slots, order, threads = Slots(1), [], []

    def work(index: int) -> None:
        with slots.one():
            order.append(index)

    with slots.one():
        for index in range(12):
            threads.append(threading.Thread(target=work, args=(index,)))
            threads[-1].start()
            while slots.waiting <= index:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == list(range(12))


def test_one_whose_time_is_over_is_turned_away_and_the_next_let_in() -> None:
    slots = Slots(1)
    with slots.one():
        with pytest.raises(Overloaded), slots.one(Patience(until=time.monotonic() - 1)):
            raise AssertionError
        with pytest.raises(Overloaded), slots.one(Patience(until=time.monotonic() + 0.01)):
            raise AssertionError
    # A free place is taken whatever the time.
    with slots.one(Patience(until=time.monotonic() - 1)):
        assert (slots.busy, slots.waiting) == (1, 0)
    assert slots.busy == 0


def test_work_that_nobody_waits_for_is_not_begun() -> None:
    slots = Slots(1)
    with pytest.raises(Abandoned), slots.one(Patience(gone=lambda: True)):
        raise AssertionError
    assert slots.busy == 0
