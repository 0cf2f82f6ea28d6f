"""What detector samples are drawn from: photos with boxed faces, and photos without any."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from faceattr.types import BGRImage
from training.face_photos import FacePhoto, read_face_photos, with_our_boxes
from training.placing import Layered
from training.tars import DataError, images_of, is_held


@dataclass(frozen=True, slots=True)
class Source:
    """Photos, each with its layers, and backgrounds without faces."""

    photos: tuple[tuple[FacePhoto, Layered], ...]
    backgrounds: tuple[Layered, ...]


def source_of(photos: Iterable[FacePhoto], backgrounds: Iterable[BGRImage]) -> Source:
    """A source from decoded images. Raises DataError when either is empty."""
    paired = tuple((photo, Layered.of(photo.image)) for photo in photos)
    layered = tuple(Layered.of(image) for image in backgrounds)
    if not paired or not layered:
        raise DataError(f"detector samples need photos and backgrounds, found {len(paired)} and {len(layered)}.")
    return Source(paired, layered)


def read_source(data: Path) -> Source:
    """The training photos of a data directory, and the 70 % of `nonface.tar` that training may see (about 2 GB)."""
    backgrounds = (image for name, image in images_of(data / "nonface.tar") if not is_held(name))
    return source_of(map(with_our_boxes, read_face_photos(data / "webfaces_train.tar")), backgrounds)
