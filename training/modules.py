"""A plan as a PyTorch module, and its weights as the exporter needs them: normalisation folded into convolutions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from training.plan import Node, Plan

Weights = dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Convolution name → weight (out, in, kernel, kernel) and bias (out,)."""


class PlannedNet(nn.Module):
    """Runs a plan. Takes (n, 3, h, w), already normalised; answers the outputs named, in their order.

    In training, `dropout` of what an `average` gives is dropped.
    """

    def __init__(self, plan: Plan, outputs: tuple[str, ...], dropout: float = 0.0) -> None:
        super().__init__()
        self.plan, self.outputs, self.dropout = plan, outputs, dropout
        self.steps = nn.ModuleDict()
        for node in plan.nodes:
            if node.kind == "conv":
                self.steps[node.name] = _convolution(node, plan.channels[node.bottoms[0]])

    def forward(self, blob: Tensor) -> list[Tensor]:
        maps = {"data": blob}
        for node in self.plan.nodes:
            first = maps[node.bottoms[0]]
            if node.kind == "conv":
                value = self.steps[node.name](first)
            elif node.kind == "add":
                value = first + maps[node.bottoms[1]]
            elif node.kind == "enlarge":
                value = functional.interpolate(first, scale_factor=2, mode="nearest")
            else:
                value = functional.dropout(first.mean((2, 3), keepdim=True), self.dropout, self.training)
            maps[node.name] = functional.relu(value) if node.relu and node.kind in ("conv", "add") else value
        return [maps[name] for name in self.outputs]

    def folded(self) -> Weights:
        """Weight and bias of every convolution, with the running statistics of its normalisation folded in."""
        weights: Weights = {}
        for node in self.plan.nodes:
            if node.kind != "conv":
                continue
            convolution, norm = parts(self.steps[node.name])
            weight = convolution.weight.detach().double()
            if norm is None:
                assert convolution.bias is not None
                bias = convolution.bias.detach().double()
            else:
                assert norm.running_mean is not None
                assert norm.running_var is not None
                scale = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
                weight = weight * scale[:, None, None, None]
                bias = norm.bias.detach().double() - norm.running_mean.double() * scale
            weights[node.name] = weight.float().numpy(), bias.float().numpy()
        return weights


def bare(plan: Plan, outputs: tuple[str, ...], weights: Weights) -> PlannedNet:
    """A net of folded weights, without normalisation, ready to answer; not to be trained."""
    net = PlannedNet(plan, outputs)
    for node in plan.nodes:
        if node.kind == "conv":
            convolution, _ = parts(net.steps[node.name])
            weight, bias = (torch.from_numpy(each.copy()) for each in weights[node.name])
            convolution.weight, convolution.bias = nn.Parameter(weight), nn.Parameter(bias)
            net.steps[node.name] = convolution
    return net.requires_grad_(False).eval()


def _convolution(node: Node, inputs: int) -> nn.Module:
    convolution = nn.Conv2d(inputs, node.channels, node.kernel, node.stride, (node.kernel - 1) // 2, bias=not node.norm)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    if not node.norm:
        nn.init.normal_(convolution.weight, std=0.01)
        assert convolution.bias is not None
        nn.init.zeros_(convolution.bias)
        return convolution
    return nn.Sequential(convolution, nn.BatchNorm2d(node.channels))


def parts(step: nn.Module) -> tuple[nn.Conv2d, nn.BatchNorm2d | None]:
    """A step's convolution, and its normalisation where it has one."""
    if isinstance(step, nn.Sequential):
        convolution, norm = step
        assert isinstance(norm, nn.BatchNorm2d)
    else:
        convolution, norm = step, None
    assert isinstance(convolution, nn.Conv2d)
    return convolution, norm


def placed(net: PlannedNet, device: str) -> PlannedNet:
    """The net on that device, its maps laid out as its convolutions like them best."""
    return net.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def decay_for(steps: int, most: float) -> float:
    """The decay of an average over a run of so many steps: it covers a tenth of the run, or less in a long one."""
    return min(most, 1 - 10 / max(steps, 20))


class Average:
    """Exponential moving average of a net's parameters and statistics (Polyak averaging), to answer in its place."""

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.state = {name: value.detach().clone().float() for name, value in net.state_dict().items()}

    @torch.no_grad()
    def update(self, net: nn.Module) -> None:
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))  # the first steps must be forgotten soon
        for name, value in net.state_dict().items():
            self.state[name].lerp_(value.float(), 1 - decay)

    def load_into(self, net: nn.Module) -> None:
        """Sets the net to the averaged values."""
        mine: Mapping[str, Tensor] = net.state_dict()
        net.load_state_dict({name: self.state[name].to(value.dtype) for name, value in mine.items()})
