"""Photos and answers for the page's tests, made here."""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import cv2
import numpy as np

ASTRONAUT = Path(__file__).parents[1] / "data" / "astronaut.jpg"
FACE = (175, 60, 275, 200)
"""About where the astronaut's face is: x_min, y_min, x_max, y_max."""


def astronaut_as(extension: str) -> bytes:
    """The astronaut in another format, such as `.tiff`."""
    image = cv2.imread(str(ASTRONAUT))
    return _encoded(extension, image)


def astronaut_lying() -> bytes:
    """The upper 512×400 pixels of the astronaut, stored lying on her side with an EXIF orientation that says so."""
    image = cv2.imread(str(ASTRONAUT))
    assert image is not None
    lying = _encoded(".jpg", cv2.rotate(image[:400], cv2.ROTATE_90_COUNTERCLOCKWISE))
    orientation_6 = struct.pack("<HHII", 0x0112, 3, 1, 6)
    tiff = b"II*\0" + struct.pack("<IH", 8, 1) + orientation_6 + struct.pack("<I", 0)
    payload = b"Exif\0\0" + tiff
    return lying[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + lying[2:]


def no_face() -> bytes:
    """A PNG of a soft sky: colours, but nobody."""
    down, across = np.mgrid[0:300, 0:400].astype(np.float32)
    image = np.dstack([200 - down / 4, 120 + across / 6, 60 + down / 3]).astype(np.uint8)
    return _encoded(".png", image)


def face(x_min: int, y_min: int, side: int, **changes: Any) -> dict[str, Any]:
    """A face as POST /analyze answers it."""
    box = {"x_min": x_min, "y_min": y_min, "x_max": x_min + side, "y_max": y_min + side, "probability": 0.91}
    return {
        "box": box,
        "gender": {"value": "Female", "probability": 0.97, "probabilities": {"Male": 0.03, "Female": 0.97}},
        "age": {
            "years": 31.4,
            "low": 30,
            "high": 39,
            "label": "(30-39)",
            "probability": 0.61,
            "interval": [25, 38],
        },
        "quality": {"size_px": side, "sharpness": 0.7, "brightness": 0.5, "touches_edge": False},
        "uncertain": False,
        **changes,
    }


def answer(faces: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """An answer of POST /analyze about a 512×512 photo, for a route of Playwright to give."""
    body = {
        "faces": faces,
        "image": {"width": 512, "height": 512, "rotation": 0},
        "model": {"pack": "pack", "version": "1.0", "engine": "opencv"},
        "timing_ms": {"decode": 2.1, "detect": 7.6, "attributes": 4.4, "annotate": 0, "total": 14.6},
        "request_id": "request-1",
        **changes,
    }
    return {"status": 200, "content_type": "application/json", "body": json.dumps(body)}


def problem(code: str, status: int = 400, **headers: str) -> dict[str, Any]:
    """A refusal by POST /analyze, for a route of Playwright to give."""
    body = json.dumps({"code": code, "status": status, "error": "…", "request_id": "request-1"})
    return {"status": status, "content_type": "application/problem+json", "body": body, "headers": headers}


def crowd(count: int) -> list[dict[str, Any]]:
    """That many small faces in rows."""
    return [
        face(
            10 + 60 * (i % 8),
            10 + 60 * (i // 8),
            40,
            uncertain=i % 4 == 3,
            gender={"value": "Male", "probability": 0.6},
        )
        for i in range(count)
    ]


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _encoded(extension: str, image: Any) -> bytes:
    done, data = cv2.imencode(extension, image)
    assert done
    return data.tobytes()
