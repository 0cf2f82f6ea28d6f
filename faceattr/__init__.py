"""Finds the faces in a photo and says an apparent gender and age for each: offline, on a CPU, from Caffe models."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from faceattr.version import __version__

if TYPE_CHECKING:
    from faceattr.analyzer import FaceAnalyzer
    from faceattr.errors import FaceAttrError, PackError, PhotoError
    from faceattr.options import Options
    from faceattr.settings import Settings
    from faceattr.types import Analysis, Face

__all__ = [
    "Analysis",
    "Face",
    "FaceAnalyzer",
    "FaceAttrError",
    "Options",
    "PackError",
    "PhotoError",
    "Settings",
    "__version__",
]

_HOMES = {
    "Analysis": "types",
    "Face": "types",
    "FaceAnalyzer": "analyzer",
    "FaceAttrError": "errors",
    "Options": "options",
    "PackError": "errors",
    "PhotoError": "errors",
    "Settings": "settings",
}


def __getattr__(name: str) -> Any:
    # Imported when first used (PEP 562), so that --help and healthcheck do not wait for OpenCV.
    if name not in _HOMES:
        raise AttributeError(f"module 'faceattr' has no attribute {name!r}")
    return getattr(importlib.import_module(f"faceattr.{_HOMES[name]}"), name)
