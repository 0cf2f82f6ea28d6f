"""Trainings that start from a pack instead of nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import BUILT_IN
from tests.photo_bytes import decoded
from tests.training_data import noise

pytest.importorskip("onnx", reason="the importer's libraries are not installed")
torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install -r requirements-train.txt")

from faceattr.analyzer import FaceAnalyzer  # noqa: E402
from faceattr.caffe import read_net, subgraph, to_onnx  # noqa: E402
from faceattr.engines.choice import choose_engine  # noqa: E402
from faceattr.settings import Settings  # noqa: E402
from training import attributes, detector, export, inputs, moving  # noqa: E402
from training.chips import Chips  # noqa: E402
from training.modules import PlannedNet  # noqa: E402
from training.pack import write_pack  # noqa: E402
from training.start import mix_in, start_from  # noqa: E402
from training.tars import DataError  # noqa: E402

CHIPS = Chips([noise(96, 96, seed) for seed in range(32)], np.arange(32), np.arange(32) % 2)


def answer_of_pack(name: str, output: str, blob: np.ndarray) -> np.ndarray:
    text, binary = ((BUILT_IN / f"{name}.{kind}").read_bytes() for kind in ("prototxt", "caffemodel"))
    graph = subgraph(read_net(text, binary), [output])
    return choose_engine("auto", "f32", 1, 1, onnx=True).load(to_onnx(graph))(blob)[output]


def test_attributes_started_from_a_pack_answer_as_the_pack() -> None:
    net = attributes.of_pack(BUILT_IN, CHIPS, "cpu")
    blob = np.stack(CHIPS.images).astype(np.float32)
    blob = ((blob - inputs.MEAN) * inputs.SCALE).transpose(0, 3, 1, 2)
    ours = attributes.predict(net, CHIPS, 96, "cpu")
    for name, logits in zip(("gender_net", "age_net"), ours, strict=True):
        expected = answer_of_pack(name, "prob", np.ascontiguousarray(blob))
        assert np.allclose(logits.softmax(dim=1).numpy(), expected.reshape(logits.shape), atol=1e-3)


def test_a_detector_started_from_a_pack_answers_as_the_pack() -> None:
    net = detector.new_net()
    blob = torch.from_numpy(np.stack([noise(320, 320, seed) for seed in range(2)])).permute(0, 3, 1, 2).float() / 64 - 2
    start_from(net, BUILT_IN, ["deploy_face"], lambda net: net(blob))
    with torch.inference_mode():
        rows = [answer.permute(0, 2, 3, 1).flatten(1).numpy() for answer in net(blob)[::2]]
    expected = answer_of_pack("deploy_face", "mbox_loc", blob.numpy())
    assert np.allclose(np.concatenate(rows, axis=1), expected, atol=1e-2)


def test_a_started_net_answers_nearly_alike_while_it_is_trained() -> None:
    # Otherwise the first steps would see another net, and undo what it has learned.
    net = attributes.of_pack(BUILT_IN, CHIPS, "cpu")
    net.dropout = 0.0
    blob = inputs.normalised(torch.from_numpy(np.stack(CHIPS.images)))
    with torch.no_grad():
        calm, busy = net.eval()(blob.float())[1], net.train()(blob.float())[1]
    assert float((calm - busy).abs().max()) < 0.05 * float(calm.abs().max())


def test_a_pack_of_another_form_is_refused_by_layer(tmp_path: Path) -> None:
    for kind in ("prototxt", "caffemodel"):
        (tmp_path / f"deploy_face.{kind}").write_bytes((BUILT_IN / f"gender_net.{kind}").read_bytes())
    with pytest.raises(DataError, match="has no layer 'conv1'"):
        start_from(detector.new_net(), tmp_path, ["deploy_face"], PlannedNet.eval)


def test_a_run_started_from_a_pack_goes_on_from_its_own_checkpoint(tmp_path: Path) -> None:
    attributes.train(CHIPS, CHIPS, tmp_path, 1, 8, 0, "cpu", start=BUILT_IN)
    attributes.train(CHIPS, CHIPS, tmp_path, 2, 8, 0, "cpu", start=Path("no-longer-there"))
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 2


def test_mixed_weights_lie_between_those_of_the_run_and_of_its_pack() -> None:
    net = detector.new_net()
    own = net.folded()
    mix_in(net, BUILT_IN, ["deploy_face"], 0.5)
    half = net.folded()
    mix_in(net, BUILT_IN, ["deploy_face"], 0.0)
    theirs = net.folded()
    for name in own:
        for one, middle, other in zip(own[name], half[name], theirs[name], strict=True):
            assert np.allclose(middle, (one + other) / 2, atol=1e-5)
    blob = noise(320, 320).transpose(2, 0, 1)[None].astype(np.float32) / 64 - 2
    with torch.inference_mode():
        rows = [answer.permute(0, 2, 3, 1).flatten(1).numpy() for answer in net.eval()(torch.from_numpy(blob))[::2]]
    expected = answer_of_pack("deploy_face", "mbox_loc", blob)
    assert np.allclose(np.concatenate(rows, axis=1), expected, atol=1e-2)


@pytest.mark.parametrize("net", export.NETS)
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["share", "0.4"], "belong together"),
        (["start", str(BUILT_IN)], "belong together"),
        (["start", str(BUILT_IN), "share", "0.4"], "is a pack, which is taken over"),
    ],
)
def test_export_says_what_cannot_be_mixed(
    net: str, options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    of_net = [f"--{net}-{word}" if word in ("start", "share") else word for word in options]
    sources = [f"--{each}={BUILT_IN}" for each in export.NETS]
    with pytest.raises(SystemExit, match="2"):
        export.main([f"--data={tmp_path}", f"--to={tmp_path}", *sources, *of_net])
    assert words in capsys.readouterr().err


def test_boxes_of_a_detector_that_is_taken_over_are_moved_and_crops_stay_as_large(
    tmp_path: Path, astronaut: bytes
) -> None:
    move = moving.Move(lower=0.1, wider=0.8, higher=0.9)
    before = FaceAnalyzer.from_settings(Settings(models=str(BUILT_IN), slots=1)).models
    pack = export.Source(BUILT_IN)
    nets = export.export_attributes(pack, tmp_path) | export.export_detector(pack, tmp_path)
    text, binary = nets["deploy_face"]
    nets["deploy_face"] = text, moving.moved(text.encode(), binary, move)
    scale = moving.crop_scale_after(before.pack.crop_scale, move)
    write_pack(tmp_path, "faceattr-1", "9", scale, nets)
    after = FaceAnalyzer.from_settings(Settings(models=str(tmp_path), slots=1)).models

    (box,), (sure,) = before.detector.detect(decoded(astronaut), 0.5)
    (moved,), (still_sure,) = after.detector.detect(decoded(astronaut), 0.5)

    assert still_sure == pytest.approx(sure, abs=1e-4)
    width, height = box[2:] - box[:2]
    assert moved[2:] - moved[:2] == pytest.approx([width * 0.8, height * 0.9], rel=1e-3)
    across, down = (moved[:2] + moved[2:] - box[:2] - box[2:]) / 2
    assert across == pytest.approx(0, abs=0.1)
    assert down == pytest.approx(0.1 * height, rel=0.5), "by the height of its prior, which is about that of the box"
    crops = [models.pack.crop_scale * max(face[2:] - face[:2]) for models, face in ((before, box), (after, moved))]
    assert crops[1] == pytest.approx(crops[0], rel=0.01)


@pytest.mark.parametrize(
    ("detector", "move", "words"),
    [
        (None, ["0.1", "1", "1"], "a run learns where its boxes are to lie"),
        (BUILT_IN, ["0.1", "0", "1"], "WIDER and HIGHER are above 0"),
        (BUILT_IN, ["nan", "1", "1"], "takes three numbers"),
    ],
)
def test_export_says_which_boxes_cannot_be_moved(
    detector: Path | None, move: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = [f"--attributes={BUILT_IN}", f"--detector={detector or tmp_path}"]
    with pytest.raises(SystemExit, match="2"):
        export.main([f"--data={tmp_path}", f"--to={tmp_path}", *sources, "--detector-move", *move])
    assert words in capsys.readouterr().err


def test_boxes_of_a_net_without_location_heads_are_not_said_to_be_moved() -> None:
    text, binary = ((BUILT_IN / f"age_net.{kind}").read_bytes() for kind in ("prototxt", "caffemodel"))
    with pytest.raises(DataError, match="no location heads"):
        moving.moved(text, binary, moving.Move(0.1, 1, 1))


def test_nets_of_a_pack_are_taken_over_as_they_are(tmp_path: Path) -> None:
    pack = export.Source(BUILT_IN)
    nets = export.export_attributes(pack, tmp_path) | export.export_detector(pack, tmp_path)
    write_pack(tmp_path, "faceattr-1", "9", 1.2, nets)
    for file in sorted(tmp_path.glob("*.caffemodel")) + sorted(tmp_path.glob("*.prototxt")):
        assert file.read_bytes() == (BUILT_IN / file.name).read_bytes()
    assert len(list(tmp_path.iterdir())) == 7
