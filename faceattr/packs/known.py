"""Public model files that fit this project: names, sizes, digests and addresses; none of them is ours."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Literal

from faceattr.packs.inspect import describe_wrong_weights
from faceattr.packs.levi_hassner import AGE, GENDER, RES10, levi_hassner_manifest, levi_hassner_prototxts
from faceattr.packs.source import MAX_FILE_BYTES


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A published file of weights, and how to know it."""

    name: str
    size: int
    digest_kind: Literal["SHA-256", "git blob id"]
    digest: str
    address: str

    def __str__(self) -> str:
        return f"{self.name}, {self.size:,} bytes, {self.digest_kind} {self.digest}"

    def fault(self, stream: BinaryIO) -> str | None:
        """What a file really is when it is not this one ("a Git LFS pointer (130 bytes)…"); None when it is."""
        size = stream.seek(0, os.SEEK_END)
        found = self._digest(stream, size) if size == self.size else ""
        if found == self.digest:
            return None
        if size <= MAX_FILE_BYTES:
            stream.seek(0)
            described = describe_wrong_weights(stream.read())
            if described:
                return described
        if size != self.size:
            return f"another file: {size:,} bytes, expected {self.size:,}"
        return f"another or a damaged file: its {self.digest_kind} is {found}, expected {self.digest}"

    def _digest(self, stream: BinaryIO, size: int) -> str:
        # A git blob id is the SHA-1 of a header and the content. It tells files apart, as in git; it is no signature.
        blob = self.digest_kind == "git blob id"
        state = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False) if blob else hashlib.sha256()
        stream.seek(0)
        while chunk := stream.read(2**20):
            state.update(chunk)
        return state.hexdigest()


@dataclass(frozen=True, slots=True)
class KnownPack:
    """A pack that can be put together from public weights and texts of our own."""

    name: str
    summary: str
    licence: str
    files: tuple[KnownFile, ...]
    prototxts: Callable[[], Mapping[str, str]]
    """The pack's prototxts by file name."""
    manifest: Callable[[Mapping[str, str]], str]
    """The pack's `pack.toml`, given the SHA-256 of every file by name."""

    @property
    def size(self) -> int:
        """Bytes of all published files."""
        return sum(file.size for file in self.files)


_GITHUB = "https://raw.githubusercontent.com"
_OPENCV = f"{_GITHUB}/opencv/opencv_3rdparty/dnn_samples_face_detector_20170830"
_EVENINGGLOW = f"{_GITHUB}/eveningglow/age-and-gender-classification/5b60d9f8a8608cdbbcdaaa39bf28f351e8d8553b/model"

LEVI_HASSNER = KnownPack(
    name="levi-hassner",
    summary="the published articles' models: OpenCV's res10 300×300 face detector, and the gender and age (8 ranges) "
    "nets of Levi and Hassner, CVPR Workshops 2015",
    licence="res10: OpenCV's; gender and age: as their authors state, for research",
    files=(
        KnownFile(
            RES10,
            10_666_211,
            "SHA-256",
            "2a56a11a57a4a295956b0660b4a3d76bbdca2206c4961cea8efe7d95c7cb2f2d",
            f"{_OPENCV}/{RES10}",
        ),
        KnownFile(
            GENDER,
            45_649_168,
            "git blob id",
            "87862497f48764ea24eb162c21f542c2e007311e",
            f"{_EVENINGGLOW}/{GENDER}",
        ),
        # Six classes more than the gender net: 6 × 513 × 4 bytes.
        KnownFile(
            AGE,
            45_661_480,
            "git blob id",
            "8391af479b658b9f4f3ace7eec6be86aae079309",
            f"{_EVENINGGLOW}/{AGE}",
        ),
    ),
    prototxts=levi_hassner_prototxts,
    manifest=levi_hassner_manifest,
)

KNOWN_PACKS = (LEVI_HASSNER,)
