"""Training, from photos to a pack that the service serves, on a handful of pictures and in under a minute."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceattr.analyzer import FaceAnalyzer
from faceattr.packs import load_pack
from faceattr.settings import Settings
from tests import training_data
from tests.conftest import BUILT_IN
from tests.photo_bytes import decoded

pytest.importorskip("torch", reason="PyTorch is not installed: pip install -r requirements-train.txt")

from training import teaching


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, astronaut: bytes) -> Path:
    """A data directory: one face, at many sizes and with made-up ages, and noise."""
    directory = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    whole = decoded(astronaut)
    face, box = whole[60:200, 160:300], [170.0, 65.0, 275.0, 205.0]
    for part, count in (("train", 40), ("val", 16)):
        chip = np.asarray(cv2.resize(face, (128, 128)), np.uint8)
        chips = {f"{age:03}_{random.choice(['male', 'female'])}_{age}.webp": chip for age in range(count)}
        training_data.write_tar(directory / f"utkface_{part}.tar", chips)
        photo = np.asarray(cv2.resize(whole, (320, 320)), np.uint8)
        labels = training_data.record([value * 320 / 512 for value in box])
        photos = {f"{part}{index}.webp": (photo, labels) for index in range(6)}
        training_data.write_photos(directory / f"webfaces_{part}.tar", photos)
    training_data.write_photos(directory / "street_val.tar", photos)
    empty = {f"{index}.webp": training_data.noise(160, 200, index) for index in range(12)}
    training_data.write_tar(directory / "nonface.tar", empty)
    return directory


def test_training_gives_a_pack_that_the_service_serves(data: Path, tmp_path: Path, astronaut: bytes) -> None:
    from training import attributes, detector, export

    runs = {"attributes": tmp_path / "attributes", "detector": tmp_path / "detector"}
    few = ["--data", str(data), "--threads", "1", "--batch", "8"]
    attributes.main([*few, "--run", str(runs["attributes"]), "--epochs", "3"])
    detector.main([*few, "--run", str(runs["detector"]), "--epochs", "1", "--samples", "16"])
    pack = tmp_path / "pack"
    where = [word for name, run in runs.items() for word in (f"--{name}", str(run))]
    export.main(["--data", str(data), *where, "--to", str(pack), "--name", "smoke"])

    analyzer = FaceAnalyzer.from_settings(Settings.load(models=str(pack), slots=1))

    assert analyzer.analyze(astronaut).pack == "smoke"
    stated = analyzer.models.pack.accuracy
    assert stated["age_mae_years"] == pytest.approx(_age_error(analyzer, data), abs=0.01)
    assert {"gender_accuracy", "face_recall", "false_faces_per_empty_photo"} <= set(stated)
    manifest = pack / "pack.toml"
    manifest.write_text(re.sub(r"(?<=\[crop\]\nscale = )[0-9.]+", "1.1", manifest.read_text()))
    other = tmp_path / "other"
    export.main(["--data", str(data), "--attributes", str(pack), "--detector", str(pack), "--to", str(other)])
    for path in pack.glob("*.caffemodel"):
        assert (other / path.name).read_bytes() == path.read_bytes(), "a pack is taken over as it is"
    assert load_pack(other).crop_scale == 1.1, "crops are cut as the detector's boxes need it"

    crop = [training_data.noise(96, 96)]
    for probabilities in analyzer.models.attributes.probabilities(crop):
        assert probabilities.sum() == pytest.approx(1, abs=1e-4)


def _age_error(analyzer: FaceAnalyzer, data: Path) -> float:
    from training.chips import read_chips
    from training.evaluation.attributes import predict

    models, chips = analyzer.models, read_chips(data / "utkface_val.tar")
    _, ages = predict(models.pack, models.attributes, chips.images)
    return float(np.abs(ages @ np.arange(101) - chips.ages).mean())


def test_a_run_goes_on_where_it_stopped(data: Path, tmp_path: Path) -> None:
    from training import attributes

    words = ["--data", str(data), "--threads", "1", "--batch", "8", "--run", str(tmp_path)]
    attributes.main([*words, "--epochs", "1"])
    attributes.main([*words, "--epochs", "2"])

    epochs = [json.loads(line)["epoch"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert epochs == [1, 2]


def test_a_stopped_run_ends_as_an_undisturbed_one(data: Path, tmp_path: Path) -> None:
    import torch

    from training import attributes
    from training.chips import read_chips

    chips = read_chips(data / "utkface_train.tar")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    attributes.train(chips, chips, whole, 2, 8, 0, "cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attributes, "measure", _stop_at_second_call())
        with pytest.raises(KeyboardInterrupt):
            attributes.train(chips, chips, parts, 2, 8, 0, "cpu")
    attributes.train(chips, chips, parts, 2, 8, 0, "cpu")

    one, other = (torch.load(run / "checkpoint.pt", weights_only=True)["net"] for run in (whole, parts))
    assert all(torch.equal(one[name], other[name]) for name in one)


def _stop_at_second_call() -> Callable[..., dict[str, float]]:
    calls: list[int] = []

    def measure(*_: object) -> dict[str, float]:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return {}

    return measure


def test_teachers_are_learned_from_also_about_faces_without_labels(data: Path, tmp_path: Path) -> None:
    from training import attributes
    from training.chips import read_chips

    words = ["--data", str(data), "--threads", "1", "--batch", "8", "--epochs", "1"]
    taught = ["--teacher", str(tmp_path / "teacher"), "--teacher", str(BUILT_IN)]
    attributes.main([*words, "--run", str(tmp_path / "teacher")])
    attributes.main([*words, "--run", str(tmp_path / "pupil"), "--start", str(tmp_path / "teacher"), *taught])

    assert json.loads((tmp_path / "pupil" / "log.jsonl").read_text())["loss"] > 0
    chips = read_chips(data / "utkface_train.tar")
    faces = teaching.faces_of_photos(data / "webfaces_train.tar")
    assert [face.shape for face in faces] == [(128, 128, 3)] * 6
    assert len(teaching.with_unlabelled(chips, faces)) == len(chips) + 6


def test_teachers_words_are_the_mean_of_what_each_would_say() -> None:
    import torch

    from training import attributes

    nets = [attributes.new_net().eval() for _ in range(2)]
    blob = torch.randn(4, 3, 96, 96)
    gender, age = teaching.Teachers(nets, "cpu").words(blob)
    singly = [teaching.Teachers([net], "cpu").words(blob) for net in nets]
    assert torch.allclose(gender, (singly[0][0] + singly[1][0]) / 2, atol=1e-4)
    assert torch.allclose(age.sum(dim=1), torch.ones(4), atol=1e-4)


def test_a_pupil_that_says_what_its_teachers_say_has_the_least_loss() -> None:
    import torch

    from training import attribute_loss

    gender, age = torch.randn(4, 2).softmax(dim=1), torch.randn(4, 101).softmax(dim=1)
    words = gender, age, (age * attribute_loss.YEARS).sum(dim=1)
    same = [said.log()[:, :, None, None] for said in (gender, age)]
    best = attribute_loss.loss_towards(same, *words)
    for _ in range(5):
        other = [answer + 0.3 * torch.randn_like(answer) for answer in same]
        assert attribute_loss.loss_towards(other, *words) > best


def test_faces_without_labels_only_teach_what_teachers_say_of_them() -> None:
    import torch

    from training import attributes

    net = attributes.new_net()
    teachers = teaching.Teachers([attributes.new_net().eval()], "cpu")
    crops = torch.randint(0, 256, (4, 96, 96, 3), dtype=torch.uint8)
    unknown = torch.full((4,), teaching.UNKNOWN)
    loss = attributes.step_loss(net, crops, unknown, unknown, "cpu", teachers)
    assert torch.isfinite(loss)
    loss.backward()  # type: ignore[no-untyped-call]


def test_mixed_pictures_are_mostly_themselves() -> None:
    import torch

    blob = torch.arange(64.0)[:, None, None, None].expand(64, 3, 4, 4)
    mix = teaching.mixed(blob)
    assert mix.shape == blob.shape
    assert (mix != blob).any()
    assert (mix >= 0).all()
    assert (mix <= 63).all()
    assert ((mix - blob).abs() <= 31.5 + 1e-3).all()
