"""Priors by cases worked out by hand, the correction of steps, and graphs that make no sense."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from faceattr.caffe.graph import Graph, Node, Param
from faceattr.caffe.ssd import SSDHead
from faceattr.errors import CaffeError
from tests.ssd_graphs import end_of_ssd


def from_graph(graph: Graph) -> SSDHead:
    head = SSDHead.from_graph(graph)
    assert head is not None
    return head


def priors_of(boxes: int, **params: Param) -> SSDHead:
    return from_graph(end_of_ssd([((5, 8), params)], 40 * boxes))


def test_a_net_without_detection_output_has_no_head() -> None:
    graph = end_of_ssd([((5, 8), {})], 40)
    assert SSDHead.from_graph(replace(graph, nodes=graph.nodes[:-1])) is None
    head = from_graph(graph)
    assert (head.location, head.confidence) == ("loc", "conf")


def test_several_sizes_give_each_cell_the_boxes_of_each() -> None:
    # OpenCV reads the first size only, so this is held against heads of one size each.
    both = priors_of(8, min_size=(16.0, 24.0), max_size=(20.0, 54.0), aspect_ratio=(2.0,)).priors.reshape(40, 8, 4)
    for index, (low, high) in enumerate(((16.0, 20.0), (24.0, 54.0))):
        alone = priors_of(4, min_size=(low,), max_size=(high,), aspect_ratio=(2.0,)).priors.reshape(40, 4, 4)
        np.testing.assert_array_equal(both[:, index * 4 : index * 4 + 4], alone)
    # The fifth cell of the second row: centre (4.5 × 10, 1.5 × 12) in 80×60; sides 36 = √(24 × 54).
    expected = np.array([(45 - 18) / 80, (18 - 18) / 60, (45 + 18) / 80, (18 + 18) / 60], np.float32)
    np.testing.assert_allclose(both[12, 5], expected, atol=1e-7)


def test_an_image_size_of_its_own_replaces_the_inputs() -> None:
    head = priors_of(1, min_size=(32.0,), img_size=(120, 160))
    # Steps of 24 and 20 pixels: the first box has its centre at (10, 12).
    np.testing.assert_allclose(head.priors[0], np.array([-6 / 160, -4 / 120, 26 / 160, 28 / 120]), rtol=1e-6)


@pytest.mark.parametrize(
    ("step", "right", "notes"),
    [
        ((0.0, 0.0), (12, 10), ()),
        ((12.0, 10.0), (12, 10), ()),
        ((11.0, 11.0), (11, 11), ()),
        ((14.0, 12.0), (14, 12), ()),
        ((12.0, 30.0), (12, 10), ("prior0: step_w 30 corrected to 10",)),
        ((4.0, 10.0), (12, 10), ("prior0: step_h 4 corrected to 12",)),
        ((40.0, 40.0), (12, 10), ("prior0: step_h 40 corrected to 12", "prior0: step_w 40 corrected to 10")),
        ((0.0, 30.0), (12, 10), ()),
    ],
)
def test_a_step_is_corrected_only_when_it_disagrees_with_its_map(
    step: tuple[float, float], right: tuple[float, float], notes: tuple[str, ...]
) -> None:
    head = priors_of(1, step=step)
    assert head.notes == notes
    np.testing.assert_array_equal(head.priors, priors_of(1, step=tuple(map(float, right))).priors)


def test_a_step_wrong_on_a_square_map_is_told_once() -> None:
    graph = end_of_ssd([((5, 5), {"step": (100.0, 100.0)}), ((5, 5), {"step": (300.0, 300.0)})], 50, (300, 300))
    head = from_graph(graph)
    assert head.notes == ("prior0: step 100 corrected to 60", "prior1: step 300 corrected to 60")
    np.testing.assert_allclose((head.priors[:, :2] + head.priors[:, 2:]).max() / 2, 0.9)


def test_priors_are_found_through_concat_in_concat_and_split() -> None:
    graph = end_of_ssd([((5, 8), {}), ((3, 4), {}), ((1, 1), {})], 53)
    nested = (
        *graph.nodes[:3],
        Node("first", "Concat", ("prior0", "prior1"), ("first",), {"axis": 2}),
        Node("split", "Split", ("first",), ("copy", "other"), {}),
        Node("priors", "Concat", ("copy", "prior2"), ("priors",), {"axis": -1}),
        graph.nodes[-1],
    )
    np.testing.assert_array_equal(from_graph(replace(graph, nodes=nested)).priors, from_graph(graph).priors)


PARAMETERS: list[tuple[Mapping[str, Param], str]] = [
    ({"min_size": ()}, "min_size is"),
    ({"min_size": (0.0,)}, "min_size is"),
    ({"min_size": (float("nan"),)}, "min_size is .*expected finite"),
    ({"min_size": (1e300,)}, "priors are not finite"),
    ({"max_size": (16.0,)}, "max_size is"),
    ({"max_size": (20.0, 30.0)}, "max_size is"),
    ({"aspect_ratio": (-2.0,)}, "aspect_ratio is -2"),
    ({"aspect_ratio": tuple(float(n) for n in range(2, 2000))}, "more than 1000 boxes"),
    ({"variance": (0.1, 0.1)}, "variance is"),
    ({"variance": (0.1, 0.1, 0.2, 0.0)}, "variance is"),
    ({"offset": float("inf")}, "offset is .*expected finite"),
]


@pytest.mark.parametrize(("params", "cause"), PARAMETERS)
def test_prior_parameters_that_make_no_sense_are_refused(params: Mapping[str, Param], cause: str) -> None:
    with pytest.raises(CaffeError, match=f"layer 'prior0' \\(PriorBox\\): .*{cause}"):
        priors_of(1, **params)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_classes", 0),
        ("code_type", "CIRCLE"),
        ("eta", 0.0),
        ("eta", 1.5),
        ("nms_threshold", -0.1),
        ("nms_threshold", float("nan")),
        ("confidence_threshold", float("nan")),
    ],
)
def test_output_parameters_that_make_no_sense_are_refused(name: str, value: Param) -> None:
    with pytest.raises(CaffeError, match=rf"layer 'out' \(DetectionOutput\): {name} is"):
        from_graph(end_of_ssd([((5, 8), {})], 40, output={name: value}))


def test_graphs_that_do_not_fit_together_are_refused() -> None:
    graph = end_of_ssd([((5, 8), {})], 40)
    prior, join, out = graph.nodes

    def refused(cause: str, *nodes: Node) -> None:
        with pytest.raises(CaffeError, match=cause):
            from_graph(replace(graph, nodes=nodes))

    refused("has 2 inputs, expected three", prior, join, replace(out, inputs=("loc", "conf")))
    refused("2 DetectionOutput layers", prior, join, out, out)
    refused("priors come from 'nowhere', which no layer makes", prior, replace(join, inputs=("nowhere",)), out)
    refused("priors come from layer 'priors' of type Slice", prior, replace(join, type="Slice"), out)
    refused("priors come from layer 'priors' of type Concat", prior, replace(join, params={"axis": 1}), out)
    refused("joined from the same ones more than once", prior, replace(join, inputs=("prior0",) * 9), out)
    refused("joined from the same ones more than once", prior, replace(join, inputs=("priors",)), out)
    refused("its image has the shape", replace(prior, inputs=("map0",)), join, out)
    refused("its map has the shape", replace(prior, inputs=("loc", "data")), join, out)


def test_answers_that_do_not_fit_the_priors_are_refused_before_priors_are_made() -> None:
    graph = end_of_ssd([((100_000, 100_000), {})], 40)
    with pytest.raises(CaffeError, match="'loc' has the shape .* for 10000000000 priors"):
        from_graph(graph)
