"""Training, from photos to a pack that the service serves, on a handful of pictures and in under a minute."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from faceattr.analyzer import FaceAnalyzer
from faceattr.settings import Settings
from tests import training_data
from tests.photo_bytes import decoded

pytest.importorskip("torch", reason="PyTorch is not installed: pip install -r requirements-train.txt")


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
    crop = [training_data.noise(96, 96)]
    for probabilities in analyzer.models.attributes.probabilities(crop):
        assert probabilities.sum() == pytest.approx(1, abs=1e-4)


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


def test_a_teacher_of_another_run_is_learned_from(data: Path, tmp_path: Path) -> None:
    import torch

    from training import attributes
    from training.chips import read_chips

    words = ["--data", str(data), "--threads", "1", "--batch", "8"]
    attributes.main([*words, "--run", str(tmp_path / "teacher"), "--epochs", "1"])
    attributes.main([*words, "--run", str(tmp_path / "alone"), "--epochs", "1"])
    attributes.main([*words, "--run", str(tmp_path / "pupil"), "--epochs", "1", "--teacher", str(tmp_path / "teacher")])

    alone, pupil = (
        json.loads((tmp_path / name / "log.jsonl").read_text().splitlines()[-1])["loss"] for name in ("alone", "pupil")
    )
    assert pupil != alone
    chips = read_chips(data / "utkface_train.tar")
    for said, kinds in zip(attributes.soft_labels(tmp_path / "teacher", chips, "cpu"), (2, 101), strict=True):
        assert said.shape == (len(chips), kinds)
        assert torch.allclose(said.sum(dim=1), torch.ones(len(chips)), atol=1e-5)
