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
from training.tars import DataError


def start_from(net: PlannedNet, pack: Path, files: Iterable[str], answer: Callable[[PlannedNet], object]) -> None:
    """Gives a fresh net the weights of a pack's Caffe nets, `files` without their endings; it then answers as they do.

    In a pack normalisation is folded into the convolutions. It is unfolded again by what the maps look like while
    `answer` feeds the net some samples, so that training goes on smoothly. Raises DataError where a layer is missing
    or has another shape.
    """
    layers = _layers(pack, files)
    norms = []
    for node in net.plan.nodes:
        if node.kind != "conv":
            continue
        convolution, norm = parts(net.steps[node.name])
        if node.name not in layers:
            raise DataError(f"{pack} has no layer '{node.name}': its net is of another form.")
        weight, bias = (torch.from_numpy(blob.copy()) for blob in layers[node.name])
        if weight.shape != convolution.weight.shape:
            shapes = f"{tuple(weight.shape)}, expected {tuple(convolution.weight.shape)}"
            raise DataError(f"{pack}: layer '{node.name}' has weights of shape {shapes}.")
        with torch.no_grad():
            convolution.weight.copy_(weight)
            if norm is None:
                assert convolution.bias is not None
                convolution.bias.copy_(bias.reshape(-1))
            else:
                norm.bias.copy_(bias.reshape(-1))
                norm.weight.copy_(torch.full_like(norm.weight, (1 + norm.eps) ** 0.5))
                norms.append((convolution, norm))
    _unfold(net, norms, answer)


def mixed(weights: Weights, pack: Path, file: str, share: float) -> Weights:
    """`share` of the weights, and the rest of those of a pack's net that their training started from.

    What a net learns anew lies, in the space of weights, in one valley with what it was, and between the two it mostly
    knows both: Wortsman et al., "Robust fine-tuning of zero-shot models" (CVPR 2022).
    """
    before = _layers(pack, [file])
    return {
        name: (share * weight + (1 - share) * before[name][0], share * bias + (1 - share) * before[name][1].reshape(-1))
        for name, (weight, bias) in weights.items()
    }


def _layers(pack: Path, files: Iterable[str]) -> dict[str, tuple[NDArray[np.float32], ...]]:
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
