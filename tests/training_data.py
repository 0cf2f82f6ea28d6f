"""Small data sets in the form that training and evaluation read, made of noise."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from faceattr.types import BGRImage


def noise(height: int, width: int, seed: int = 0) -> BGRImage:
    """A picture without faces."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def write_tar(path: Path, images: Mapping[str, BGRImage]) -> Path:
    """A tar of images, encoded without loss as their names say."""
    with tarfile.open(path, "w") as archive:
        for name, image in images.items():
            _, content = cv2.imencode(Path(name).suffix, image)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content.tobytes()))
    return path


def write_labels(path: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def write_photos(tar: Path, photos: Mapping[str, tuple[BGRImage, Mapping[str, Any]]]) -> Path:
    """A tar of photos and the labels beside it: for each name an image and its record without `file`."""
    write_tar(tar, {name: image for name, (image, _) in photos.items()})
    write_labels(tar.with_suffix(".jsonl"), [{"file": name, **record} for name, (_, record) in photos.items()])
    return tar


def record(*boxes: Sequence[float], teacher: Sequence[Sequence[float]] = (), kind: str = "") -> dict[str, Any]:
    """The labels of a photo whose faces were boxed by hand."""
    faces = [{"box": list(box), **({"kind": kind} if kind else {})} for box in boxes]
    return {"faces": faces, "teacher": [list(row) for row in teacher]}
