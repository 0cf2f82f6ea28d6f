"""OpenCV 4's own Caffe import, the reference for ours; a test that needs it is skipped under OpenCV 5."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

READ: Any = getattr(cv2.dnn, "readNetFromCaffe", None)
needs_opencv_4 = pytest.mark.skipif(READ is None, reason="OpenCV 5 cannot read Caffe nets; OpenCV 4 is the reference")


def caffe_net(prototxt: str | bytes, weights: bytes | None = None) -> Any:
    """A cv2.dnn.Net from Caffe's two files, or from a prototxt whose layers need no weights."""
    if READ is None:
        pytest.skip("OpenCV 5 cannot read Caffe nets; OpenCV 4 is the reference")
    text = prototxt.encode() if isinstance(prototxt, str) else prototxt
    parts = [np.frombuffer(part, np.uint8) for part in (text, weights) if part is not None]
    return READ(*parts)
