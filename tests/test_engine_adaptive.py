from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import numpy as np
import pytest

from faceattr.engines import adaptive
from faceattr.engines.adaptive import AdaptiveEngine
from faceattr.types import FloatArray

BLOB = np.zeros((1, 3, 8, 8), np.float32)


class FakeNet:
    def __init__(self, name: str, calls: list[str]) -> None:
        self._name, self._calls = name, calls

    def __call__(self, blob: FloatArray) -> Mapping[str, FloatArray]:
        self._calls.append(self._name)
        return {"prob": blob}

    def settle(self) -> None:
        self._calls.append(f"{self._name} settled")


class FakeEngine:
    def __init__(self, name: str, calls: list[str]) -> None:
        self.name, self.precision, self.calls = name, "f32", calls

    def load(self, model: bytes) -> FakeNet:
        self.calls.append(f"{self.name} loaded")
        return FakeNet(self.name, self.calls)

    @contextlib.contextmanager
    def single_thread(self) -> Iterator[None]:
        self.calls.append(f"{self.name} single")
        yield


@pytest.fixture
def calls() -> list[str]:
    return []


def engine(calls: list[str], alone: list[bool]) -> AdaptiveEngine:
    return AdaptiveEngine(FakeEngine("narrow", calls), FakeEngine("wide", calls), lambda: alone[0])


def test_a_photo_alone_has_all_cores_and_others_one_each(calls: list[str]) -> None:
    alone = [True]
    net = engine(calls, alone).load(b"model")
    calls.clear()
    net(BLOB)
    alone[0] = False
    net(BLOB)
    assert calls == ["wide", "narrow"]


def test_both_copies_settle(calls: list[str]) -> None:
    net = engine(calls, [True]).load(b"model")
    calls.clear()
    net.settle()
    assert sorted(calls) == ["narrow settled", "wide settled"]


def test_a_large_model_is_loaded_once(calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adaptive, "MAX_MODEL_BYTES", 4)
    net = engine(calls, [False]).load(b"larger")
    net(BLOB)
    assert calls == ["wide loaded", "wide"]


def test_single_thread_reaches_both(calls: list[str]) -> None:
    with engine(calls, [True]).single_thread():
        assert sorted(calls) == ["narrow single", "wide single"]
