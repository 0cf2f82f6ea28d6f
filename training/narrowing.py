"""A wide net's weights for a narrower net of the same plan: of each map the channels that its readers need most."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.modules import Weights, bare
from training.plan import Plan
from training.tars import DataError


def narrowed(weights: Weights, wide: Plan, narrow: Plan, blob: Tensor) -> Weights:
    """The weights of `wide` cut down to `narrow`, whose nodes have the same names.

    A channel counts as much as what its readers make of it: its size on the samples (n, 3, h, w), root mean square,
    times the weights that read it (after Molchanov et al., "Importance Estimation for Neural Network Pruning", CVPR
    2019). Maps that are added keep the same channels. Raises DataError where `wide` is the narrower one.
    """
    groups = _groups(wide)
    importance = _importance(weights, wide, groups, blob)
    kept = {"data": np.arange(3)}
    for node in narrow.nodes:
        group = groups[node.name]
        if group not in importance:  # an answer, which nothing reads
            kept[group] = np.arange(node.channels)
            continue
        if len(importance[group]) < node.channels:
            raise DataError(f"'{node.name}' has {len(importance[group])} channels, not {node.channels} or more.")
        kept[group] = np.sort(np.argsort(-importance[group], kind="stable")[: node.channels])
    cut = Weights()
    for node in wide.nodes:
        if node.kind == "conv":
            weight, bias = weights[node.name]
            out, into = kept[groups[node.name]], kept[groups[node.bottoms[0]]]
            cut[node.name] = weight[out][:, into], bias[out]
    return cut


def _groups(plan: Plan) -> dict[str, str]:
    """For each node the one that stands for all whose channels must be the same."""
    groups = {"data": "data"}
    for node in plan.nodes:
        groups[node.name] = node.name
        if node.kind == "conv":
            continue
        for bottom in node.bottoms:
            old, new = groups[bottom], groups[node.name]
            groups.update({name: new for name, group in groups.items() if group == old})
    return groups


def _importance(weights: Weights, plan: Plan, groups: dict[str, str], blob: Tensor) -> dict[str, NDArray[np.float64]]:
    """How much each channel of a group of maps that convolutions read is needed by all of them."""
    read = sorted({node.bottoms[0] for node in plan.nodes if node.kind == "conv"} - {"data"})
    with torch.inference_mode():
        maps = bare(plan, tuple(read), weights)(blob)
    sizes = dict(zip(read, [each.square().mean((0, 2, 3)).sqrt().double().numpy() for each in maps], strict=True))
    importance: dict[str, NDArray[np.float64]] = {}
    for node in plan.nodes:
        bottom = node.bottoms[0]
        if node.kind == "conv" and bottom in sizes:
            used = sizes[bottom] * np.sqrt(np.square(weights[node.name][0].astype(np.float64)).sum((0, 2, 3)))
            importance[groups[bottom]] = importance.get(groups[bottom], np.zeros(len(used))) + used
    return importance
