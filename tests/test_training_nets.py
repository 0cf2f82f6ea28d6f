"""The plans of our nets, what is made of them, and what they are trained with."""

from __future__ import annotations

import numpy as np
import pytest

from faceattr.caffe.nms import iou

pytest.importorskip("onnx", reason="the importer's libraries are not installed")
torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install -r requirements-train.txt")

from faceattr.caffe import SSDHead, read_net  # noqa: E402
from training import anchors, caffe_nets, calibration, loop  # noqa: E402
from training.modules import Average, PlannedNet  # noqa: E402
from training.nets import DETECTOR_SIDE, PRIORS, attribute_plan, detector_plan  # noqa: E402
from training.plan import Plan  # noqa: E402

NONE = np.zeros((0, 4), np.float32)


def test_nets_cost_no_more_than_they_may() -> None:
    attributes, _ = attribute_plan()
    detector, _ = detector_plan()
    assert attributes.cost(96) <= 0.30
    assert detector.cost(320) <= 0.60


def test_a_plan_refuses_a_name_twice() -> None:
    plan = Plan()
    plan.conv("one", "data", 8)
    with pytest.raises(ValueError, match="one"):
        plan.conv("one", "data", 8)


def test_folded_weights_answer_as_the_normalised_net() -> None:
    plan = Plan()
    top = plan.conv("conv", "data", 4)
    net = PlannedNet(plan, (top,))
    for _ in range(20):
        net(torch.randn(8, 3, 9, 9) * 3 + 1)
    net.eval()
    weight, bias = (torch.from_numpy(part) for part in net.folded()["conv"])
    blob = torch.randn(1, 3, 9, 9)
    folded = torch.relu(torch.nn.functional.conv2d(blob, weight, bias, padding=1))
    assert torch.allclose(net(blob)[0], folded, atol=1e-5)


def test_priors_of_training_are_those_of_the_exported_net() -> None:
    plan, heads = detector_plan()
    net = PlannedNet(plan, heads).eval()
    text, binary = caffe_nets.ssd("face", plan, heads, net.folded(), DETECTOR_SIDE, PRIORS, 0.4)
    head = SSDHead.from_graph(read_net(text.encode(), binary))
    assert head is not None
    assert not head.notes
    assert np.allclose(head.priors * DETECTOR_SIDE, anchors.priors_for(DETECTOR_SIDE, DETECTOR_SIDE), atol=1e-3)


@pytest.mark.parametrize("height", [10, 12, 16, 24, 40, 64, 100, 150, 220, 300])
def test_every_face_has_priors_that_must_find_it(height: int) -> None:
    priors = anchors.priors_for(DETECTOR_SIDE, DETECTOR_SIDE)
    random = np.random.default_rng(height)
    for _ in range(20):
        size = np.array([height * 0.75, height])
        near = random.uniform(0, DETECTOR_SIDE - size)
        box = np.concatenate([near, near + size])[None].astype(np.float32)
        target = anchors.match(priors, box, NONE)
        assert (target.kind == 1).sum() >= 1
        assert (target.faces[target.kind == 1] == box).all()


def test_two_faces_close_together_both_have_priors() -> None:
    priors = anchors.priors_for(DETECTOR_SIDE, DETECTOR_SIDE)
    boxes = np.array([[100, 100, 112, 116], [106, 104, 118, 120]], np.float32)
    target = anchors.match(priors, boxes, NONE)
    for box in boxes:
        assert (target.faces[target.kind == 1] == box).all(axis=1).any()


def test_priors_on_unclear_boxes_learn_nothing() -> None:
    priors = anchors.priors_for(DETECTOR_SIDE, DETECTOR_SIDE)
    unclear = np.array([[100, 100, 148, 148]], np.float32)
    target = anchors.match(priors, NONE, unclear)
    assert set(np.unique(target.kind)) == {-1, 0}
    assert (target.kind[iou(priors, unclear)[:, 0] > 0.5] == -1).all()


def test_boxes_come_back_from_their_offsets() -> None:
    priors = torch.tensor([[10.0, 10, 30, 30]])
    box = anchors.decode(priors, torch.tensor([[1.0, -1.0, 0.0, np.log(2) / 0.2]]))
    assert box[0].tolist() == pytest.approx([12, -2, 32, 38])


def test_gender_scale_undoes_overconfidence() -> None:
    random = np.random.default_rng(0)
    honest = random.normal(0, 2, (20_000, 1))
    labels = (random.random(20_000) < 1 / (1 + np.exp(-honest[:, 0]))).astype(np.int64)
    logits = (np.concatenate([-honest / 2, honest / 2], axis=1) * 3).astype(np.float32)
    assert calibration.gender_scale(logits, labels) == pytest.approx(1 / 3, rel=0.1)


def test_age_scale_gives_the_interval_its_share() -> None:
    random = np.random.default_rng(0)
    ages = random.integers(20, 80, 5_000)
    guess = ages + random.normal(0, 6, 5_000)
    logits = -(((np.arange(101) - guess[:, None]) / 9) ** 2) / 2
    scale = calibration.age_scale(logits.astype(np.float32), ages)
    assert scale > 1
    assert calibration.coverage(calibration.softmax(logits, scale), ages) == pytest.approx(0.8, abs=0.02)


def test_learning_rate_rises_and_falls() -> None:
    rates = [loop.learning_rate(step / 100, 1.0) for step in range(101)]
    assert rates[0] == 0
    assert max(rates) == pytest.approx(1.0, abs=0.01)
    assert rates[-1] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("capable", "precision"),
    [
        ({"avx512_bf16": True, "amx_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": True, "amx_bf16": False}, torch.float32),
        ({}, torch.float32),
    ],
    ids=["AMX", "AVX-512 alone", "neither"],
)
def test_training_is_in_bfloat16_only_where_matrices_of_it_are_multiplied(
    capable: dict[str, bool], precision: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capable)
    assert loop.precision("cpu") == precision


def test_batches_made_ahead_come_in_order() -> None:
    makers = [lambda value=value: value for value in range(20)]
    assert list(loop.ahead(makers, threads=3)) == list(range(20))


def test_the_average_forgets_the_beginning() -> None:
    net = torch.nn.Linear(1, 1)
    average = Average(net, 0.99)
    torch.nn.init.constant_(net.weight, 5.0)
    for _ in range(600):
        average.update(net)
    assert float(average.state["weight"]) == pytest.approx(5.0, abs=0.05)
