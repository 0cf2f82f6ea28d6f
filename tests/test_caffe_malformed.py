from __future__ import annotations

import os
import random
import re
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from faceattr.errors import CaffeError
from tests.caffe_files import caffemodel_v1, classifier, prototxt_v1, ssd
from tests.test_caffe_reader import NONE, header, layer, ones
from training.caffemodel import caffemodel, message

pytest.importorskip("google.protobuf", reason="reading Caffe's files needs protobuf")
from faceattr.caffe import fold, join, read_net, subgraph

MUTATIONS = int(os.environ.get("FACEATTR_TEST_MUTATIONS", "600"))
"""How many files are mutated; 10,000 take a minute."""

TEXT, WEIGHTS = classifier(3, 32)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 45649168\n"


def refusal(prototxt: bytes, weights: bytes) -> str:
    """The error's text; reading must take no memory to speak of."""
    with pytest.raises(CaffeError) as raised:
        read_net(prototxt, weights)
    tracemalloc.start()
    try:
        with pytest.raises(CaffeError, match=re.escape(str(raised.value))):
            read_net(prototxt, weights)
        assert tracemalloc.get_traced_memory()[1] < 4e6 + 4 * (len(prototxt) + len(weights))
    finally:
        tracemalloc.stop()
    return str(raised.value)


@pytest.mark.parametrize(
    ("weights", "cause"),
    [
        (b"", "the caffemodel is empty"),
        (b"\0" * 100_000, r"the caffemodel is nothing but blanks or zeros \(100000 bytes\)"),
        (POINTER, r"the caffemodel is a Git LFS pointer \(133 bytes\)"),
        (b"\n<!DOCTYPE html><html>...</html>", "the caffemodel is a web page"),
        (b"age_net goes here", r"the caffemodel \(17 bytes\) is truncated, damaged or something else"),
        (WEIGHTS[:-1], "is truncated, damaged or something else"),
        (WEIGHTS[: len(WEIGHTS) // 2], "is truncated, damaged or something else"),
        (TEXT.encode(), "is truncated, damaged or something else"),
        (b"\x0a\x03net", "holds no layers"),
        (caffemodel({}), "the caffemodel is empty"),
        (b"\xf2\x06\x01" * 3, "is truncated, damaged"),
        (b"\xa3\x06" * 200, "is truncated, damaged"),
        (b"\x0b\x0c" + WEIGHTS, "is truncated, damaged"),
        (b"\xa2\x06\x00" * 200_000, "the caffemodel has more than 100000 fields"),
        (b"\x12\x00" * 200_000, "the caffemodel has more than 100000 fields"),
        (message(100, b"\x3a\x00" * 200_000), "the caffemodel has more than 100000 fields"),
        (message(100, message(7, b"\x2a\x00" * 200_000)), "the caffemodel has more than 100000 fields"),
        (message(2, message(6, b"\x2d\x00\x00\x80\x3f" * 200_000)), "the caffemodel has more than 100000 fields"),
    ],
)
def test_what_is_not_a_caffemodel_is_reported_as_what_it_is(weights: bytes, cause: str) -> None:
    assert re.search(cause, refusal(TEXT.encode(), weights))


@pytest.mark.parametrize(
    ("prototxt", "cause"),
    [
        (b"", "the prototxt is empty"),
        (b" \n\t", "the prototxt is nothing but blanks or zeros"),
        (b"\0" * 500, "the prototxt is nothing but blanks or zeros"),
        (POINTER, "the prototxt is a Git LFS pointer"),
        (b"<html></html>", "the prototxt is a web page"),
        (b"\xff\xfe\x00", "the prototxt is not text, but 3 bytes of something else"),
        (b'name: "x"', "the prototxt declares no input"),
        (TEXT.encode()[:-5], "the prototxt is not what Caffe reads: line 10"),
        (b"layer {" * 10_000, "more than 32 messages inside each other"),
        (b"a: 1 " * 300_000, "the prototxt has 1500000 bytes, 524288 at most"),
        (b"a: 1\n" * 100_000, "the prototxt has more than 150000 words and marks"),
        (b"a{}" * 170_000, "the prototxt has more than 150000 words and marks"),
        (b"a: 1\n" * 45_000, "the prototxt declares no input"),
        (header(1, 3).encode(), "no layers that compute anything"),
    ],
)
def test_what_is_not_a_prototxt_is_reported_as_what_it_is(prototxt: bytes, cause: str) -> None:
    with pytest.raises(CaffeError, match=cause):
        read_net(prototxt, WEIGHTS)


@pytest.mark.parametrize(
    ("net", "cause"),
    [
        (header(1, 3, -1, 8) + layer("ReLU"), "input 'data' cannot be 1×3×-1×8"),
        (header(1, 0, 8, 8) + layer("ReLU"), "input 'data' cannot be 1×0×8×8"),
        (header(1, 3, 30_000, 30_000) + layer("ReLU"), "input 'data' cannot be 1×3×30000×30000"),
        (header(2**62, 2**62, 2**62) + layer("ReLU"), "input 'data' cannot be"),
        (header(2**70) + layer("ReLU"), "'dim' must be between"),
        (header(*[1] * 9) + layer("ReLU"), "input 'data' has 9 dimensions"),
        (header(*[1] * 2000) + layer("ReLU"), "'dim' is given 2000 times, 1024 at most is allowed"),
        (header() + layer("ReLU"), "input 'data' has 0 dimensions"),
        ('input: "data" input_dim: [1, 3]\n' + layer("ReLU"), "has 2 input_dim, not four for each input"),
        ('input: "data" input_dim: [1, 3, x, 8]\n' + layer("ReLU"), "'input_dim' must be a whole number, not 'x'"),
        ('input: "data"\n' + layer("ReLU"), "declares 1 inputs and 0 input shapes"),
        (header(1, 3) + header(1, 3) + layer("ReLU"), "declares an input twice"),
        ('layer { name: "i" type: "Input" top: "data" }', r"layer 'i' \(Input\) has 1 tops and 0 shapes"),
        (layer("ReLU"), "declares no input"),
    ],
)
def test_inputs_that_cannot_be_are_named(net: str, cause: str) -> None:
    assert re.search(cause, refusal(net.encode(), caffemodel(NONE)))


HUGE = 4_000_000_000


@pytest.mark.parametrize(
    ("net", "cause"),
    [
        (layer("ShuffleChannel"), r"layer 'x' \(ShuffleChannel\): this type of layer is not supported"),
        (layer("ReLU", bottoms="y"), "layer 'x' reads 'y', which no layer before it makes"),
        (layer("ReLU") + layer("TanH", bottoms="z", tops="z", name="z"), "layer 'z' reads 'z', which no layer before"),
        (layer("ReLU") + layer("TanH", name="z"), "layer 'z' makes 'y', which another layer makes already"),
        (layer("Slice", tops="a a"), "layer 'x' makes 'a', which another layer makes already"),
        (layer("ReLU") + layer("TanH", tops="z"), "two layers are called 'x'"),
        (layer("ReLU", name=""), "layer 1 has no name"),
        ('layer { name: "x" bottom: "data" top: "y" }', "layer 1 has no type"),
        (layer("ReLU") + 'layers { name: "z" type: RELU }', "mixes 'layer' and 'layers'"),
        ("state { phase: TRAIN }" + layer("ReLU"), "of a training net"),
        (layer("ReLU", "include { } exclude { }"), "'include' and 'exclude' exclude each other"),
        (layer("ReLU", bottoms=""), r"layer 'x' \(ReLU\): expected 1 inputs, found 0"),
        (layer("ReLU", tops="y z"), r"layer 'x' \(ReLU\): expected 1 outputs, found 2"),
        (layer("Eltwise"), r"layer 'x' \(Eltwise\): expected 2 or more inputs, found 1"),
        (layer("ReLU", "quantize: 8"), r"layer 'x' \(ReLU\): the field 'quantize' is not supported"),
        (layer("ReLU", "relu_param { threshold: 6 }"), r"layer 'x' \(ReLU\): the field 'threshold' is not supported"),
        (layer("ReLU", "relu_param: 3"), "'relu_param' must be a message in braces"),
        (layer("ReLU", "relu_param { } relu_param { }"), "'relu_param' is given more than once"),
        (layer("ReLU", "relu_param { negative_slope { } }"), "'negative_slope' must be a plain value"),
        (layer("ReLU", "relu_param { negative_slope: 1 negative_slope: 2 }"), "'negative_slope' is given 2 times"),
        (layer("ReLU", "relu_param { negative_slope: nan }"), "'negative_slope' must be a finite number, not 'nan'"),
        (layer("ReLU", "relu_param { negative_slope: 1e99 }"), "'negative_slope' must be a finite number"),
        (layer("ReLU", "relu_param { negative_slope: __import__ }"), "'negative_slope' must be a finite number"),
        (layer("Convolution"), "'num_output' must be at least 1"),
        (layer("Convolution", "convolution_param { num_output: 2 }"), "'kernel_size' must be given once or twice"),
        (layer("Convolution", "convolution_param { num_output: -1 }"), "'num_output' must be between 0 and 4294967295"),
        (layer("Convolution", f"convolution_param {{ num_output: {HUGE} kernel_size: 1 }}"), "output 'y' cannot be"),
        (layer("Convolution", "convolution_param { num_output: 99999 kernel_size: 1 }"), "no weights for this layer"),
        (layer("Convolution", "convolution_param { num_output: 1 kernel_size: 0 }"), "must be between 1 and 65536"),
        (layer("Convolution", f"convolution_param {{ num_output: 1 kernel_size: {HUGE} }}"), "between 1 and 65536"),
        (layer("Convolution", "convolution_param { num_output: 1 kernel_size: 9 }"), "leaves nothing of an input of 8"),
        (layer("Convolution", "convolution_param { num_output: 1 kernel_size: 1 stride: 0 }"), "'stride' must be"),
        (layer("Convolution", "convolution_param { num_output: 1 kernel_size: 1 dilation: 0 }"), "'dilation' must be"),
        (layer("Convolution", "convolution_param { num_output: 1 kernel_size: 1 group: 0 }"), "'group' 0 must divide"),
        (layer("Convolution", "convolution_param { num_output: 3 kernel_size: 1 group: 2 }"), "'group' 2 must divide"),
        (layer("Convolution", "convolution_param { num_output: 1 kernel_size: 1 axis: 2 }"), "'axis' must be 1"),
        (layer("Convolution", "convolution_param { num_output: 1 kernel_h: 1 }"), "must be given together"),
        (layer("Convolution", "convolution_param { num_output: 1 bias_term: maybe }"), "'bias_term' must be true"),
        (layer("Deconvolution", "convolution_param { num_output: 9 kernel_size: 60000 }"), "cannot be 1×9×60007×60007"),
        (layer("InnerProduct", f"inner_product_param {{ num_output: {HUGE} }}"), "output 'y' cannot be 1×4000000000"),
        (layer("InnerProduct", "inner_product_param { num_output: 1 axis: 4 }"), "'axis' 4 is outside the 4"),
        (layer("Pooling"), "'kernel_size' must be given once or twice, it is given 0 times"),
        (layer("Pooling", "pooling_param { pool: STOCHASTIC kernel_size: 2 }"), "stochastic pooling is not supported"),
        (layer("Pooling", "pooling_param { pool: MEDIAN kernel_size: 2 }"), "'pool' must be one of MAX, AVE, S"),
        (layer("Pooling", "pooling_param { kernel_size: 2 pad: 2 }"), "must be smaller than the kernel"),
        (layer("Pooling", "pooling_param { global_pooling: true stride: 2 }"), "neither stride nor padding"),
        (layer("BatchNorm", "batch_norm_param { use_global_stats: false }"), "depend on the batch"),
        (layer("LRN", "lrn_param { local_size: 4 }"), "'local_size' must be odd"),
        (layer("Scale", "scale_param { num_axes: 4 }"), "'num_axes' 4 is more than the input has"),
        (layer("Slice", tops="a b"), "2 equal parts do not fit the 3 of axis 1"),
        (layer("Slice", "slice_param { slice_point: 5 }", tops="a b"), "must rise and stay inside the 3"),
        (layer("Slice", "slice_param { slice_point: 1 }"), "1 outputs need 0 slice points, not 1"),
        (layer("Concat", "concat_param { axis: 1 concat_dim: 1 }"), "'axis' and 'concat_dim' exclude each other"),
        (layer("Eltwise", "eltwise_param { coeff: 2 }", bottoms="data data"), "1 coefficients do not fit SUM of 2"),
        (layer("Reshape", "reshape_param { shape { dim: 5 } }"), r"'shape' \(5,\) does not fit"),
        (layer("Reshape", "reshape_param { shape { dim: -1 dim: -1 } }"), "may hold -1 once"),
        (layer("Reshape", "reshape_param { shape { dim: [0, 0, 0, 0, 0] } }"), "a dimension the input does not have"),
        (layer("Reshape", "reshape_param { axis: 9 }"), "'axis' 9 and 'num_axes' -1 do not fit"),
        (layer("Permute", "permute_param { order: 0 order: 0 }"), "must name different axes"),
        (layer("Flatten", "flatten_param { axis: 2 end_axis: 1 }"), "'end_axis' 1 is before 'axis' 2"),
        (layer("ArgMax", f"argmax_param {{ top_k: {HUGE} }}"), "'top_k' must be between 1 and 192"),
        (layer("Crop", "crop_param { offset: 1 }", bottoms="data data"), "is outside"),
        (layer("PriorBox", bottoms="data data"), "'min_size' must be given and above 0"),
        (
            layer("PriorBox", "prior_box_param { " + "min_size: 1 " * 2000 + "}", bottoms="data data"),
            "'min_size' is given 2000 times, 1024 at most",
        ),
        (
            layer("PriorBox", "prior_box_param { min_size: 1 max_size: 2 max_size: 3 }", bottoms="data data"),
            "2 max_size do not go with 1 min_size",
        ),
        (layer("DetectionOutput", bottoms="data data data"), "the third input must be priors"),
    ],
)  # fmt: skip
def test_layers_that_cannot_be_are_named(net: str, cause: str) -> None:
    assert re.search(cause, refusal((header(1, 3, 8, 8) + net).encode(), caffemodel(NONE)))


BIAS = header(1, 3) + layer("Bias")


@pytest.mark.parametrize(
    ("weights", "cause"),
    [
        (caffemodel(NONE), r"layer 'x' \(Bias\): the caffemodel has no weights for this layer"),
        (caffemodel({"x": ("Bias", [])}), r"layer 'x' \(Bias\): expected 1 weight blobs \(3\), found 0"),
        (caffemodel({"x": ("Bias", ones((3,), (3,)))}), "expected 1 weight blobs"),
        (caffemodel({"x": ("Bias", ones((4,)))}), "weight blob 0 must be 3, the caffemodel has 4"),
        (caffemodel({"x": ("Bias", ones((3, 1)))}), "weight blob 0 must be 3, the caffemodel has 3×1"),
        (caffemodel_v1({"x": ("Concat", ones((4,)))}), "weight blob 0 must be 3, the caffemodel has 1×1×1×4"),
        (caffemodel({"x": ("Bias", [np.array([1, np.nan, 2], np.float32)])}), "numbers that are not finite"),
        (b"\xa2\x06\x0c\n\x01x:\x07:\x03\n\x01\x03*\x00", "the caffemodel holds 0 numbers"),
        (b"\xa2\x06\x0f\n\x01x:\x0a:\x03\n\x01\x03*\x03abc", "break off in the middle of one"),
        (b"\xa2\x06\x0b\n\x01x:\x06:\x02\n\x09*\x00", "the shape of a weight blob is damaged"),
        (b"\xa2\x06\x0b\n\x01x:\x06:\x02\x0b\x09P\x07", "raw data of the unknown type 7|shape of a weight"),
    ],
)
def test_weights_that_do_not_fit_are_named(weights: bytes, cause: str) -> None:
    assert re.search(cause, refusal(BIAS.encode(), weights))


def _numbers(text: bytes, chance: random.Random) -> bytes:
    found = list(re.finditer(rb"-?\d+", text))
    place = chance.choice(found)
    number = chance.choice([b"0", b"-1", b"1", b"2", b"3", b"7", b"65536", b"2147483648", b"9" * 18, b"1e9", b"nan"])
    return text[: place.start()] + number + text[place.end() :]


def _words(text: bytes, chance: random.Random) -> bytes:
    words = re.findall(rb"[\w\"]+|[{}:]", text)
    one, other = chance.choice(words), chance.choice(words)
    return text.replace(one, other, chance.choice([1, -1]))


def _lines(text: bytes, chance: random.Random) -> bytes:
    lines = text.split(b"\n")
    lines.insert(chance.randrange(len(lines)), lines.pop(chance.randrange(len(lines))))
    return b"\n".join(lines[chance.randrange(2) :])


def _bytes(data: bytes, chance: random.Random) -> bytes:
    spoilt = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 8])):
        # Most of a caffemodel is numbers; what matters stands at its beginning and between the blobs.
        at = chance.randrange(chance.choice([len(spoilt), 200]))
        spoilt[at] = chance.choice([spoilt[at] ^ 1 << chance.randrange(8), 0, 255, 127, 128])
    return bytes(spoilt)


def _cut(data: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.randrange(len(data)) for _ in range(2))
    return chance.choice([data[:start], data[start:], data[:start] + data[end:], data[:end] + data[start:]])


Mutation = Callable[[bytes, random.Random], bytes]
IN_TEXT: tuple[Mutation, ...] = (_numbers, _numbers, _words, _lines, _bytes, _cut)
IN_WEIGHTS: tuple[Mutation, ...] = (_bytes, _cut)


def _normalized() -> tuple[str, bytes]:
    text = header(1, 3, 9, 9) + "".join(
        [
            layer("Convolution", "convolution_param { num_output: 4 kernel_size: 3 pad: 1 }", tops="c", name="c"),
            layer("BatchNorm", bottoms="c", tops="c", name="bn"),
            layer("Scale", "scale_param { bias_term: true }", bottoms="c", tops="c", name="scale"),
            layer("Slice", "slice_param { slice_point: 1 axis: 1 }", bottoms="c", tops="one rest", name="slice"),
            layer("Concat", "concat_param { axis: 1 }", bottoms="rest one", tops="all", name="concat"),
            layer("Eltwise", "eltwise_param { coeff: 1 coeff: -1 }", bottoms="all c", tops="sum", name="e"),
            layer("Deconvolution", "convolution_param { num_output: 2 kernel_size: 2 group: 2 bias_term: false }",
                  bottoms="sum", tops="d", name="d"),
            layer("Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 4 } }", bottoms="d", tops="r", name="r"),
            layer("ArgMax", "argmax_param { axis: 2 top_k: 2 }", bottoms="r", tops="a", name="a"),
        ]
    )  # fmt: skip
    weights = caffemodel(
        {
            "c": ("Convolution", ones((4, 3, 3, 3), (4,))),
            "bn": ("BatchNorm", ones((4,), (4,), (1,))),
            "scale": ("Scale", ones((4,), (4,))),
            "d": ("Deconvolution", ones((4, 1, 2, 2))),
        }
    )
    return text, weights


def _old() -> tuple[str, bytes]:
    text = header(1, 3, 9, 9) + layer("Convolution", "convolution_param { num_output: 2 kernel_size: 3 }", tops="c")
    text += layer("Pooling", "pooling_param { kernel_size: 3 stride: 2 pad: 1 }", bottoms="c", tops="p", name="p")
    return prototxt_v1(text), caffemodel_v1({"x": ("Convolution", ones((2, 3, 3, 3), (2,)))})


@pytest.mark.parametrize("net", [classifier(3, 16), ssd(120), _normalized(), _old()], ids=["net", "ssd", "folds", "v1"])
def test_mutated_files_are_read_or_refused(net: tuple[str, bytes]) -> None:
    text, weights = net[0].encode(), net[1]
    chance, read = random.Random(42), 0
    for _ in range(MUTATIONS // 4):
        spoilt, spoilt_weights = text, weights
        if chance.random() < 0.6:
            spoilt = chance.choice(IN_TEXT)(text, chance)
        else:
            spoilt_weights = chance.choice(IN_WEIGHTS)(weights, chance)
        try:
            graph = read_net(spoilt, spoilt_weights)
            join({"a": fold(graph), "b": subgraph(graph, graph.outputs)})
            read += 1
        except CaffeError as error:
            assert str(error)
    assert read
