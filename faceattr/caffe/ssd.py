"""The end of an SSD net in NumPy: what PriorBox and DetectionOutput do, after the net has answered.

Liu et al., "SSD: Single Shot MultiBox Detector" (ECCV 2016); rules as in detection_output_layer.cpp and bbox_util.cpp
of Caffe's ssd branch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceattr.caffe.graph import Graph, Node
from faceattr.caffe.nms import suppress
from faceattr.caffe.ssd_priors import Floats, boxes_per_cell, cells, prior_nodes, priors
from faceattr.errors import CaffeError

_CODES = ("CORNER", "CENTER_SIZE", "CORNER_SIZE")


@dataclass(frozen=True, slots=True)
class Rules:
    """The parameters of a DetectionOutput layer; a top_k below 0 sets no limit."""

    num_classes: int
    share_location: bool
    background_label_id: int
    confidence_threshold: float
    nms_threshold: float
    nms_top_k: int
    eta: float
    keep_top_k: int
    code_type: str
    variance_encoded_in_target: bool

    @classmethod
    def of(cls, node: Node) -> Rules:
        """A layer's parameters. Raises CaffeError for values that make no sense."""
        params: Mapping[str, Any] = node.params
        rules = cls(**{name: params[name] for name in cls.__dataclass_fields__})
        wrong = {
            "num_classes": rules.num_classes < 1,
            "code_type": rules.code_type not in _CODES,
            "eta": not 0 < rules.eta <= 1,
            "nms_threshold": not rules.nms_threshold >= 0,
            "confidence_threshold": math.isnan(rules.confidence_threshold),
        }
        for name in (name for name, is_wrong in wrong.items() if is_wrong):
            raise CaffeError(f"layer '{node.name}' (DetectionOutput): {name} is {params[name]}, which makes no sense")
        return rules


class SSDHead:
    """Turns an SSD net's two answers into boxes. Holds no state that changes: threads may share it.

    `location` and `confidence` name the blobs that the net must give; `priors` and `variances` are (p, 4); `notes` has
    a sentence for each PriorBox step that was corrected.
    """

    def __init__(
        self,
        location: str,
        confidence: str,
        priors: Floats,
        variances: Floats,
        rules: Rules,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.location, self.confidence, self.notes = location, confidence, notes
        self.priors, self.variances = priors, variances
        self._rules = rules
        self._sets = 1 if rules.share_location else rules.num_classes
        self._base, self._gain, self._sizes = _coding(priors, variances, rules)

    @classmethod
    def from_graph(cls, graph: Graph) -> SSDHead | None:
        """The head of a net, with its priors computed; None when the net has no DetectionOutput layer.

        Raises CaffeError when the layer's inputs do not fit each other or a parameter makes no sense.
        """
        ends = [node for node in graph.nodes if node.type == "DetectionOutput"]
        if not ends:
            return None
        if len(ends) > 1:
            raise CaffeError(f"the net has {len(ends)} DetectionOutput layers, expected one")
        node, rules = ends[0], Rules.of(ends[0])
        if len(node.inputs) != 3:
            raise CaffeError(f"layer '{node.name}' (DetectionOutput) has {len(node.inputs)} inputs, expected three")
        location, confidence, prior = node.inputs
        sources = prior_nodes(graph, prior)
        count = sum(math.prod(cells(graph, source)) * boxes_per_cell(source) for source in sources)
        sets = 1 if rules.share_location else rules.num_classes
        # Checked before the priors are made: a file cannot ask for more memory than its net gives answers.
        for blob, expected in ((location, count * sets * 4), (confidence, count * rules.num_classes)):
            if math.prod(graph.shapes[blob][1:]) != expected:
                raise CaffeError(
                    f"layer '{node.name}' (DetectionOutput): '{blob}' has the shape {graph.shapes[blob]}, "
                    f"expected {expected} values for {count} priors"
                )
        boxes, variances, notes = zip(*(priors(graph, source) for source in sources), strict=True)
        said = tuple(note for some in notes for note in some)
        return cls(location, confidence, np.concatenate(boxes), np.concatenate(variances), rules, said)

    def __call__(self, location: Floats, confidence: Floats) -> list[Floats]:
        """One array (k, 7) per image, best first: image index, class, score, x_min, y_min, x_max, y_max (fractions).

        `location`: (n, p × 4), or (n, p × classes × 4) where classes do not share locations; `confidence`:
        (n, p × classes). Boxes may reach outside the image. Raises CaffeError for other shapes and for values, or
        boxes made of them, that are not finite: a broken net must not look like one that sees nothing.
        """
        places = self._fitted(location, self.location, self._sets * 4).reshape(-1, len(self.priors), self._sets, 4)
        scores = self._fitted(confidence, self.confidence, self._rules.num_classes)
        scores = scores.reshape(-1, len(self.priors), self._rules.num_classes)
        if len(places) != len(scores):
            raise CaffeError(f"the net gave locations of {len(places)} images and confidences of {len(scores)}")
        return [self._rows(index, *answers) for index, answers in enumerate(zip(places, scores, strict=True))]

    def _fitted(self, values: Floats, blob: str, each: int) -> Floats:
        if values.shape[1:] != (len(self.priors) * each,):
            raise CaffeError(f"'{blob}' has the shape {values.shape}, expected (n, {len(self.priors) * each})")
        if not np.isfinite(values).all():
            raise CaffeError(f"'{blob}' holds values that are not finite")
        return values

    def _rows(self, index: int, location: Floats, confidence: Floats) -> Floats:
        """One image: `location` (p, sets, 4), `confidence` (p, classes)."""
        rules = self._rules
        found = [np.empty((0, 7), np.float32)]
        for label in range(rules.num_classes):
            if label == rules.background_label_id:
                continue
            scores = confidence[:, label]
            chosen = np.flatnonzero(scores > rules.confidence_threshold)
            chosen = chosen[np.argsort(-scores[chosen], kind="stable")][_first(rules.nms_top_k)]
            boxes = self._boxes(location[chosen, 0 if rules.share_location else label], chosen)
            kept = suppress(boxes, rules.nms_threshold, rules.eta)
            rows = np.empty((len(kept), 7), np.float32)
            rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3:] = index, label, scores[chosen[kept]], boxes[kept]
            found.append(rows)
        best = np.concatenate(found)
        return best[np.argsort(-best[:, 2], kind="stable")][_first(rules.keep_top_k)]

    def _boxes(self, location: Floats, chosen: NDArray[np.intp]) -> Floats:
        """Corners (k, 4) of the chosen priors (k,) moved by their locations (k, 4)."""
        with np.errstate(over="ignore", invalid="ignore"):
            boxes = self._base[chosen] + self._gain[chosen] * location
            if self._rules.code_type == "CENTER_SIZE":
                half = np.exp(boxes[:, 2:]) * self._sizes[chosen] / 2
                boxes = np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
        if not np.isfinite(boxes).all():
            raise CaffeError(f"'{self.location}' makes boxes that are not finite")
        return boxes


def _coding(priors: Floats, variances: Floats, rules: Rules) -> tuple[Floats, Floats, Floats]:
    """Base and gain (p, 4), and sizes (p, 2): every code type decodes as base + gain × location.

    In CENTER_SIZE the last two are then logarithms of width and height in priors.
    """
    gain = np.ones_like(variances) if rules.variance_encoded_in_target else variances.copy()
    sizes = priors[:, 2:] - priors[:, :2]
    if rules.code_type == "CORNER":
        return priors, gain, sizes
    if rules.code_type == "CORNER_SIZE":
        return priors, gain * np.tile(sizes, (1, 2)), sizes
    gain[:, :2] *= sizes
    centres = (priors[:, :2] + priors[:, 2:]) / 2
    return np.concatenate([centres, np.zeros_like(centres)], axis=1), gain, sizes


def _first(count: int) -> slice:
    return slice(None if count < 0 else count)
