"""SSD's prior boxes, from PriorBox layers and the maps they stand on.

Order and arithmetic are those of prior_box_layer.cpp in Caffe's ssd branch; sizes keep their fractions, as in OpenCV
(Caffe cuts them to whole pixels).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import cast

import numpy as np
from numpy.typing import NDArray

from faceattr.caffe.graph import Graph, Node, Param, Shape
from faceattr.caffe.priors import correction, step_disagrees
from faceattr.errors import CaffeError

Floats = NDArray[np.float32]

_MAX_BOXES = 1000
"""Boxes per cell: SSD has 2 to 6; the limit keeps hostile files from taking time."""
_SAME_RATIO = 1e-6


def prior_nodes(graph: Graph, blob: str) -> tuple[Node, ...]:
    """The PriorBox layers that make a blob of priors, in order, through Concat and Split.

    Raises CaffeError when anything else does.
    """
    found: list[Node] = []
    waiting = [blob]
    visits = 0
    while waiting:
        name = waiting.pop()
        visits += 1
        if visits > len(graph.nodes):
            raise CaffeError(f"the priors of '{blob}' are joined from the same ones more than once")
        try:
            node = graph.node(name)
        except KeyError:
            raise CaffeError(f"priors come from '{name}', which no layer makes") from None
        if node.type == "PriorBox":
            found.append(node)
        elif node.type == "Split" or (node.type == "Concat" and node.params.get("axis") in (2, -1)):
            waiting.extend(reversed(node.inputs))
        else:
            raise CaffeError(f"priors come from layer '{node.name}' of type {node.type}, expected PriorBox and Concat")
    return tuple(found)


def boxes_per_cell(node: Node) -> int:
    """How many priors stand on each cell of a PriorBox layer's map. Raises CaffeError."""
    return len(_sizes(node))


def cells(graph: Graph, node: Node) -> tuple[int, int]:
    """Height and width of the map under a PriorBox layer. Raises CaffeError when it has none."""
    return _sides(graph, node, 0)


def priors(graph: Graph, node: Node) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Priors of one PriorBox layer, their variances, and a sentence for each corrected step.

    Both are (height × width × boxes, 4): corners x_min y_min x_max y_max as fractions of the input. A step that
    disagrees with the map is replaced by input ÷ cells. Raises CaffeError for parameters that make no sense.
    """
    rows, columns = cells(graph, node)
    image = _pair(node, "img_size")
    if min(image) <= 0:
        image = _sides(graph, node, 1)
    (step_y, step_x), notes = _steps(node, (rows, columns), image)
    offset = _number(node, "offset")
    sizes = np.array(_sizes(node))  # (boxes, 2)
    centres = np.empty((rows, columns, 1, 2))
    centres[..., 0] = ((np.arange(columns) + offset) * step_x)[None, :, None]
    centres[..., 1] = ((np.arange(rows) + offset) * step_y)[:, None, None]
    corners = np.concatenate([centres - sizes / 2, centres + sizes / 2], axis=-1)
    corners /= np.array([image[1], image[0], image[1], image[0]])
    if node.params["clip"]:
        corners.clip(0, 1, out=corners)
    with np.errstate(over="ignore"):
        boxes = corners.reshape(-1, 4).astype(np.float32)
    if not np.isfinite(boxes).all():
        raise _error(node, "its priors are not finite")
    return boxes, np.tile(_variances(node), (len(boxes), 1)), notes


def _sizes(node: Node) -> list[tuple[float, float]]:
    """Width and height in pixels of each prior of a cell: for each min_size the square, the larger one, the oblongs."""
    smallest, largest, written = (_numbers(node, name) for name in ("min_size", "max_size", "aspect_ratio"))
    if not smallest or min(smallest) <= 0:
        raise _error(node, f"min_size is {smallest}, expected positive numbers")
    if largest and (len(largest) != len(smallest) or any(b <= a for a, b in zip(smallest, largest, strict=True))):
        raise _error(node, f"max_size is {largest}, expected one above each min_size, {smallest}")
    if len(smallest) * (2 + 2 * len(written)) > _MAX_BOXES:
        raise _error(node, f"more than {_MAX_BOXES} boxes for each cell")
    ratios: list[float] = []
    for ratio in written:
        if ratio <= 0:
            raise _error(node, f"aspect_ratio is {ratio:g}, expected a positive number")
        if all(abs(ratio - known) >= _SAME_RATIO for known in (1.0, *ratios)):
            ratios += [ratio, 1 / ratio] if node.params["flip"] else [ratio]
    found: list[tuple[float, float]] = []
    for index, size in enumerate(smallest):
        found.append((size, size))
        if largest:
            found.append((math.sqrt(size * largest[index]),) * 2)
        found += [(size * math.sqrt(ratio), size / math.sqrt(ratio)) for ratio in ratios]
    return found


def _steps(
    node: Node, cells: tuple[int, int], image: tuple[float, float]
) -> tuple[tuple[float, float], tuple[str, ...]]:
    """The steps (y, x) to use, and what was corrected. Without both, Caffe takes both from the map."""
    steps = _pair(node, "step")
    right = (image[0] / cells[0], image[1] / cells[1])
    if min(steps) <= 0:
        return right, ()
    used = [good if step_disagrees(step, good) else step for step, good in zip(steps, right, strict=True)]
    names = ("step", "step_w") if steps[0] == steps[1] and used[0] == used[1] else ("step_h", "step_w")
    said = [
        correction(node.name, name, step, good)
        for name, step, good in zip(names, steps, used, strict=True)
        if step != good
    ]
    return (used[0], used[1]), tuple(said[:1] if names[0] == "step" else said)


def _variances(node: Node) -> Floats:
    variance = _numbers(node, "variance") or (0.1,)
    if len(variance) not in (1, 4) or min(variance) <= 0:
        raise _error(node, f"variance is {variance}, expected one or four positive numbers")
    return np.array(variance * (4 // len(variance)), np.float32)


def _sides(graph: Graph, node: Node, index: int) -> tuple[int, int]:
    """Height and width of a layer's input."""
    shape: Shape = graph.shapes[node.inputs[index]] if index < len(node.inputs) else ()
    if len(shape) != 4 or min(shape[2:]) < 1:
        what = ("map", "image")[index]
        raise _error(node, f"its {what} has the shape {shape}, expected four dimensions")
    return shape[2], shape[3]


def _pair(node: Node, name: str) -> tuple[float, float]:
    height, width = _numbers(node, name)
    return height, width


def _number(node: Node, name: str) -> float:
    return _finite(node, name, [node.params[name]])[0]


def _numbers(node: Node, name: str) -> tuple[float, ...]:
    return _finite(node, name, cast("tuple[float, ...]", node.params[name]))


def _finite(node: Node, name: str, values: Iterable[Param]) -> tuple[float, ...]:
    found = tuple(float(cast(float, value)) for value in values)
    if not all(map(math.isfinite, found)):
        raise _error(node, f"{name} is {found}, expected finite numbers")
    return found


def _error(node: Node, what: str) -> CaffeError:
    return CaffeError(f"layer '{node.name}' ({node.type}): {what}")
