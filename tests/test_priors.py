from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceattr.caffe.priors import correct_prior_steps, input_size
from faceattr.caffe.prototxt import parse
from faceattr.errors import CaffeError
from tests.conftest import BUILT_IN
from tests.opencv_caffe import caffe_net


def ssd(pooling: str, prior: str, convolution: str = "num_output: 2 kernel_size: 3 pad: 1") -> str:
    return f"""
input: "data" input_shape {{ dim: 1 dim: 3 dim: 60 dim: 80 }}
layer {{ name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param {{ {convolution} }} }}
layer {{ name: "norm" type: "Normalize" bottom: "conv" top: "norm" }}
layer {{ name: "pool" type: "Pooling" bottom: "norm" top: "pool" pooling_param {{ {pooling} }} }}
layer {{ name: "prior" type: "PriorBox" bottom: "pool" bottom: "data" top: "prior"
  prior_box_param {{ min_size: 10 {prior} }} }}
"""


@pytest.mark.parametrize(
    ("pooling", "prior", "notes"),
    [
        ("kernel_size: 10 stride: 10", "step: 10", ()),
        ("kernel_size: 10 stride: 10", "step: 12", ()),
        ("kernel_size: 10 stride: 10", "", ()),
        ("kernel_size: 10 stride: 10", "step: 0", ()),
        ("kernel_size: 10 stride: 10", "step: 20", ("prior: step 20 corrected to 10",)),
        ("kernel_size: 10 stride: 10", "step: 5", ("prior: step 5 corrected to 10",)),
        ("global_pooling: true", "step: 80", ()),
        (
            "kernel_w: 20 kernel_h: 10 stride_w: 20 stride_h: 10",
            "step_w: 40 step_h: 10",
            ("prior: step_w 40 corrected to 20",),
        ),
    ],
)
def test_a_step_is_corrected_only_when_it_disagrees_with_its_map(
    pooling: str, prior: str, notes: tuple[str, ...]
) -> None:
    text = ssd(pooling, prior)
    corrected, found = correct_prior_steps(text)
    assert found == notes
    assert (corrected == text) == (not notes)
    assert correct_prior_steps(corrected) == (corrected, ())


@pytest.mark.parametrize(
    ("convolution", "pooling", "cells"),
    [
        ("num_output: 2 kernel_size: 3 pad: 1", "kernel_size: 2 stride: 2", (40, 30)),
        ("num_output: 2 kernel_size: 3", "kernel_size: 3 stride: 2", (39, 29)),
        ("num_output: 2 kernel_size: 3 stride: 2 pad: 1", "kernel_size: 3 stride: 2 pad: 1", (21, 16)),
        ("num_output: 2 kernel_size: 3 dilation: 3", "kernel_size: 3 stride: 3", (25, 18)),
        ("num_output: 2 kernel_h: 5 kernel_w: 1 pad_h: 2 pad_w: 0", "kernel_size: 5 stride: 4 pad: 2", (21, 16)),
        ("num_output: 2 kernel_size: 1", "kernel_size: 2 stride: 2 pad: 1", (41, 31)),
    ],
)
def test_map_sizes_follow_caffes_rounding(convolution: str, pooling: str, cells: tuple[int, int]) -> None:
    # A step ten times too large is corrected to input ÷ cells, which shows how many cells were counted.
    text = ssd(pooling, "step_w: 9000 step_h: 9000", convolution)
    corrected, _ = correct_prior_steps(text)
    param = parse(corrected).messages("layer")[3].message("prior_box_param")
    assert (round(80 / float(param.value("step_w"))), round(60 / float(param.value("step_h")))) == cells


POOLINGS = [(2, 2, 0), (3, 2, 0), (3, 2, 1), (2, 2, 1), (5, 4, 2), (7, 3, 3)]


@pytest.mark.parametrize(("kernel", "stride", "pad"), POOLINGS)
def test_pooling_rounds_as_opencv_does(kernel: int, stride: int, pad: int) -> None:
    text = f"""
input: "data" input_dim: 1 input_dim: 3 input_dim: 60 input_dim: 80
layer {{ name: "pool" type: "Pooling" bottom: "data" top: "pool"
  pooling_param {{ pool: MAX kernel_size: {kernel} stride: {stride} pad: {pad} }} }}
layer {{ name: "prior" type: "PriorBox" bottom: "pool" bottom: "data" top: "prior"
  prior_box_param {{ min_size: 10 step_w: 9000 step_h: 9000 variance: 0.1 }} }}
"""
    net = caffe_net(text)
    net.setInput(np.zeros((1, 3, 60, 80), np.float32))
    param = parse(correct_prior_steps(text)[0]).messages("layer")[1].message("prior_box_param")
    cells = round(80 / float(param.value("step_w"))) * round(60 / float(param.value("step_h")))
    assert net.forward("prior").shape[2] == 4 * cells


@pytest.mark.parametrize(
    ("param", "cells"),
    [
        ("kernel_size: 2 stride: 2", (16, 12)),
        ("kernel_size: 4 stride: 2 pad: 1", (16, 12)),
        ("kernel_size: 3", (10, 8)),
    ],
)
def test_a_map_enlarged_by_deconvolution_has_its_own_size(param: str, cells: tuple[int, int]) -> None:
    text = f"""
input: "data" input_dim: 1 input_dim: 3 input_dim: 60 input_dim: 80
layer {{ name: "pool" type: "Pooling" bottom: "data" top: "pool" pooling_param {{ kernel_size: 10 stride: 10 }} }}
layer {{ name: "larger" type: "Deconvolution" bottom: "pool" top: "larger"
  convolution_param {{ num_output: 3 group: 3 {param} }} }}
layer {{ name: "prior" type: "PriorBox" bottom: "larger" bottom: "data" top: "prior"
  prior_box_param {{ min_size: 10 step_w: 9000 step_h: 9000 variance: 0.1 }} }}
"""
    found = parse(correct_prior_steps(text)[0]).messages("layer")[2].message("prior_box_param")
    assert (round(80 / float(found.value("step_w"))), round(60 / float(found.value("step_h")))) == cells


def test_the_published_detectors_defect_is_corrected(reference_models: Path) -> None:
    text = (reference_models / "res10" / "deploy_face.prototxt").read_text()
    corrected, notes = correct_prior_steps(text)
    assert notes == (
        "conv8_2_mbox_priorbox: step 100 corrected to 60",
        "conv9_2_mbox_priorbox: step 300 corrected to 60",
    )
    assert len(corrected.splitlines()) == len(text.splitlines())


def test_the_built_in_detector_needs_no_correction() -> None:
    text = (BUILT_IN / "deploy_face.prototxt").read_text()
    assert correct_prior_steps(text) == (text, ())


@pytest.mark.parametrize(
    "text",
    [
        'input: "data" input_dim: 1 input_dim: 3 input_dim: 30 input_dim: 40',
        'input: "data" input_shape { dim: 1 dim: 3 dim: 30 dim: 40 }',
        'layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 30 dim: 40 } } }',
    ],
)
def test_every_way_to_declare_an_input_is_understood(text: str) -> None:
    assert input_size(parse(text)) == (40, 30)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ('name: "x"', "declares no input"),
        ('input: "data" input_dim: 1 input_dim: a input_dim: b input_dim: c', "expected a whole number, found 'c'"),
        (ssd("kernel_size: 10", "step: x"), "expected a number, found 'x'"),
        (ssd("kernel_size: 100", "step: 1"), "layer 'pool' has nothing left to work on"),
        (ssd("kernel_size: 2", "step: 1").replace('bottom: "norm"', 'bottom: "nowhere"'), "'pool' reads 'nowhere'"),
    ],
)
def test_a_net_that_makes_no_sense_is_refused_with_its_cause(text: str, cause: str) -> None:
    with pytest.raises(CaffeError, match=cause):
        correct_prior_steps(text)
