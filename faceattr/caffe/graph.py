"""A Caffe net as a small typed graph: what the importer makes of the two files, and everything after it works on.

Blob names are unique: where Caffe lets a layer overwrite its input ("in place"), each version has a name of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]
Param = bool | int | float | str | tuple[int, ...] | tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One layer. `type` is Caffe's V2 name; `params` are complete: every default is filled in.

    Spatial parameters are (height, width) pairs. `weights` are float32 arrays in Caffe's order and layout.
    """

    name: str
    type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: Mapping[str, Param]
    weights: tuple[NDArray[np.float32], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Nodes in an order in which they can run, inputs and outputs by blob name, and the shape of every blob.

    The first dimension of every shape is the batch, as the prototxt declares it; it may be fed with any other.
    `outputs` are the blobs that no node reads.
    """

    name: str
    inputs: Mapping[str, Shape]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    shapes: Mapping[str, Shape]

    def node(self, blob: str) -> Node:
        """The node that makes a blob. Raises KeyError for an input or an unknown name."""
        for node in self.nodes:
            if blob in node.outputs:
                return node
        raise KeyError(blob)
