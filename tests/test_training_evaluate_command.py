from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from faceattr.analyzer import FaceAnalyzer
from tests.opencv_caffe import needs_opencv_4
from tests.training_data import noise, record, write_photos, write_tar
from training import crops, evaluate
from training.evaluation import estimates, photos, plots
from training.evaluation.attributes import AttributeFigures, GroupFigures
from training.evaluation.estimates import Estimate
from training.evaluation.tables import table
from training.face_photos import labelled
from training.tars import is_held


@pytest.fixture(autouse=True)
def _few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimates, "ROUNDS", 20)


@pytest.fixture(scope="module")
def face(request: pytest.FixtureRequest) -> tuple[np.ndarray, tuple[float, ...]]:
    """A photo with one face, small, and the box that the detector gives it."""
    content: bytes = request.getfixturevalue("astronaut")
    analyzer: FaceAnalyzer = request.getfixturevalue("analyzer")
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_REDUCED_COLOR_2)
    boxes, _ = analyzer.models.detector.detect(np.asarray(image, np.uint8), 0.5)
    return np.asarray(image, np.uint8), tuple(boxes[0].tolist())


@pytest.fixture
def data(tmp_path: Path, face: tuple[np.ndarray, tuple[float, ...]]) -> Path:
    image, box = face
    folder = tmp_path / "data"
    folder.mkdir()
    chip = image[int(box[1]) : int(box[3]), int(box[0]) : int(box[2])]
    names = ("002_female_a", "030_female_b", "047_male_c", "070_male_d")
    write_tar(folder / "utkface_val.tar", {f"{name}.png": chip for name in names})
    for name in ("webfaces_val", "street_val"):
        write_photos(folder / f"{name}.tar", {"a.png": (image, record(box)), "b.png": (noise(90, 120), record())})
    empty = tuple(name for name in (f"{number}.png" for number in range(20)) if is_held(name))
    write_tar(folder / "nonface.tar", {name: noise(100, 100, index) for index, name in enumerate(empty)})
    return folder


def test_the_command_prints_tables_and_writes_figures_and_plots(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "figures.json"
    arguments = ["--data", str(data), "--json", str(written), "--plots", str(tmp_path / "new" / "plots")]
    assert evaluate.main(arguments) == 0
    printed = capsys.readouterr().out
    for heading in ("4 face chips", "2 photos from the web", "2 street photos with 1 faces", "End to end: 2 photos"):
        assert heading in printed
    tables = [part for part in printed.split("\n\n") if part.startswith("|")]
    assert [len({line.count("|") for line in part.splitlines()}) for part in tables] == [1, 1, 1, 1]
    figures = json.loads(written.read_text())
    assert [group["faces"] for group in figures["attributes"]["groups"]][:3] == [4, 3, 1]
    assert figures["detectors"][0]["recall"]["value"] == 1.0
    assert figures["detectors"][0]["street_ap"]["value"] == 1.0
    assert figures["detectors"][1]["name"].endswith("detail=high")
    assert figures["photos"]["answered"]["value"] == 1.0
    pictures = {path.name: path for path in (tmp_path / "new" / "plots").iterdir()}
    assert len(pictures) == 5
    for path in pictures.values():
        assert ElementTree.parse(path).getroot().tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize(("part", "heading"), [("attributes", "face chips"), ("photos", "End to end")])
def test_one_part_can_be_measured_alone(
    data: Path, part: str, heading: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate.main(["--data", str(data), "--only", part]) == 0
    headings = [line for line in capsys.readouterr().out.splitlines() if line.startswith("## ")]
    assert len(headings) == 1
    assert heading in headings[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "nowhere", "--only", "attributes"], "nowhere/utkface_val.tar cannot be read"),
        (["--data", "nowhere", "--models", "nowhere"], "There is no model directory 'nowhere'"),
        (
            ["--data", "nowhere", "--json", "nowhere/figures.json"],
            "There is no directory nowhere to write figures.json",
        ),
    ],
)
def test_what_is_missing_is_said_in_a_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate.main(arguments) == 1
    assert capsys.readouterr().err.startswith(f"evaluate: {said}")


def test_peers_that_are_not_there_are_said(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main(["--data", str(data), "--only", "detector", "--peers", str(tmp_path)]) == 1
    assert "holds neither res10" in capsys.readouterr().err


def test_a_peer_that_cannot_be_read_is_said(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "yunet").mkdir()
    (tmp_path / "yunet" / "yunet_n_320.onnx").write_bytes(b"<html>")
    assert evaluate.main(["--data", str(data), "--only", "detector", "--peers", str(tmp_path)]) == 1
    assert "yunet_n_320.onnx is no YuNet" in capsys.readouterr().err


def test_a_chip_with_another_name_is_said(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tar(data / "utkface_val.tar", {"portrait.png": noise(9, 9)})
    assert evaluate.main(["--data", str(data), "--only", "attributes"]) == 1
    assert "'portrait.png' is not called AGE_GENDER_ID" in capsys.readouterr().err


@needs_opencv_4
def test_peers_are_measured_by_the_same_code(data: Path, reference_models: Path, tmp_path: Path) -> None:
    written = tmp_path / "figures.json"
    arguments = ["--data", str(data), "--only", "detector", "--json", str(written), "--peers", str(reference_models)]
    assert evaluate.main(arguments) == 0
    found = {each["name"]: each["recall"]["value"] for each in json.loads(written.read_text())["detectors"][2:]}
    names = ("res10, 300, as published", "res10, 300, steps corrected", "YuNet-n, 320", "YuNet-n, 640")
    assert found == dict.fromkeys(names, 1.0)


def test_a_face_that_is_not_found_has_no_steadiness(
    analyzer: FaceAnalyzer, face: tuple[np.ndarray, tuple[float, ...]]
) -> None:
    image, box = face
    far = (0.0, 200.0, 40.0, 250.0)
    measured = photos.measure(analyzer, [labelled({"file": "a", **record(box, far)}, image)])
    assert (measured.photos, measured.faces, measured.answered.value) == (1, 2, 0.5)
    assert measured.same_gender.value == 1.0
    assert 0 < measured.age_spread.value < 10


def test_cells_that_hold_bars_stay_cells() -> None:
    assert table(("a|b", "c"), [("1", "2")]).splitlines() == ["| a\\|b | c |", "| --- | --- |", "| 1 | 2 |"]


def test_plots_are_made_of_groups_without_faces_too() -> None:
    none = Estimate(float("nan"), float("nan"), float("nan"))
    some = Estimate(5.0, 4.0, 6.0)
    groups = tuple(
        GroupFigures(label, 0, figure, none, none, none, none, none, none)
        for label, figure in (("all", some), ("0–3", none), ("60 and older", some))
    )
    made = plots.attribute_plots(AttributeFigures(groups, groups[0], ()))
    for content in made.values():
        assert ElementTree.fromstring(content) is not None
    assert made["age-error.svg"].count("<rect") == 2  # the ground and one bar


def test_how_sure_the_nets_are_of_smaller_and_lower_crops_is_tabled(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert crops.main(["--data", str(data)]) == 0
    said = capsys.readouterr().out
    rows = [line.split(" | ") for line in said.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(crops.SCALES) * len(crops.DOWN)
    assert all(0.5 <= float(row[2]) <= 1 and float(row[3]) >= 0 for row in rows)
    assert len({row[2] for row in rows}) > 1


def test_crops_of_no_photos_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert crops.main(["--data", str(tmp_path)]) == 1
    assert "webfaces_val" in capsys.readouterr().err
