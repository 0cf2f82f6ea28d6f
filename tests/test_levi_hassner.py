from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from faceattr.caffe.priors import correct_prior_steps
from faceattr.packs import load_pack
from faceattr.packs.articles import articles_pack
from faceattr.packs.inspect import describe_wrong_prototxt, describe_wrong_weights
from faceattr.packs.known import LEVI_HASSNER
from faceattr.packs.levi_hassner import levi_hassner_manifest, levi_hassner_prototxt, levi_hassner_prototxts
from faceattr.packs.res10 import res10_prototxt
from tests.caffe_files import levi_hassner
from tests.conftest import DATA
from tests.opencv_caffe import caffe_net, needs_opencv_4
from training.caffemodel import caffemodel

pytestmark = needs_opencv_4


def read(prototxt: str, weights: bytes) -> Any:
    return caffe_net(prototxt, weights)


def answer(net: cv2.dnn.Net, blob: NDArray[np.float32]) -> NDArray[np.float32]:
    net.setInput(blob)
    return np.asarray(net.forward(), np.float32)


SHAPES = {
    "conv1": (4, (96, 3, 7, 7)),
    "conv2": (4, (256, 96, 5, 5)),
    "conv3": (4, (384, 256, 3, 3)),
    "fc6": (14, (512, 384 * 7 * 7)),
    "fc7": (14, (512, 512)),
    "fc8": (14, (0, 512)),
}
"""V1 layer type (CONVOLUTION 4, INNER_PRODUCT 14) and shape of the weights."""


def v1_weights(classes: int) -> tuple[bytes, bytes]:
    """Random weights of the topology as the published files hold them (V1 layers, 4-D blobs), and equal ones in V2."""
    random = np.random.default_rng(classes)
    v1, v2 = b"", {}
    for name, (kind, (outputs, *rest)) in SHAPES.items():
        shape = (outputs or classes, *rest)
        scale = (2 / float(np.prod(rest))) ** 0.5
        weights = (random.standard_normal(shape) * scale).astype(np.float32)
        bias = (random.standard_normal(shape[0]) * 0.01).astype(np.float32)
        blobs = v1_blob(weights) + v1_blob(bias)
        v1 += field(2, field(4, name.encode()) + varint(5 << 3) + varint(kind) + blobs)
        v2[name] = ("Convolution" if kind == 4 else "InnerProduct", [weights, bias])
    return v1, caffemodel(v2)


def v1_blob(values: NDArray[np.float32]) -> bytes:
    sides = (1,) * (4 - values.ndim) + values.shape
    shape = b"".join(varint(number << 3) + varint(side) for number, side in enumerate(sides, 1))
    return field(6, shape + field(5, values.tobytes()))


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + varint(value >> 7)


@pytest.mark.parametrize("classes", [2, 8])
def test_our_prototxt_is_the_published_topology(classes: int) -> None:
    v1, v2 = v1_weights(classes)
    assert describe_wrong_weights(v1) is None
    blob = np.random.default_rng(0).normal(0, 50, (1, 3, 227, 227)).astype(np.float32)
    net = read(levi_hassner_prototxt("net", classes), v1)
    probabilities = answer(net, blob)
    assert probabilities.shape == (1, classes)
    assert net.getUnconnectedOutLayersNames() == ("prob",)
    assert probabilities.sum() == pytest.approx(1)
    np.testing.assert_array_equal(probabilities, answer(read(levi_hassner(classes)[0], v2), blob))


@pytest.mark.parametrize(("name", "classes"), [("gender_net.caffemodel", 2), ("age_net.caffemodel", 8)])
def test_the_published_sizes_are_those_of_the_topology(name: str, classes: int) -> None:
    floats = sum((outputs or classes) * (int(np.prod(rest)) + 1) for _, (outputs, *rest) in SHAPES.values())
    published = next(file.size for file in LEVI_HASSNER.files if file.name == name)
    assert published - 4 * floats == 1288  # what names and settings take, in both files


def test_our_detector_answers_as_the_published_one_with_its_steps_corrected(reference_models: Path) -> None:
    published = (reference_models / "res10" / "deploy_face.prototxt").read_text()
    weights = (reference_models / "res10" / "deploy_face.caffemodel").read_bytes()
    theirs, ours = read(correct_prior_steps(published)[0], weights), read(res10_prototxt(), weights)
    photo = cv2.imread(str(DATA / "astronaut.jpg"))
    assert photo is not None
    for crop in (photo, photo[:256], photo[20:220, 150:330], photo[:, ::-1].copy(), 255 - photo):
        blob = cv2.dnn.blobFromImage(crop, 1, (300, 300), (104, 177, 123)).astype(np.float32)
        boxes = answer(ours, blob)
        assert boxes.shape[-1] == 7
        np.testing.assert_array_equal(boxes, answer(theirs, blob))


def test_our_detector_has_the_steps_that_its_maps_need() -> None:
    prototxt = res10_prototxt()
    assert correct_prior_steps(prototxt) == (prototxt, ())


def test_the_manifest_says_what_the_articles_conventions_say(tmp_path: Path) -> None:
    names = [*levi_hassner_prototxts(), "gender_net.caffemodel", "age_net.caffemodel"]
    names.append("res10_300x300_ssd_iter_140000.caffemodel")
    text = levi_hassner_manifest(dict.fromkeys(names, "0" * 64))
    (tmp_path / "pack.toml").write_text(text)
    pack, expected = load_pack(tmp_path), articles_pack(tmp_path)
    assert pack.sha256 == dict.fromkeys(names, "0" * 64)
    assert (pack.name, pack.version, pack.licence) == (expected.name, expected.version, expected.licence)
    assert pack.crop_scale == 1.3
    for name in ("input", "mean", "scale"):
        for ours, theirs in (
            (pack.detector, expected.detector),
            (pack.gender, expected.gender),
            (pack.age, expected.age),
        ):
            assert getattr(ours, name) == getattr(theirs, name)
    assert pack.detector.resize == expected.detector.resize
    assert pack.detector.min_confidence == expected.detector.min_confidence
    assert pack.gender.labels == expected.gender.labels
    assert (pack.age.ranges, pack.age.classes, pack.age.first_year) == (expected.age.ranges, 8, None)
    assert tomllib.loads(text)["detector"]["prototxt"] == "deploy_face.prototxt"


def test_every_text_of_ours_is_read_as_a_prototxt() -> None:
    for text in levi_hassner_prototxts().values():
        assert describe_wrong_prototxt(text.encode()) is None
        assert text.isascii()
