"""Starts a training from a pack's nets, where the run that made them is no longer there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from faceattr.caffe import read_net
from training.modules import PlannedNet, Weights, parts
from training.nets import WIDTHS_OF, detector_plan
from training.plan import Plan
from training.tars import DataError

Layers = dict[str, tuple[NDArray[np.float32], ...]]


def start_from(net: PlannedNet, pack: Path, files: Iterable[str], answer: Callable[[PlannedNet], object]) -> None:
    """Gives a fresh net the weights of a pack's Caffe nets, `files` without their endings; it then answers as they do.

    In a pack normalisation is folded into the convolutions. It is unfolded again by what the maps look like while
    `answer` feeds the net some samples, so that training goes on smoothly. Raises DataError where a layer is missing
    or has another shape.
    """
    start_with(net, weights_of(net.plan, pack, files), answer)


def start_with(net: PlannedNet, weights: Weights, answer: Callable[[PlannedNet], object]) -> None:
    """As `start_from`, with folded weights that fit."""
    _unfold(net, _put(net, weights), answer)


def mix_in(net: PlannedNet, pack: Path, files: Iterable[str], share: float) -> None:
    """Leaves a trained net, ready to answer, `share` of its weights; the rest is of the pack's that it started from.

    What a net learns anew lies, in the space of weights, in one valley with what it was, and between the two it mostly
    knows both: Wortsman et al., "Robust fine-tuning of zero-shot models" (CVPR 2022). Raises DataError as `start_from`.
    """
    before = weights_of(net.plan, pack, files)
    mix: Weights = {
        name: (share * weight + (1 - share) * before[name][0], share * bias + (1 - share) * before[name][1])
        for name, (weight, bias) in net.folded().items()
    }
    _put(net, mix)


def _put(net: PlannedNet, weights: Weights) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Sets every convolution, with a normalisation that only adds its bias; those that have one."""
    norms = []
    for name, (weight, bias) in weights.items():
        convolution, norm = parts(net.steps[name])
        with torch.no_grad():
            convolution.weight.copy_(torch.from_numpy(weight))
            if norm is None:
                assert convolution.bias is not None
                convolution.bias.copy_(torch.from_numpy(bias))
                continue
            norm.reset_running_stats()
            norm.weight.fill_((1 + norm.eps) ** 0.5)
            norm.bias.copy_(torch.from_numpy(bias))
            norms.append((convolution, norm))
    return norms


def weights_of(plan: Plan, pack: Path, files: Iterable[str]) -> Weights:
    """What a pack has for each convolution of a plan. Raises DataError where it is missing or has another shape."""
    return _fitting(plan, pack, _layers(pack, files))


def detector_of(pack: Path) -> tuple[Plan, tuple[str, ...], Weights]:
    """Plan, heads and weights of a pack's detector, which may be wider or narrower than ours. Raises DataError."""
    layers = _layers(pack, ["deploy_face"])
    if missing := [name for name in WIDTHS_OF if name not in layers]:
        raise DataError(f"{pack} has no layer '{missing[0]}': its net is of another form.")
    plan, heads = detector_plan(tuple(len(layers[name][0]) for name in WIDTHS_OF))
    return plan, heads, _fitting(plan, pack, layers)


def _fitting(plan: Plan, pack: Path, layers: Layers) -> Weights:
    fitting = Weights()
    for node in plan.nodes:
        if node.kind != "conv":
            continue
        if node.name not in layers:
            raise DataError(f"{pack} has no layer '{node.name}': its net is of another form.")
        weight, bias = layers[node.name]
        expected = (node.channels, plan.channels[node.bottoms[0]], node.kernel, node.kernel)
        if weight.shape != expected:
            shapes = f"{weight.shape}, expected {expected}"
            raise DataError(f"{pack}: layer '{node.name}' has weights of shape {shapes}.")
        fitting[node.name] = weight.copy(), bias.reshape(-1).copy()
    return fitting


def _layers(pack: Path, files: Iterable[str]) -> Layers:
    layers = {}
    for file in files:
        graph = read_net((pack / f"{file}.prototxt").read_bytes(), (pack / f"{file}.caffemodel").read_bytes())
        layers.update({node.name: node.weights for node in graph.nodes if node.weights})
    return layers


def _unfold(
    net: PlannedNet, norms: list[tuple[nn.Conv2d, nn.BatchNorm2d]], answer: Callable[[PlannedNet], object]
) -> None:
    """Sets each norm's statistics to its convolution's, and its weight and bias so that the answers stay."""
    seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def look(module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        variance, mean = torch.var_mean(output.float(), (0, 2, 3))
        seen[module] = mean, variance

    hooks = [convolution.register_forward_hook(look) for convolution, _ in norms]
    net.eval()
    with torch.no_grad():
        answer(net)
        for hook in hooks:
            hook.remove()
        for convolution, norm in norms:
            assert norm.running_mean is not None
            assert norm.running_var is not None
            mean, variance = seen[convolution]
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
            norm.weight.copy_((variance + norm.eps).sqrt())
            norm.bias.add_(mean)
