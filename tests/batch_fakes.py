"""An analyzer whose photos say what should happen to them, for tests of batch; importable by spawned workers."""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path

from faceattr.batch.identity import Identity
from faceattr.errors import EngineError, OutOfMemory, PackError, SettingsError, TruncatedImage, UnsupportedImage
from faceattr.options import Options
from faceattr.settings import Settings
from faceattr.types import Age, Analysis, Box, Detection, Face, Gender, PictureFormat, Quality

MADE_BY = {
    "faceattr": "0.0",
    "pack": {"name": "fake", "version": "1", "digest": "d1", "manifest": "m"},
    "engine": "none",
    "precision": "f32",
    "options": {"min_confidence": None, "min_face": 12, "tta": True},
    "limits": {"max_image_bytes": 100_000_000, "max_pixels": 200_000_000, "min_side": 8, "max_side": 16_384},
    "annotate": False,
}
"""What a Source says of its outcomes."""


def face(x: float, confidence: float) -> Face:
    return Face(
        Detection(Box(x + 10.4, 20.5, x + 110.6, 141.5), confidence),
        Gender("Female", 2 / 3, {"Male": 1 / 3, "Female": 2 / 3}),
        Age(31.44, 30, 39, "(30-39)", 0.5, (25, 38)),
        Quality(100, 0.7, 0.25, False),
        uncertain=True,
    )


def analysis(faces: int, picture: bytes | None = None, confidence: float = 0.98765) -> Analysis:
    return Analysis(
        tuple(face(100.0 * i, confidence) for i in range(faces)), 640, 480, 0, "fake", "1", "none", {}, picture
    )


class FakeAnalyzer:
    """Obeys the first word of a photo: `faces N`, `segv`, `segv-unless FILE`, `sleep SECONDS`, `boom`, and so on."""

    def __init__(self, digest: str = "d1") -> None:
        self.identity = Identity("fake", "1", digest, "m", "none", "f32")
        self.kept: list[bytes] = []

    def analyze(
        self, photo: bytes, options: Options | None = None, *, picture: PictureFormat | None = None
    ) -> Analysis:
        word, _, rest = photo.decode("utf-8", "replace").partition(" ")
        match word:
            case "faces":
                return analysis(int(rest), b"drawn " + photo if picture else None)
            case "options":
                confidence = options.min_confidence if options else None
                return analysis(1, confidence=0.1234 if confidence is None else confidence)
            case "segv":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "segv-unless":
                if not Path(rest).exists():
                    Path(rest).touch()
                    os.kill(os.getpid(), signal.SIGSEGV)
                return analysis(1)
            case "sleep":
                time.sleep(float(rest))
                return analysis(1)
            case "sleep-unless":
                if not Path(rest).exists():
                    Path(rest).touch()
                    time.sleep(60)
                return analysis(1)
            case "grow":
                self.kept.append(b"x" * int(rest))
                return analysis(1)
            case "process":
                return analysis(1, confidence=os.getpid() % 10_000 / 10_000)
            case "count":
                with Path(rest).open("ab") as file:
                    file.write(b"x")
                return analysis(1)
            case "mark":
                Path(rest).touch()
                time.sleep(60)
            case "slow-mark":
                Path(rest).touch()
                time.sleep(1)
                return analysis(1)
            case "unlink":
                Path(rest).unlink()
                return analysis(1)
            case "truncated":
                raise TruncatedImage("The photo ends before its last pixel.")
            case "memory":
                raise OutOfMemory("Too much.")
            case "allocation":
                raise MemoryError
            case "engine":
                raise EngineError("The net fell over.")
            case "boom":
                raise ValueError("no such thing")
            case "no-file":
                raise FileNotFoundError(2, "No such file or directory")
        raise UnsupportedImage("Not a photo.")


def load(_settings: Settings) -> FakeAnalyzer:
    logging.getLogger("faceattr.fake").info("pack fake 1")
    return FakeAnalyzer()


def load_other(_settings: Settings) -> FakeAnalyzer:
    return FakeAnalyzer("d2")


def load_another_each_time(_settings: Settings) -> FakeAnalyzer:
    return FakeAnalyzer(str(os.getpid()))


def load_bad_pack(_settings: Settings) -> FakeAnalyzer:
    raise PackError("age_net.caffemodel is a Git LFS pointer (130 bytes).")


def load_bad_engine(_settings: Settings) -> FakeAnalyzer:
    raise EngineError("OpenCV 5 cannot read Caffe models.")


def load_bad_setting(_settings: Settings) -> FakeAnalyzer:
    raise SettingsError("That is not allowed.")


def load_without_library(_settings: Settings) -> FakeAnalyzer:
    raise ImportError("No module named 'cv2'")


def load_dying(_settings: Settings) -> FakeAnalyzer:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError
