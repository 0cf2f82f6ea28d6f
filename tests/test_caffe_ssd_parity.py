"""The SSD head against OpenCV's own PriorBox and DetectionOutput layers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from faceattr.caffe.graph import Param
from faceattr.caffe.priors import correct_prior_steps
from faceattr.caffe.ssd import SSDHead
from tests.conftest import BUILT_IN, DATA
from tests.opencv_caffe import caffe_net, needs_opencv_4
from tests.ssd_graphs import end_of_ssd, run_in_opencv

pytest.importorskip("google.protobuf", reason="reading Caffe's files needs protobuf")
from faceattr.caffe import read_net

pytestmark = needs_opencv_4

PRIORS: list[tuple[Mapping[str, Param], int]] = [
    ({}, 1),
    ({"max_size": (30.0,)}, 2),
    ({"max_size": (30.5,), "aspect_ratio": (2.0,)}, 4),
    ({"aspect_ratio": (2.0, 3.0)}, 5),
    ({"aspect_ratio": (2.0, 0.5, 1.0, 2.0, 3.0), "flip": False}, 4),
    ({"aspect_ratio": (2.0, 0.5, 1.0)}, 3),
    ({"min_size": (40.0,), "clip": True}, 1),
    ({"offset": 0.0, "min_size": (12.25,)}, 1),
    ({"offset": 1.0, "clip": True}, 1),
    ({"step": (11.0, 11.0)}, 1),
    ({"step": (12.0, 9.0)}, 1),
    ({"variance": (0.3,)}, 1),
]


@pytest.mark.parametrize(("params", "boxes"), PRIORS)
def test_priors_are_opencvs(params: Mapping[str, Param], boxes: int) -> None:
    graph = end_of_ssd([((5, 8), params)], 40 * boxes)
    head = SSDHead.from_graph(graph)
    assert head is not None
    theirs = run_in_opencv(graph)["priors"].reshape(2, -1, 4)
    assert head.priors.shape == head.variances.shape == (40 * boxes, 4)
    np.testing.assert_allclose(head.priors, theirs[0], atol=1e-6)
    np.testing.assert_array_equal(head.variances, theirs[1])
    assert head.notes == ()


def test_priors_of_several_layers_follow_each_other() -> None:
    graph = end_of_ssd([((5, 8), {}), ((3, 4), {"aspect_ratio": (2.0,)}), ((1, 1), {"min_size": (50.0,)})], 40 + 36 + 1)
    head = SSDHead.from_graph(graph)
    assert head is not None
    np.testing.assert_allclose(head.priors, run_in_opencv(graph)["priors"][0, 0].reshape(-1, 4), atol=1e-6)


RULES: list[Mapping[str, Param]] = [
    {},
    {"code_type": "CORNER"},
    {"num_classes": 4},
    {"num_classes": 4, "share_location": False},
    {"num_classes": 4, "share_location": False, "code_type": "CORNER", "background_label_id": 2},
    {"num_classes": 3, "share_location": False, "background_label_id": -1},
    {"num_classes": 3, "keep_top_k": 7},
    {"keep_top_k": 3},
    {"nms_top_k": 10},
    {"nms_top_k": -1, "nms_threshold": 0.9},
    {"nms_threshold": 0.05},
    {"confidence_threshold": 0.9},
]


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize("batch", [1, 3])
def test_detections_are_opencvs(rules: Mapping[str, Param], batch: int) -> None:
    random = np.random.default_rng(1)
    graph = end_of_ssd([((5, 8), {"max_size": (30.0,)}), ((3, 4), {"aspect_ratio": (2.0,)})], 80 + 36, output=rules)
    head = SSDHead.from_graph(graph)
    assert head is not None
    location = random.normal(0, 2, (batch, graph.shapes["loc"][1])).astype(np.float32)
    confidence = random.random((batch, graph.shapes["conf"][1])).astype(np.float32)
    found = head(location, confidence)
    assert [set(rows[:, 0]) for rows in found] == [{index} for index in range(batch)]
    theirs = run_in_opencv(graph, loc=location, conf=confidence)["out"].reshape(-1, 7)
    compare(np.concatenate(found), theirs[theirs[:, 2] > 0])


class Both:
    """A detector of the pack form, as OpenCV runs it and with our head on OpenCV's raw answers."""

    def __init__(self, folder: Path, mean: tuple[float, float, float], scale: float, correct: bool = False) -> None:
        prototxt, weights = ((folder / f"deploy_face.{kind}").read_bytes() for kind in ("prototxt", "caffemodel"))
        head = SSDHead.from_graph(read_net(prototxt, weights))
        assert head is not None
        self.head = head
        text = correct_prior_steps(prototxt.decode())[0].encode() if correct else prototxt
        self.net = caffe_net(text, weights)
        self._mean, self._scale = mean, scale

    def __call__(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Rows (n, 7) of the image: ours and OpenCV's."""
        self.net.setInput(cv2.dnn.blobFromImage(image, self._scale, mean=self._mean))
        location, confidence, rows = self.net.forward([self.head.location, self.head.confidence, "detection_out"])
        rows = np.asarray(rows, np.float32).reshape(-1, 7)
        ours = self.head(np.asarray(location, np.float32), np.asarray(confidence, np.float32))
        assert len(ours) == 1
        return ours[0], rows[rows[:, 2] > 0]


@pytest.fixture(scope="module")
def built_in() -> Both:
    return Both(BUILT_IN, (127.5, 127.5, 127.5), 1 / 64)


def face() -> NDArray[np.uint8]:
    """The astronaut's face, filling its frame (117×117)."""
    photo = cv2.imread(str(DATA / "astronaut.jpg"))
    assert photo is not None
    return np.asarray(photo[59:176, 168:285], np.uint8)


def montage(faces: int) -> NDArray[np.uint8]:
    """faces × faces faces in 320×320, each of another size and brightness: equal scores would have no order."""
    random = np.random.default_rng(faces)
    cell = 320 // faces
    canvas = np.full((320, 320, 3), 90, np.uint8)
    for row in range(faces):
        for column in range(faces):
            side = int(random.integers(cell * 2 // 3, cell + 1))
            copy = cv2.resize(face(), (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
            copy = np.clip(copy * random.uniform(0.7, 1.3) + random.normal(0, 4, copy.shape), 0, 255)
            canvas[row * cell : row * cell + side, column * cell : column * cell + side] = copy.astype(np.uint8)
    return canvas


def test_the_built_in_detectors_priors_are_opencvs(built_in: Both) -> None:
    built_in(montage(1))
    theirs = np.asarray(built_in.net.forward("mbox_priorbox")).reshape(2, -1, 4)
    np.testing.assert_allclose(built_in.head.priors, theirs[0], atol=1e-5)
    np.testing.assert_array_equal(built_in.head.variances, theirs[1])
    assert built_in.head.notes == ()


@pytest.mark.parametrize("faces", [1, 2, 3, 5, 8, 11])
def test_faces_of_a_crowd_are_found_as_opencv_finds_them(built_in: Both, faces: int) -> None:
    ours, theirs = built_in(montage(faces))
    assert len(ours) >= faces * faces * 0.5
    compare(ours, theirs)


def test_the_astronaut_is_found_as_opencv_finds_her(built_in: Both, astronaut: bytes) -> None:
    photo = cv2.imdecode(np.frombuffer(astronaut, np.uint8), cv2.IMREAD_COLOR)
    assert photo is not None
    compare(*built_in(np.asarray(cv2.resize(photo, (320, 320), interpolation=cv2.INTER_AREA), np.uint8)))


def test_noise_and_nothing_answer_as_in_opencv(built_in: Both) -> None:
    random = np.random.default_rng(0)
    for side in (1, 4, 10, 40):
        noise = random.integers(0, 256, (320 // side, 320 // side, 3)).astype(np.uint8)
        ours, theirs = built_in(np.asarray(cv2.resize(noise, (320, 320)), np.uint8))
        assert len(ours) == len(theirs)
        if len(ours):
            compare(ours, theirs)


def test_the_published_detector_is_corrected_and_then_finds_one_face_only(reference_models: Path) -> None:
    res10 = Both(reference_models / "res10", (104, 177, 123), 1.0)
    assert res10.head.notes == (
        "conv8_2_mbox_priorbox: step 100 corrected to 60",
        "conv9_2_mbox_priorbox: step 300 corrected to 60",
    )
    frame = np.asarray(cv2.resize(face(), (300, 300)), np.uint8)
    ours, published = res10(frame)
    assert (ours[:, 2] >= 0.5).sum() == 1
    assert (published[:, 2] >= 0.5).sum() > 1
    corrected = Both(reference_models / "res10", (104, 177, 123), 1.0, correct=True)
    compare(*corrected(frame))


def compare(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> None:
    """Rows equal as they stand: 1e-4 in scores, a pixel of 320 in boxes (here far less).

    Rows as sure as each other may stand either way round: which is first is rounding, which processors do differently.
    """
    assert len(ours) == len(theirs) > 0
    partners = np.abs(ours[:, None] - theirs).max(axis=2).argmin(axis=1)
    assert sorted(partners) == list(range(len(theirs)))
    np.testing.assert_allclose(theirs[partners, 2], theirs[:, 2], atol=1e-6)
    theirs = theirs[partners]
    np.testing.assert_array_equal(ours[:, :2], theirs[:, :2])
    np.testing.assert_allclose(ours[:, 2], theirs[:, 2], atol=1e-4)
    np.testing.assert_allclose(ours[:, 3:], theirs[:, 3:], atol=1e-5)
