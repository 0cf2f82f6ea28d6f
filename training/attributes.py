"""Trains the gender and age net: `python -m training.attributes --data DIR --run DIR`. Run again, it goes on.

With `--teacher DIR`, of an earlier run or a pack, more than once for several, what these say of each crop is learned,
too (Furlanello et al., "Born-Again Neural Networks", ICML 2018; see training/teaching.py), also of the faces of
webfaces_train.tar, whose age nobody has told.
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

from training import loop
from training.attribute_loss import YEARS, loss_of, loss_towards
from training.chip_samples import plain, vary
from training.chips import Chips, read_chips
from training.inputs import normalised
from training.modules import Average, PlannedNet, decay_for, placed
from training.nets import AGES, ATTRIBUTE_SIDE, attribute_plan
from training.start import start_from
from training.teaching import UNKNOWN, Teachers, faces_of_photos, mixed, with_unlabelled

PEAK_RATE, WEIGHT_DECAY, AVERAGED, DROPOUT = 2e-3, 0.05, 0.998, 0.2
SMALL_SIDE, SMALL_UNTIL = 64, 0.35
"""The first part of the run sees smaller crops, at under half the cost (Touvron et al., NeurIPS 2019, for the idea)."""
MILD_FROM, MILD = 0.72, 0.35
"""From this part of the run on, samples vary less: a small net that must cope with everything fits nothing well."""
FEW = 128
"""Chips whose maps tell how a pack's net is to be normalised."""
TAUGHT, MIXED = 0.7, 0.4
"""How much teachers' words weigh beside the labels; how many batches are mixed, for which there are only such words."""


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="holds utkface_train.tar and utkface_val.tar")
    parser.add_argument("--run", type=Path, required=True, help="where checkpoint and log go")
    parser.add_argument("--epochs", type=int, default=75)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=Path, help="directory of a run, or a pack, whose nets a new run starts from")
    parser.add_argument("--rate", type=float, default=PEAK_RATE, help="highest learning rate (default %(default)s)")
    parser.add_argument(
        "--teacher", type=Path, action="append", default=[], help="directory of a run, or a pack, whose nets teach, too"
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parsed = parser.parse_args(argv)
    loop.keep_memory()
    torch.set_num_threads(parsed.threads)
    chips, held = (read_chips(parsed.data / f"utkface_{part}.tar") for part in ("train", "val"))
    teachers = None
    if parsed.teacher:
        teachers = Teachers([net_of(path, chips, parsed.device).eval() for path in parsed.teacher], parsed.device)
        chips = with_unlabelled(chips, faces_of_photos(parsed.data / "webfaces_train.tar"))
    sizes = parsed.epochs, parsed.batch
    train(chips, held, parsed.run, *sizes, parsed.seed, parsed.device, teachers, parsed.rate, parsed.start)


def train(
    chips: Chips,
    held: Chips,
    run_directory: Path,
    epochs: int,
    batch: int,
    seed: int,
    device: str,
    teachers: Teachers | None = None,
    rate: float = PEAK_RATE,
    start: Path | None = None,
) -> None:
    """Trains, or goes on training, until `epochs` are done. `held` is only measured on; a new run starts from `start`,
    a run or a pack, if there is one, and then sees crops of full size from the beginning."""
    torch.manual_seed(seed)
    net = placed(new_net(), device)
    if start and not loop.begun(run_directory):
        net = placed(net_of(start, chips, device), device)
    average = Average(net, decay_for(epochs * (len(chips) // batch), AVERAGED))
    run = loop.Run(run_directory, net, loop.optimizer_for(net, WEIGHT_DECAY), average)
    measured = placed(new_net(), device).eval()
    while run.epoch < epochs:
        begin = time.perf_counter()
        side = SMALL_SIDE if not start and run.epoch < SMALL_UNTIL * epochs else ATTRIBUTE_SIDE
        amount = 1.0 if run.epoch < MILD_FROM * epochs else MILD
        random = np.random.default_rng([seed, run.epoch])
        torch.manual_seed(int(random.integers(2**31)))  # dropout must not repeat after a restart
        batches = loop.orders(len(chips), batch, random)
        makers = [partial(_batch, chips, indices, side, amount, int(random.integers(2**63))) for indices in batches]
        net.train()
        losses = []
        for step, (crops, ages, genders) in enumerate(loop.ahead(makers)):
            for group in run.optimizer.param_groups:
                group["lr"] = loop.learning_rate((run.epoch + step / len(batches)) / epochs, rate)
            loss = step_loss(net, crops.to(device), ages.to(device), genders.to(device), device, teachers)
            run.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            run.optimizer.step()
            average.update(net)
            losses.append(loss.item())
        average.load_into(measured)
        figures = {"loss": float(np.mean(losses)), "side": side, "seconds": time.perf_counter() - begin}
        run.finish_epoch(figures | measure(measured, held, side, device))


def step_loss(
    net: PlannedNet, crops: Tensor, ages: Tensor, genders: Tensor, device: str, teachers: Teachers | None
) -> Tensor:
    """The loss of a batch of crops (n, h, w, 3): by its labels, and by what teachers say."""
    blob = normalised(crops)
    is_mixed = teachers is not None and float(torch.rand(())) < MIXED
    if is_mixed:
        blob = mixed(blob)
    with loop.autocast(device):
        answers = net(blob)
    if teachers is None:
        return loss_of(answers, ages, genders)
    gender_said, age_said = teachers.words(blob)
    taught = loss_towards(answers, gender_said, age_said, (age_said * YEARS.to(device)).sum(dim=1))
    known = ages != UNKNOWN
    if is_mixed or not known.any():
        return taught
    return torch.lerp(loss_of([answer[known] for answer in answers], ages[known], genders[known]), taught, TAUGHT)


def new_net() -> PlannedNet:
    return PlannedNet(*attribute_plan(), dropout=DROPOUT)


def of_pack(pack: Path, chips: Chips, device: str) -> PlannedNet:
    """The net of a pack, ready to be trained on as `start_from` says. Raises DataError for a net of another form."""
    net = placed(new_net(), device)
    some = Chips(chips.images[:FEW], chips.ages[:FEW], chips.genders[:FEW])
    start_from(net, pack, ("gender_net", "age_net"), lambda net: predict(net, some, ATTRIBUTE_SIDE, device))
    return net


def net_of(path: Path, chips: Chips, device: str) -> PlannedNet:
    """The averaged net of a run, or the net of a pack."""
    if loop.begun(path):
        return placed(loop.averaged(path, new_net()), device)
    return of_pack(path, chips, device)


def predict(net: PlannedNet, chips: Chips, side: int, device: str) -> tuple[Tensor, Tensor]:
    """Gender and age logits, (n, 2) and (n, 101), of all chips as the service would crop them."""
    genders, ages = [], []
    with torch.inference_mode():
        for begin in range(0, len(chips), 128):
            crops = np.stack([plain(chip, side) for chip in chips.images[begin : begin + 128]])
            gender, age = net(normalised(torch.from_numpy(crops).to(device)))
            genders.append(gender.flatten(1).float().cpu())
            ages.append(age.flatten(1).float().cpu())
    return torch.cat(genders), torch.cat(ages)


def measure(net: PlannedNet, held: Chips, side: int, device: str) -> dict[str, float]:
    """Mean absolute age error in years; gender accuracy of all, and from 13 years on."""
    gender, age = predict(net, held, side, device)
    years = (torch.softmax(age, dim=1) * YEARS).sum(dim=1).numpy()
    right = gender.argmax(dim=1).numpy() == held.genders
    grown = held.ages >= 13
    error = float(np.abs(years - held.ages).mean())
    return {"age_error": error, "gender": float(right.mean()), "gender_13": float(right[grown].mean())}


def _batch(chips: Chips, indices: Sequence[int], side: int, amount: float, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    random = np.random.default_rng(seed)
    chosen = np.array(indices)
    crops = np.stack([vary(chips.images[index], side, random, amount) for index in indices])
    return (
        torch.from_numpy(crops),
        torch.from_numpy(np.minimum(chips.ages[chosen], AGES - 1)),
        torch.from_numpy(chips.genders[chosen]),
    )


if __name__ == "__main__":
    main()
