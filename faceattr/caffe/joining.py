"""Cuts graphs down to what is asked for, and joins several on one input into one."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np

from faceattr.caffe.graph import Graph, Node, Shape
from faceattr.errors import CaffeError


def subgraph(graph: Graph, outputs: Sequence[str]) -> Graph:
    """Just the nodes and inputs that these blobs are made of; they are the outputs, in this order.

    Raises CaffeError for a blob that no layer of the graph makes.
    """
    made = {blob for node in graph.nodes for blob in node.outputs}
    for blob in outputs:
        if blob not in made:
            raise CaffeError(f"no layer of the net makes '{blob}'")
    needed = set(outputs)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if needed.intersection(node.outputs):
            needed.update(node.inputs)
            kept.append(node)
    inputs = {blob: shape for blob, shape in graph.inputs.items() if blob in needed}
    present = {*inputs, *(blob for node in kept for blob in node.outputs)}
    shapes = {blob: shape for blob, shape in graph.shapes.items() if blob in present}
    return Graph(graph.name, inputs, tuple(reversed(kept)), tuple(dict.fromkeys(outputs)), shapes)


def join(graphs: Mapping[str, Graph]) -> Graph:
    """One graph that makes the outputs of all, each called `<key>/<blob>`, on one input: the first graph's.

    Nodes that are equal in type, parameters, weights and inputs exist once, under the first key that has them; where
    two outputs are one blob, a Split with one output gives the second its name. The batch is the first graph's. Raises
    CaffeError unless every graph has one input, all of one shape but for the batch, and for keys with a slash.
    """
    if not graphs:
        raise CaffeError("there are no nets to join")
    source, shape = _input("", next(iter(graphs.values())))
    joined = _Joined(source, shape)
    for key, graph in graphs.items():
        if "/" in key:
            raise CaffeError(f"nets to join cannot be called '{key}'")
        name, other = _input(key, graph)
        if other[1:] != shape[1:]:
            raise CaffeError(f"'{key}' reads an input of {other}, '{next(iter(graphs))}' one of {shape}")
        joined.add(key, graph if other == shape else _with_batch(graph, other[0], shape[0]), name)
    return Graph("+".join(graphs), {source: shape}, tuple(joined.nodes), tuple(joined.outputs), joined.shapes)


def _input(key: str, graph: Graph) -> tuple[str, Shape]:
    if len(graph.inputs) != 1:
        raise CaffeError(f"only nets with one input can be joined, '{key or graph.name}' has {len(graph.inputs)}")
    return next(iter(graph.inputs.items()))


def _with_batch(graph: Graph, old: int, new: int) -> Graph:
    """The same graph fed with another batch. Raises CaffeError where the batch does not stay the first dimension."""
    for node in graph.nodes:
        wanted = node.params["shape"] if node.type == "Reshape" and node.params["axis"] == 0 else ()
        fixed = isinstance(wanted, tuple) and wanted[:1] not in ((), (0,), (-1,))
        if fixed or any(graph.shapes[blob][:1] != (old,) for blob in node.outputs):
            raise CaffeError(f"layer '{node.name}' ({node.type}) is made for a batch of {old}, others for one of {new}")
    shapes = {blob: (new, *shape[1:]) for blob, shape in graph.shapes.items()}
    inputs = {blob: shapes[blob] for blob in graph.inputs}
    return Graph(graph.name, inputs, graph.nodes, graph.outputs, shapes)


class _Joined:
    """The graph while it grows."""

    def __init__(self, source: str, shape: Shape) -> None:
        self.nodes: list[Node] = []
        self.outputs: list[str] = []
        self.shapes: dict[str, Shape] = {source: shape}
        self._source = source
        self._alike: dict[Hashable, list[Node]] = {}

    def add(self, key: str, graph: Graph, source: str) -> None:
        names = {source: self._source}
        for node in graph.nodes:
            equal = self._equal(node, tuple(names[blob] for blob in node.inputs), key, graph)
            names.update(zip(node.outputs, equal.outputs, strict=True))
        for blob in graph.outputs:
            wanted = f"{key}/{blob}"
            if names[blob] != wanted:
                self._append(Node(f"{wanted} (name)", "Split", (names[blob],), (wanted,), {}), (graph.shapes[blob],))
            self.outputs.append(wanted)

    def _equal(self, node: Node, inputs: tuple[str, ...], key: str, graph: Graph) -> Node:
        """The node that does the same on the same inputs, new where there is none."""
        traits = node.type, inputs, len(node.outputs), tuple(sorted(node.params.items())), _shapes(node)
        alike = self._alike.setdefault(traits, [])
        for other in alike:
            if all(_same_bytes(*pair) for pair in zip(node.weights, other.weights, strict=True)):
                return other
        outputs = tuple(f"{key}/{blob}" for blob in node.outputs)
        new = Node(f"{key}/{node.name}", node.type, inputs, outputs, node.params, node.weights)
        self._append(new, tuple(graph.shapes[blob] for blob in node.outputs))
        alike.append(new)
        return new

    def _append(self, node: Node, shapes: tuple[Shape, ...]) -> None:
        for blob, shape in zip(node.outputs, shapes, strict=True):
            if blob in self.shapes:
                raise CaffeError(f"two blobs of the joined nets would be called '{blob}'")
            self.shapes[blob] = shape
        self.nodes.append(node)


def _shapes(node: Node) -> tuple[Shape, ...]:
    return tuple(array.shape for array in node.weights)


def _same_bytes(one: np.ndarray[Shape, np.dtype[np.float32]], other: np.ndarray[Shape, np.dtype[np.float32]]) -> bool:
    return one is other or bool(np.array_equal(one.view(np.uint32), other.view(np.uint32)))
