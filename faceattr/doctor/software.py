"""Python and the libraries that are installed."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import sys
from collections.abc import Iterator

from faceattr.doctor.finding import Finding
from faceattr.version import __version__

LEAST_PYTHON = (3, 11)
NEEDED = ("flask", "numpy", "opencv", "waitress")
USEFUL = {
    "onnx": "reading Caffe files, with protobuf, for the faster engines",
    "protobuf": "the same",
    "onnxruntime": "the fastest engine in f32",
    "openvino": "an engine with bf16",
    "prometheus-client": "/metrics",
    "Flask-Limiter": "--rate-limit",
    "tqdm": "the batch's progress bar",
    "pyarrow": "Parquet",
    "ray": "the batch on a cluster",
}
"""Distributions that may be missing, and what each is for."""
_OPENCV = ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python")


def look_at_python() -> Finding:
    """The interpreter and where it is installed."""
    found = f"{platform.python_version()} in {sys.prefix}; faceattr {__version__}; {platform.platform(terse=True)}"
    if sys.version_info < LEAST_PYTHON:
        return Finding("python", "wrong", f"{found}: 3.11 or newer is needed")
    return Finding("python", "ok", found)


def look_at_libraries() -> Iterator[Finding]:
    """Each library with its version, or what its absence means."""
    for name in NEEDED:
        version = _opencv_version() if name == "opencv" else _version_of(name)
        missing = f"missing: pip install {'opencv-python-headless' if name == 'opencv' else name}"
        yield Finding(name, "ok" if version else "wrong", version or missing)
    for name, purpose in USEFUL.items():
        version = _version_of(name)
        yield Finding(name, "ok" if version else "note", version or f"not installed; for {purpose}")


def _version_of(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _opencv_version() -> str | None:
    # Debian and Conda have an OpenCV that is no distribution of pip's.
    found = next((version for name in _OPENCV if (version := _version_of(name))), None)
    return found or ("of this system" if importlib.util.find_spec("cv2") else None)
