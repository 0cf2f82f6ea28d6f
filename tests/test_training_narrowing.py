"""Smaller detectors: what they keep of a larger one, and what they learn from it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
import pytest

from faceattr.types import FloatArray
from tests.conftest import BUILT_IN
from tests.training_data import noise

pytest.importorskip("onnx", reason="the importer's libraries are not installed")
torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install -r requirements-train.txt")

from training.anchors import match, priors_for  # noqa: E402
from training.caffemodel import caffemodel  # noqa: E402
from training.confidence import calibrated  # noqa: E402
from training.detector_teaching import DetectorTeacher, taught_loss  # noqa: E402
from training.inputs import normalised  # noqa: E402
from training.modules import Weights, bare  # noqa: E402
from training.narrowing import narrowed  # noqa: E402
from training.plan import Plan  # noqa: E402
from training.start import detector_of  # noqa: E402
from training.tars import DataError  # noqa: E402

if TYPE_CHECKING:
    from torch import Tensor

DEAD = 3
Seen: TypeAlias = "tuple[Tensor, Tensor, Tensor]"


def plan_of(channels: int) -> tuple[Plan, tuple[str, ...]]:
    """A residual block, whose maps are added, a pyramid's step back, and an answer."""
    plan = Plan()
    fine = plan.residual("block", plan.conv("first", "data", channels, 3, 2), channels, 2)
    fine = plan.add("second", fine, plan.conv("beside", fine, channels), relu=False)
    coarse = plan.conv("coarse", plan.conv("smaller", fine, channels, 3, 2), channels, 1)
    merged = plan.add("merge", plan.conv("lateral", fine, channels, 1), plan.enlarge("up", coarse), relu=False)
    return plan, (plan.head("answer", merged, 4, 3),)


def weights_with_dead_channels(plan: Plan, random: np.random.Generator) -> Weights:
    """Random ones, but no convolution makes anything of the first three channels of what it reads."""
    weights = Weights()
    for node in plan.nodes:
        if node.kind == "conv":
            inputs = plan.channels[node.bottoms[0]]
            weight = random.normal(0, 0.3, (node.channels, inputs, node.kernel, node.kernel)).astype(np.float32)
            if node.bottoms[0] != "data":
                weight[:, :DEAD] = 0
            weights[node.name] = weight, random.normal(0, 0.3, node.channels).astype(np.float32)
    return weights


def blob() -> Tensor:
    return normalised(torch.from_numpy(np.stack([noise(64, 64, seed) for seed in range(3)]))).float()


def test_a_narrowed_net_answers_as_the_wide_one_where_only_idle_channels_go() -> None:
    wide, heads = plan_of(8 + DEAD)
    narrow, _ = plan_of(8)
    weights = weights_with_dead_channels(wide, np.random.default_rng(0))
    cut = narrowed(weights, wide, narrow, blob())
    assert cut["block_b"][0].shape == (8, 8, 3, 3)
    (expected,), (answer,) = bare(wide, heads, weights)(blob()), bare(narrow, heads, cut)(blob())
    assert torch.allclose(answer, expected, atol=1e-4)
    assert float(expected.abs().max()) > 0.1


def test_a_net_narrowed_to_its_own_widths_stays_as_it_is() -> None:
    plan, _ = plan_of(6)
    weights = weights_with_dead_channels(plan, np.random.default_rng(1))
    cut = narrowed(weights, plan, plan, blob())
    for name, arrays in weights.items():
        for array, same in zip(arrays, cut[name], strict=True):
            assert np.array_equal(array, same)


def test_a_net_cannot_be_narrowed_to_a_wider_one() -> None:
    wide, narrow = plan_of(6)[0], plan_of(7)[0]
    with pytest.raises(DataError, match="'first' has 6 channels, not 7 or more"):
        narrowed(weights_with_dead_channels(wide, np.random.default_rng(2)), wide, narrow, blob())


def test_a_pack_without_a_layer_of_the_detector_is_refused_by_its_name(tmp_path: Path) -> None:
    for kind in ("prototxt", "caffemodel"):
        shutil.copy(BUILT_IN / f"gender_net.{kind}", tmp_path / f"deploy_face.{kind}")
    with pytest.raises(DataError, match="has no layer 'conv1'"):
        detector_of(tmp_path)


@pytest.fixture
def seen(astronaut: bytes) -> Seen:
    """What a net is fed, and what its priors should say of it: a face, and nothing."""
    priors = priors_for(320, 320)
    face, no_face = np.array([[112, 52, 168, 122]], np.float32), np.empty((0, 4), np.float32)
    whole = cv2.imdecode(np.frombuffer(astronaut, np.uint8), cv2.IMREAD_COLOR)
    assert whole is not None
    images = [np.asarray(cv2.resize(whole, (320, 320), interpolation=cv2.INTER_AREA), np.uint8), noise(320, 320, 0)]
    targets = [match(priors, boxes, no_face) for boxes in (face, no_face)]
    return (
        normalised(torch.from_numpy(np.stack(images))).float(),
        torch.from_numpy(np.stack([target.kind for target in targets])),
        torch.from_numpy(np.stack([target.faces for target in targets])),
    )


def teacher_of(pack: Path, seen: Seen) -> DetectorTeacher:
    teacher = DetectorTeacher(pack, torch.from_numpy(priors_for(320, 320)), "cpu")
    teacher.undo_calibration(*seen)
    return teacher


def test_what_a_teacher_says_does_not_depend_on_its_calibration(tmp_path: Path, seen: Seen) -> None:
    plan, _, weights = detector_of(BUILT_IN)
    heads = {name: arrays for name, arrays in weights.items() if "conf" in name}
    shutil.copy(BUILT_IN / "deploy_face.prototxt", tmp_path)
    # Both logits of a prior carry the scale, but only the face's is moved.
    changed = weights | calibrated(heads, scale=1.4, threshold=0.3)
    layers: dict[str, tuple[str, Sequence[FloatArray]]] = {}
    for node in plan.nodes:
        if node.kind == "conv":
            layers[node.name] = "Convolution", changed[node.name]
        elif node.kind == "enlarge":
            layers[node.name] = "Deconvolution", [np.ones((node.channels, 1, 2, 2), np.float32)]
    (tmp_path / "deploy_face.caffemodel").write_bytes(caffemodel(layers))
    (boxes, fit), (same_boxes, same_fit) = (teacher_of(pack, seen).words(seen[0]) for pack in (BUILT_IN, tmp_path))
    assert torch.allclose(boxes, same_boxes, atol=1e-2)
    assert torch.allclose(fit, same_fit, atol=5e-3)
    assert float(fit.max()) > 0.6


def test_a_pupil_that_says_what_its_teacher_says_has_the_least_loss(seen: Seen) -> None:
    priors = torch.from_numpy(priors_for(320, 320))
    plan, heads, weights = detector_of(BUILT_IN)
    answers = bare(plan, heads, weights)(seen[0])
    # Not calibrated back: then the pupil, the same net, says the very words.
    words = DetectorTeacher(BUILT_IN, priors, "cpu").words(seen[0])
    best = taught_loss(answers, priors, words)
    for seed in range(3):
        torch.manual_seed(seed)
        other = [answer + 0.5 * torch.randn_like(answer) for answer in answers]
        assert taught_loss(other, priors, words) > best
