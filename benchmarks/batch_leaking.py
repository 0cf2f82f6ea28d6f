"""A batch whose workers keep every photo, to see that a check of its memory would find that."""

from __future__ import annotations

from faceattr.batch.worker import PackAnalyzer
from faceattr.options import Options
from faceattr.settings import Settings
from faceattr.types import Analysis, PictureFormat


class Leaking(PackAnalyzer):
    """The real analyzer, with a leak."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._kept: list[bytearray] = []

    def analyze(self, photo: bytes, options: Options, *, picture: PictureFormat | None = None) -> Analysis:
        self._kept.append(bytearray(photo))
        return super().analyze(photo, options, picture=picture)


def load(settings: Settings) -> Leaking:
    """For workers, which import it by name."""
    return Leaking(settings)
