from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from faceattr.__main__ import main
from faceattr.engines.opencv import OpenCVEngine
from tests.caffe_files import classifier
from tests.conftest import BUILT_IN
from tests.opencv_caffe import READ

pytest.importorskip("onnx", reason="the importer's libraries (onnx, protobuf) are not installed")


@pytest.fixture
def net(tmp_path: Path) -> tuple[Path, Path]:
    prototxt, weights = classifier(5, 32)
    (tmp_path / "net.prototxt").write_text(prototxt)
    (tmp_path / "net.caffemodel").write_bytes(weights)
    return tmp_path / "net.prototxt", tmp_path / "net.caffemodel"


def convert(*paths: Path) -> int:
    return main(["models", "convert", *map(str, paths)])


def test_a_converted_net_answers_as_the_caffe_net(
    net: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(*net, tmp_path / "out.onnx") == 0
    assert "input N×3×32×32, outputs prob" in capsys.readouterr().out
    blob = np.random.default_rng(0).standard_normal((3, 3, 32, 32)).astype(np.float32)
    engine = OpenCVEngine(1, 1)
    converted = engine.load((tmp_path / "out.onnx").read_bytes())(blob)["prob"]
    if READ is None:
        pytest.skip("OpenCV 5 cannot read Caffe nets, and so is no reference")
    original = engine.load_caffe(net[0].read_bytes(), net[1].read_bytes())(blob)["prob"]
    assert converted == pytest.approx(original, abs=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.caffemodel", "net.prototxt", "out.onnx"]


def test_an_ssd_ends_before_its_priors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = BUILT_IN / "deploy_face.prototxt", BUILT_IN / "deploy_face.caffemodel"
    assert convert(*files, tmp_path / "out.onnx") == 0
    assert "PriorBox and DetectionOutput are left out" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("spoil", "code", "cause"),
    [
        (lambda p, w: p.unlink(), 66, "net.prototxt cannot be read: No such file"),
        (lambda p, w: p.write_text("hello"), 65, "net.prototxt is not a Caffe prototxt"),
        (lambda p, w: w.write_text("<html>"), 65, "net.caffemodel is an HTML page"),
        (lambda p, w: w.write_bytes(w.read_bytes()[:-9]), 65, "net.caffemodel is truncated"),
        (lambda p, w: p.write_text(p.read_text().replace("ReLU", "Swish")), 65, "'relu'"),
        (lambda p, w: p.write_text(p.read_text().replace("num_output: 5", "num_output: 6")), 65, "'fc'"),
    ],
)
def test_what_cannot_be_converted_is_said_by_name_and_nothing_is_written(
    net: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path, Path], object],
    code: int,
    cause: str,
) -> None:
    spoil(*net)
    assert convert(*net, tmp_path / "out.onnx") == code
    assert cause in capsys.readouterr().err
    assert not (tmp_path / "out.onnx").exists()


def test_a_target_that_cannot_be_written_is_73(net: tuple[Path, Path], tmp_path: Path) -> None:
    assert convert(*net, tmp_path / "missing" / "out.onnx") == 73


def test_a_link_stays_one_to_what_is_written(net: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "link.onnx").symlink_to("out.onnx")
    assert convert(*net, tmp_path / "link.onnx") == 0
    assert (tmp_path / "link.onnx").is_symlink()
    assert (tmp_path / "out.onnx").stat().st_size > 0


@pytest.mark.parametrize("which", [0, 1])
def test_a_net_is_not_replaced_by_what_becomes_of_it(
    net: tuple[Path, Path], which: int, capsys: pytest.CaptureFixture[str]
) -> None:
    before = [path.read_bytes() for path in net]
    assert convert(*net, net[which].parent / "." / net[which].name) == 64
    assert "is what is to be converted" in capsys.readouterr().err
    assert [path.read_bytes() for path in net] == before
