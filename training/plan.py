"""A plan of a convolutional net: one description that both PyTorch trains and the exporter writes as Caffe layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["conv", "add", "enlarge", "average"]


@dataclass(frozen=True, slots=True)
class Node:
    """One step. `conv`: a convolution, `norm`alised in training, then ReLU if `relu`; `add`: the sum of its bottoms,
    then ReLU if `relu`; `enlarge`: each pixel becomes 2×2; `average`: the mean over the whole map."""

    name: str
    kind: Kind
    bottoms: tuple[str, ...]
    channels: int
    kernel: int = 1
    stride: int = 1
    norm: bool = True
    relu: bool = True


class Plan:
    """Nodes in the order they run, from an input called `data` of 3 channels."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.channels = {"data": 3}

    def conv(
        self, name: str, bottom: str, channels: int, kernel: int = 3, stride: int = 1, *, relu: bool = True
    ) -> str:
        """A convolution that keeps the map's size at stride 1, normalised. Returns its name, as all of these do."""
        return self._add(Node(name, "conv", (bottom,), channels, kernel, stride, relu=relu))

    def head(self, name: str, bottom: str, channels: int, kernel: int = 1) -> str:
        """A convolution with a bias, neither normalised nor followed by ReLU: the net's answer."""
        return self._add(Node(name, "conv", (bottom,), channels, kernel, norm=False, relu=False))

    def add(self, name: str, one: str, other: str, *, relu: bool = True) -> str:
        return self._add(Node(name, "add", (one, other), self.channels[one], relu=relu))

    def enlarge(self, name: str, bottom: str) -> str:
        return self._add(Node(name, "enlarge", (bottom,), self.channels[bottom], kernel=2, stride=2))

    def average(self, name: str, bottom: str) -> str:
        return self._add(Node(name, "average", (bottom,), self.channels[bottom]))

    def residual(self, name: str, bottom: str, channels: int, stride: int = 1) -> str:
        """A basic block of He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016)."""
        inner = self.conv(f"{name}_a", bottom, channels, 3, stride)
        outer = self.conv(f"{name}_b", inner, channels, 3, relu=False)
        shortcut = bottom
        if stride > 1 or channels != self.channels[bottom]:
            shortcut = self.conv(f"{name}_shortcut", bottom, channels, 1, stride, relu=False)
        return self.add(name, outer, shortcut)

    def bottleneck(self, name: str, bottom: str, inner: int) -> str:
        """A bottleneck block of the same paper, at the bottom's own size and width."""
        narrow = self.conv(f"{name}_a", bottom, inner, 1)
        narrow = self.conv(f"{name}_b", narrow, inner, 3)
        wide = self.conv(f"{name}_c", narrow, self.channels[bottom], 1, relu=False)
        return self.add(name, wide, bottom)

    def _add(self, node: Node) -> str:
        if node.name in self.channels:
            raise ValueError(f"two nodes are called {node.name}")
        self.nodes.append(node)
        self.channels[node.name] = node.channels
        return node.name

    def cost(self, side: int) -> float:
        """GFLOP (2 × multiply–add) of the convolutions for a square input of `side` pixels."""
        sides = {"data": side}
        total = 0
        for node in self.nodes:
            bottom = sides[node.bottoms[0]]
            if node.kind == "conv":
                sides[node.name] = -(-bottom // node.stride)
                total += sides[node.name] ** 2 * node.kernel**2 * self.channels[node.bottoms[0]] * node.channels * 2
            else:
                sides[node.name] = {"add": bottom, "enlarge": 2 * bottom, "average": 1}[node.kind]
        return total / 1e9
