"""UTKFace chips: face crops with an age and a gender in their names, AGE_GENDER_ID.webp."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceattr.types import BGRImage
from training.tars import DataError, images_of

GENDERS = ("male", "female")
CROP_SCALE = 0.98
"""Side of a chip ÷ longer side of the box that our detector learns for its face; both have about the same centre.

By the eyes and mouths that YuNet finds in 768 chips it is 0.95; by `training.crops`, 0.95 to 1."""


@dataclass(frozen=True)
class Chips:
    """Crops and their labels: age in years (n,), gender (n,) as an index into GENDERS."""

    images: list[BGRImage]
    ages: NDArray[np.int64]
    genders: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)


def read_chips(path: Path) -> Chips:
    """All chips of a tar file. Raises DataError when there are none, or one has another name."""
    images, ages, genders = [], [], []
    for name, image in images_of(path):
        try:
            age, gender, _ = name.split("_", 2)
            ages.append(int(age))
            genders.append(GENDERS.index(gender))
        except ValueError:
            raise DataError(f"{path}: '{name}' is not called AGE_GENDER_ID.") from None
        images.append(image)
    if not images:
        raise DataError(f"{path} holds no chips.")
    return Chips(images, np.array(ages), np.array(genders))
