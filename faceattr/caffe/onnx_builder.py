"""Collects ONNX operators and writes them as a model. The only module that knows the `onnx` library."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from faceattr.errors import CaffeError

OPSET, IR_VERSION = 13, 7
"""Of 2020: OpenCV 4 and 5, ONNX Runtime and OpenVINO all read them, and Softmax works on one axis as Caffe's does."""

_MOST_BYTES = 2**31 - 2**20
"""Protobuf's limit for one message, less some room for everything but the weights."""

Array = NDArray[np.float32] | NDArray[np.int64]
Attribute = int | float | str | Sequence[int]
Dims = Sequence[int | str | None]


@dataclass(frozen=True, slots=True, eq=False)
class _Operator:
    kind: str
    label: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]


class Builder:
    """ONNX operators in the order in which they were added.

    Operators answer with values: stand-ins that become names when the model is written. `bind` gives a value the name
    of a blob; a second name for the same value costs no operator unless the net has to answer with it.
    """

    def __init__(self, inputs: Iterable[str], blobs: Collection[str]) -> None:
        """`blobs`: every name that is taken."""
        self._prefix = "#"
        while any(blob.startswith(self._prefix) for blob in blobs):
            self._prefix += "#"
        self._count = 0
        self._operators: list[_Operator] = []
        self._constants: dict[str, Array] = {}
        self._values = {blob: blob for blob in inputs}
        self._names = dict(self._values)

    def __getitem__(self, blob: str) -> str:
        return self._values[blob]

    def op(self, kind: str, label: str, inputs: Sequence[str], outputs: int, **attributes: Attribute) -> list[str]:
        """Adds an operator, named after `label`, and answers with the values it makes."""
        made = [self._fresh() for _ in range(outputs)]
        self._operators.append(_Operator(kind, label, tuple(inputs), tuple(made), attributes))
        return made

    def constant(self, array: Array) -> str:
        """A value that is always the same."""
        value = self._fresh()
        self._constants[value] = array
        return value

    def bind(self, blob: str, value: str) -> None:
        """Lets a blob be this value."""
        self._values[blob] = value
        self._names.setdefault(value, blob)

    def model(self, name: str, inputs: Mapping[str, Dims], outputs: Mapping[str, Dims]) -> bytes:
        """The model that answers with `outputs`, without the operators, constants and inputs that none of them
        needs.

        Dimensions are numbers, names of free ones, or None. Raises CaffeError when the weights are too many for ONNX.
        """
        for blob in outputs:
            if self._name(self[blob]) != blob:
                self._names[self.op("Identity", blob, [self[blob]], 1)[0]] = blob
        operators = self._needed(outputs)
        read = {value for operator in operators for value in operator.inputs}
        constants = {value: array for value, array in self._constants.items() if value in read}
        size = sum(array.nbytes for array in constants.values())
        if size > _MOST_BYTES:
            raise CaffeError(
                f"net '{name}': {size:,} bytes of weights do not fit into an ONNX file, which ends at 2 GB"
            )
        graph = helper.make_graph(
            [self._node(operator) for operator in operators],
            name or "net",
            [
                helper.make_tensor_value_info(blob, TensorProto.FLOAT, dims)
                for blob, dims in inputs.items()
                if blob in read
            ],
            [helper.make_tensor_value_info(blob, TensorProto.FLOAT, dims) for blob, dims in outputs.items()],
            [numpy_helper.from_array(np.ascontiguousarray(array), value) for value, array in constants.items()],
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="faceattr")
        return bytes(model.SerializeToString())

    def _needed(self, outputs: Iterable[str]) -> list[_Operator]:
        """The operators that lead to the outputs: OpenCV would take the ends of all others for outputs too."""
        wanted, needed = set(outputs), []
        for operator in reversed(self._operators):
            if wanted.intersection(map(self._name, operator.outputs)):
                wanted.update(map(self._name, operator.inputs))
                needed.append(operator)
        return needed[::-1]

    def _node(self, operator: _Operator) -> NodeProto:
        node = helper.make_node(
            operator.kind,
            [self._name(value) for value in operator.inputs],
            [self._name(value) for value in operator.outputs],
            name=f"{operator.label}/{operator.kind}{operator.outputs[0]}",
        )
        node.attribute.extend(helper.make_attribute(name, value) for name, value in operator.attributes.items())
        return node

    def _name(self, value: str) -> str:
        return self._names.get(value, value)

    def _fresh(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count}"
