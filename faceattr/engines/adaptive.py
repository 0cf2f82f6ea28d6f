"""All cores for a photo that is alone, one core each for photos that come together.

One thread a photo answers the most photos a second, but leaves cores idle while there is only one photo. A session's
threads are fixed when it is made, so there are two sessions of each net, and each call takes the one that fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from faceattr.engines import Engine, Net
from faceattr.types import FloatArray

MAX_MODEL_BYTES = 32 * 2**20
"""A larger model is loaded once, for all cores: a second copy would cost more memory than it saves time."""


class AdaptiveEngine:
    """Two engines as one: `narrow` runs nets on one thread, `wide` on all cores while `is_alone` says so."""

    def __init__(self, narrow: Engine, wide: Engine, is_alone: Callable[[], bool]) -> None:
        self.name, self.precision = narrow.name, narrow.precision
        self._narrow, self._wide, self._is_alone = narrow, wide, is_alone

    def load(self, model: bytes) -> Net:
        """A net from a serialized ONNX model with a free batch. Raises EngineError when it cannot be loaded."""
        wide = self._wide.load(model)
        if len(model) > MAX_MODEL_BYTES:
            return wide
        return AdaptiveNet(self._narrow.load(model), wide, self._is_alone)

    @contextmanager
    def single_thread(self) -> Iterator[None]:
        """While open, nets run on one thread each, to need as little memory as possible."""
        with self._narrow.single_thread(), self._wide.single_thread():
            yield


class AdaptiveNet:
    """One net, loaded twice."""

    def __init__(self, narrow: Net, wide: Net, is_alone: Callable[[], bool]) -> None:
        self._narrow, self._wide, self._is_alone = narrow, wide, is_alone

    def __call__(self, blob: FloatArray) -> Mapping[str, FloatArray]:
        return (self._wide if self._is_alone() else self._narrow)(blob)

    def settle(self) -> None:
        self._narrow.settle()
        self._wide.settle()
