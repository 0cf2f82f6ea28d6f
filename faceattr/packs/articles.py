"""A directory in the articles' form: `deploy_face`, `gender_net` and `age_net` without a `pack.toml`.

Conventions of OpenCV's res10 300×300 face detector and of Levi and Hassner, "Age and Gender Classification using
Convolutional Neural Networks" (CVPR Workshops 2015).
"""

from __future__ import annotations

from pathlib import Path

from faceattr.packs.manifest import AgeSpec, DetectorSpec, GenderSpec, NetFiles, Pack

NETS = ("deploy_face", "gender_net", "age_net")
_RES10_MEAN = (104.0, 177.0, 123.0)
_LEVI_HASSNER_MEAN = (78.4263377603, 87.7689143744, 114.895847746)
_LEVI_HASSNER_AGES = ((0, 2), (4, 6), (8, 12), (15, 20), (25, 32), (38, 43), (48, 53), (60, 100))


def articles_pack(directory: Path) -> Pack:
    """The pack that a directory in the articles' form stands for."""
    face, gender, age = (NetFiles(f"{net}.prototxt", f"{net}.caffemodel") for net in NETS)
    return Pack(
        directory=directory,
        name="levi-hassner",
        version="2015",
        licence="As the files' publishers state; research use for the Levi–Hassner nets",
        detector=DetectorSpec(face, (300, 300), "stretch", _RES10_MEAN, 1.0, 0.5),
        gender=GenderSpec(gender, (227, 227), _LEVI_HASSNER_MEAN, 1.0, "prob", ("Male", "Female")),
        age=AgeSpec(age, (227, 227), _LEVI_HASSNER_MEAN, 1.0, "prob", 8, None, _LEVI_HASSNER_AGES),
        crop_scale=1.3,
        sha256={},
    )
