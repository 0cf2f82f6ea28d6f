"""The service with a leak, to see that a check of its memory would find one: `python -m benchmarks.leaking serve`."""

from __future__ import annotations

import sys
from typing import Any

from faceattr.__main__ import main
from faceattr.analyzer import FaceAnalyzer
from faceattr.types import Analysis

_analyze = FaceAnalyzer.analyze
_kept: list[bytearray] = []


def _analyze_and_keep(analyzer: FaceAnalyzer, photo: bytes, *arguments: Any, **named: Any) -> Analysis:
    _kept.append(bytearray(photo))
    return _analyze(analyzer, photo, *arguments, **named)


if __name__ == "__main__":
    FaceAnalyzer.analyze = _analyze_and_keep  # type: ignore[method-assign, assignment]
    sys.exit(main())
