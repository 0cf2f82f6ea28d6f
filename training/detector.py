"""Trains the face detector: `python -m training.detector --data DIR --run DIR`. Run again, it goes on.

Confidence learns how well its box fits (Li et al., "Generalized Focal Loss", NeurIPS 2020), so that of several boxes
on a face the best one is also the surest; boxes learn by generalized IoU.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from faceattr.types import FloatArray
from training import loop
from training.anchors import decode, match, paired_overlap, priors_for, rows_of
from training.detector_check import measure
from training.detector_samples import sample
from training.detector_source import Source, read_source
from training.detector_teaching import DetectorTeacher, taught_loss
from training.evaluation.detection import DetectorData, read_detector_data
from training.inputs import normalised
from training.modules import Average, PlannedNet, decay_for, placed
from training.narrowing import narrowed
from training.nets import DETECTOR_SIDE, detector_plan
from training.plain_samples import plain_sample
from training.start import detector_of, start_with

PEAK_RATE, WEIGHT_DECAY, AVERAGED = 2e-3, 0.02, 0.999
BOX_WEIGHT = 2.0
PLAIN_FIRST, PLAIN_FROM, PLAIN_SHARE = 0.3, 0.45, 0.65
"""So many samples are plain photos; from that part of the run on, so many."""
CHECKED_EVERY = 5
FEW = 128
"""Samples that tell how a pack's net is to be normalised, which of its channels count, and how its confidence is meant.
"""


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="holds webfaces, street_val and nonface tars")
    parser.add_argument("--run", type=Path, required=True, help="where checkpoint and log go")
    parser.add_argument("--start", type=Path, help="a pack whose detector, as wide or wider, a new run starts from")
    parser.add_argument("--teacher", type=Path, help="a pack whose detector, often a larger one, it also learns from")
    parser.add_argument("--rate", type=float, default=PEAK_RATE, help="highest learning rate (default %(default)s)")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--samples", type=int, default=6000, help="an epoch's; they are drawn anew each time")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parsed = parser.parse_args(argv)
    loop.keep_memory()
    torch.set_num_threads(parsed.threads)
    source, held = read_source(parsed.data), read_detector_data(parsed.data)
    sizes = parsed.epochs, parsed.batch, parsed.samples
    train(source, held, parsed.run, *sizes, parsed.seed, parsed.device, parsed.rate, parsed.start, parsed.teacher)


def train(
    source: Source,
    held: DetectorData,
    directory: Path,
    epochs: int,
    batch: int,
    samples: int,
    seed: int,
    device: str,
    rate: float = PEAK_RATE,
    start: Path | None = None,
    teacher: Path | None = None,
) -> None:
    """Trains, or goes on training, until `epochs` are done. `held` is only measured on; a new run starts from the pack
    `start` if there is one, narrowed to our net, and learns from that of the pack `teacher`, too."""
    torch.manual_seed(seed)
    net = placed(new_net(), device)
    priors = priors_for(DETECTOR_SIDE, DETECTOR_SIDE)
    prior_boxes = torch.from_numpy(priors).to(device)
    if start and not loop.begun(directory):
        wide, _, weights = detector_of(start)
        blob, _, _ = _few(source, priors, seed, device)
        start_with(net, narrowed(weights, wide, net.plan, blob.cpu()), lambda net: net(blob))
    guide = DetectorTeacher(teacher, prior_boxes, device) if teacher else None
    if guide:
        guide.undo_calibration(*_few(source, priors, seed, device))
    steps = samples // batch
    average = Average(net, decay_for(epochs * steps, AVERAGED))
    run = loop.Run(directory, net, loop.optimizer_for(net, WEIGHT_DECAY), average)
    measured = placed(new_net(), device).eval()
    while run.epoch < epochs:
        begin = time.perf_counter()
        random = np.random.default_rng([seed, run.epoch])
        share = PLAIN_SHARE if run.epoch >= PLAIN_FROM * epochs else PLAIN_FIRST
        makers = [partial(_batch, source, priors, batch, share, int(random.integers(2**63))) for _ in range(steps)]
        net.train()
        losses = []
        for step, (images, kinds, faces) in enumerate(loop.ahead(makers)):
            for group in run.optimizer.param_groups:
                group["lr"] = loop.learning_rate((run.epoch + step / steps) / epochs, rate)
            fed = normalised(images.to(device))
            with loop.autocast(device):
                answers = net(fed)
            loss = loss_of(answers, prior_boxes, kinds.to(device), faces.to(device))
            if guide:
                loss = loss + taught_loss(answers, prior_boxes, guide.words(fed))
            run.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(net.parameters(), 10.0)
            run.optimizer.step()
            average.update(net)
            losses.append(loss.item())
        figures = {"loss": float(np.mean(losses)), "seconds": time.perf_counter() - begin}
        if (run.epoch + 1) % CHECKED_EVERY == 0 or run.epoch + 1 == epochs:
            average.load_into(measured)
            figures |= measure(measured, held, device)
        run.finish_epoch(figures)


def new_net() -> PlannedNet:
    """A fresh net that believes every prior is background, one in a hundred aside (Lin et al., ICCV 2017)."""
    plan, heads = detector_plan()
    net = PlannedNet(plan, heads)
    with torch.no_grad():
        for head in heads[1::2]:
            bias = net.steps[head].bias
            assert isinstance(bias, Tensor)
            bias.copy_(torch.tensor([2.3, -2.3]).repeat(len(bias) // 2))
    return net


def loss_of(answers: list[Tensor], priors: Tensor, kinds: Tensor, faces: Tensor) -> Tensor:
    """Confidence and box loss per face prior of a batch; `kinds` (n, p) and `faces` (n, p, 4) as Target's."""
    offsets, logits = rows_of(answers)
    is_face = kinds == 1
    boxes = decode(priors.expand_as(offsets)[is_face], offsets[is_face])
    overlap, generalized = paired_overlap(boxes, faces[is_face])
    quality = torch.zeros_like(logits)
    quality[is_face] = overlap.detach().clamp(min=0.05)
    surprise = (quality - torch.sigmoid(logits)).abs() ** 2
    losses = functional.binary_cross_entropy_with_logits(logits, quality, reduction="none") * surprise
    count = is_face.sum().clamp(min=1)
    return (losses * (kinds >= 0)).sum() / count + BOX_WEIGHT * (1 - generalized).sum() / count


def _few(source: Source, priors: FloatArray, seed: int, device: str) -> tuple[Tensor, Tensor, Tensor]:
    """Some samples as the net is fed, and their targets."""
    images, kinds, faces = _batch(source, priors, FEW, PLAIN_SHARE, seed)
    with torch.no_grad():
        return normalised(images.to(device)), kinds.to(device), faces.to(device)


def _batch(source: Source, priors: FloatArray, batch: int, plain: float, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    random = np.random.default_rng(seed)
    samples = [(plain_sample if random.random() < plain else sample)(source, random) for _ in range(batch)]
    targets = [match(priors, one.boxes, one.ignored) for one in samples]
    images = torch.from_numpy(np.stack([one.image for one in samples]))
    kinds = torch.from_numpy(np.stack([target.kind for target in targets]))
    return images, kinds, torch.from_numpy(np.stack([target.faces for target in targets]))


if __name__ == "__main__":
    main()
