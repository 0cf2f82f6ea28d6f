"""A layer on its way to ONNX: its parameters with their types, its shapes, and shorthands to add operators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from faceattr.caffe.graph import Node, Shape
from faceattr.caffe.onnx_builder import Array, Attribute, Builder
from faceattr.errors import CaffeError


class Step:
    """One layer, the values and shapes it reads, and the builder it adds operators to."""

    def __init__(self, node: Node, shapes: Mapping[str, Shape], builder: Builder) -> None:
        self.node = node
        self.weights = node.weights
        self.inputs = tuple(builder[blob] for blob in node.inputs)
        self.shapes = tuple(shapes[blob] for blob in node.inputs)
        self.made = tuple(shapes[blob] for blob in node.outputs)
        self._builder = builder

    @property
    def x(self) -> str:
        """The first input."""
        return self.inputs[0]

    @property
    def shape(self) -> Shape:
        """The first input's shape."""
        return self.shapes[0]

    def op(self, kind: str, *inputs: str, **attributes: Attribute) -> str:
        """Adds an operator with one output."""
        return self._builder.op(kind, self.node.name, inputs, 1, **attributes)[0]

    def ops(self, kind: str, count: int, *inputs: str, **attributes: Attribute) -> list[str]:
        """Adds an operator with several outputs."""
        return self._builder.op(kind, self.node.name, inputs, count, **attributes)

    def weight(self, array: Array) -> str:
        return self._builder.constant(array)

    def real(self, values: ArrayLike) -> str:
        """A float32 constant."""
        return self._builder.constant(np.asarray(values, np.float32))

    def whole(self, values: Iterable[int]) -> str:
        """An int64 constant of one dimension."""
        return self._builder.constant(np.array(tuple(values), np.int64))

    def integer(self, name: str) -> int:
        value = self.node.params[name]
        assert isinstance(value, int)
        return value

    def number(self, name: str) -> float:
        value = self.node.params[name]
        assert isinstance(value, int | float)
        return float(value)

    def integers(self, name: str) -> tuple[int, ...]:
        return tuple(int(value) for value in self._several(name))

    def numbers(self, name: str) -> tuple[float, ...]:
        return tuple(float(value) for value in self._several(name))

    def pair(self, name: str) -> tuple[int, int]:
        """Height and width of a spatial parameter."""
        height, width = self.integers(name)
        return height, width

    def axis(self, name: str = "axis") -> int:
        """An axis of the first input, counted from the front."""
        value = self.integer(name)
        return value + len(self.shape) if value < 0 else value

    def error(self, what: str) -> CaffeError:
        return CaffeError(f"layer '{self.node.name}' ({self.node.type}): {what}")

    def _several(self, name: str) -> tuple[float, ...]:
        value = self.node.params[name]
        assert isinstance(value, tuple)
        return value
