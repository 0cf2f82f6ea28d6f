"""What both trainings share: schedule, batches prepared ahead, checkpoints that a killed run goes on from."""

from __future__ import annotations

import contextlib
import ctypes
import json
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from training.modules import Average, PlannedNet

Batch = TypeVar("Batch")

CHECKPOINT = "checkpoint.pt"
_KEPT = (-4, 0), (-1, 2**31 - 1), (-2, 2**29), (-8, 2)
"""From glibc's malloc.h: M_MMAP_MAX, none; M_TRIM_THRESHOLD, never; M_TOP_PAD, ask for much at once; M_ARENA_MAX."""


def keep_memory() -> None:
    """Has glibc keep what a step frees for the next one: else a tenth of a run or more goes into fetching it.

    To be called before threads start; does nothing where the C library is another.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in _KEPT:
            mallopt(parameter, value)


def learning_rate(progress: float, peak: float, warm: float = 0.05) -> float:
    """Linear from 0 to `peak` over the first `warm` of the run, then half a cosine down to a hundredth of it.

    Loshchilov and Hutter, "SGDR" (ICLR 2017), without restarts. `progress` runs from 0 to 1.
    """
    if progress < warm:
        return peak * progress / warm
    return peak * (0.01 + 0.99 * (1 + math.cos(math.pi * (progress - warm) / (1 - warm))) / 2)


def precision(device: str) -> torch.dtype:
    """What convolutions are trained in: bfloat16 where the device multiplies matrices of it, at over twice the speed.

    A processor that only has AVX-512's instructions for it takes a quarter longer than in float32, and one without any
    eight times as long, as they convert back and forth.
    """
    capable = torch.cpu.get_capabilities() if device == "cpu" else {"amx_bf16": torch.cuda.is_bf16_supported()}
    return torch.bfloat16 if capable.get("amx_bf16") else torch.float32


def autocast(device: str) -> torch.autocast:
    """Runs what is within in `precision`."""
    return torch.autocast(device, dtype=torch.bfloat16, enabled=precision(device) == torch.bfloat16)


def optimizer_for(net: nn.Module, weight_decay: float) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter, ICLR 2019) that decays the weights of convolutions, not biases and norms."""
    decayed = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    return torch.optim.AdamW(
        [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}], lr=0.0
    )


def orders(count: int, batch: int, random: np.random.Generator) -> list[Sequence[int]]:
    """An epoch's batches: every index once, in random order; a last incomplete batch is left out."""
    order = random.permutation(count)
    return [order[i : i + batch].tolist() for i in range(0, count - batch + 1, batch)]


def ahead(makers: Sequence[Callable[[], Batch]], threads: int = 1) -> Iterator[Batch]:
    """What the makers make, in order, up to four made ahead by other threads."""
    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(maker) for maker in makers[:4]]
        for index in range(len(makers)):
            made = waiting.pop(0).result()
            if index + 4 < len(makers):
                waiting.append(pool.submit(makers[index + 4]))
            yield made


def begun(directory: Path) -> bool:
    """Whether a run in this directory has a checkpoint to go on from."""
    return (directory / CHECKPOINT).exists()


def averaged(directory: Path, net: PlannedNet) -> PlannedNet:
    """The net with a run's averaged weights, ready to answer."""
    state = torch.load(directory / CHECKPOINT, map_location="cpu", weights_only=True)["average"]
    mine = net.state_dict()
    net.load_state_dict({name: state[name].to(value.dtype) for name, value in mine.items()})
    return net.eval()


class Run:
    """A training run in a directory: `checkpoint.pt`, written after every epoch, and `log.jsonl`."""

    def __init__(self, directory: Path, net: nn.Module, optimizer: torch.optim.Optimizer, average: Average) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.net, self.optimizer, self.average = directory, net, optimizer, average
        self.epoch = 0
        if begun(directory):
            state: dict[str, Any] = torch.load(directory / CHECKPOINT, map_location="cpu", weights_only=True)
            net.load_state_dict(state["net"])
            optimizer.load_state_dict(state["optimizer"])
            average.state, average.steps = state["average"], state["steps"]
            self.epoch = state["epoch"]

    def finish_epoch(self, figures: dict[str, float]) -> None:
        """Counts the epoch, writes its figures to the log and everything needed to go on to the checkpoint."""
        self.epoch += 1
        line = json.dumps({"epoch": self.epoch, **{name: round(value, 5) for name, value in figures.items()}})
        print(line, flush=True)
        with (self.directory / "log.jsonl").open("a") as log:
            log.write(line + "\n")
        state = {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state,
            "steps": self.average.steps,
            "epoch": self.epoch,
        }
        part = self.directory / "checkpoint.part"
        torch.save(state, part)
        part.replace(self.directory / CHECKPOINT)
