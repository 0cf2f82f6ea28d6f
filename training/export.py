"""Writes a pack from finished runs: `python -m training.export --data DIR --attributes RUN --detector RUN --to models`.

Calibration, measured on the photos held back, is folded into the last layers. Each net is read back through our
importer, and through OpenCV's own Caffe import where it has one, and must answer as the trained net does.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

from faceattr.packs import load_pack
from faceattr.types import FloatArray
from training import calibration, loop
from training.accuracy import accuracy_of
from training.attributes import new_net, predict
from training.caffe_nets import classifier, ssd
from training.chips import CROP_SCALE, read_chips
from training.confidence import recalibrated
from training.detector import new_net as new_detector
from training.detector_check import OVERLAP
from training.face_photos import read_face_photos
from training.inputs import MEAN, SCALE
from training.modules import PlannedNet
from training.moving import Move, crop_scale_after, moved
from training.nets import ATTRIBUTE_SIDE, DETECTOR_SIDE, PRIORS
from training.pack import FILES, write_pack
from training.readback import require_same_answers
from training.start import mix_in

TOLERANCE = 1e-3
NETS = ("attributes", "detector")


@dataclass(frozen=True, slots=True)
class Source:
    """What a net is made of: a run, `share` of it where the rest is of the pack `start`; or a pack."""

    path: Path
    start: Path | None = None
    share: float = 1.0

    @property
    def is_pack(self) -> bool:
        return (self.path / "pack.toml").exists()

    def net(self, fresh: PlannedNet, files: Sequence[str]) -> PlannedNet:
        """The run's averaged net, mixed, ready to answer. Raises DataError where the pack's is of another form."""
        net = loop.averaged(self.path, fresh)
        if self.start:
            mix_in(net, self.start, files, self.share)
        return net


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    taken = "or a pack to take over from"
    parser.add_argument("--attributes", type=Path, required=True, help=f"the run of training.attributes, {taken}")
    parser.add_argument("--detector", type=Path, required=True, help=f"the run of training.detector, {taken}")
    for net in NETS:
        started = f"the pack that the run of training.{net} started from"
        parser.add_argument(f"--{net}-start", type=Path, metavar="PACK", help=started)
        parser.add_argument(f"--{net}-share", type=float, default=1.0, help="of the run; the rest is of that pack")
    where = "where boxes of a pack taken over are to lie: lower, in their heights; times as wide, as high"
    parser.add_argument("--detector-move", type=float, nargs=3, metavar=("LOWER", "WIDER", "HIGHER"), help=where)
    parser.add_argument("--to", type=Path, required=True, help="the pack's directory")
    parser.add_argument("--name", default="faceattr-1")
    parser.add_argument("--version", default="1.0")
    parsed = parser.parse_args(argv)
    sources = {net: Source(*(getattr(parsed, f"{net}{of}") for of in ("", "_start", "_share"))) for net in NETS}
    for net, source in sources.items():
        if (source.share < 1) != (source.start is not None):
            parser.error(f"--{net}-start and a --{net}-share below 1 belong together.")
        if source.start and source.is_pack:
            parser.error(f"--{net} is a pack, which is taken over: --{net}-start is for a run.")
    detector, move = sources["detector"], Move(*parsed.detector_move) if parsed.detector_move else None
    if move and not detector.is_pack:
        parser.error("--detector-move is for the detector of a pack: a run learns where its boxes are to lie.")
    if move and not move.is_possible:
        parser.error("--detector-move takes three numbers, of which WIDER and HIGHER are above 0.")
    nets = export_attributes(sources["attributes"], parsed.data) | export_detector(detector, parsed.data)
    # Boxes of an older pack lie otherwise about a face, and its crops are cut accordingly.
    crop_scale = load_pack(detector.path).crop_scale if detector.is_pack else CROP_SCALE
    if move:
        text, binary = nets["deploy_face"]
        nets["deploy_face"] = text, moved(text.encode(), binary, move)
        crop_scale = crop_scale_after(crop_scale, move)
    write = partial(write_pack, parsed.to, parsed.name, parsed.version, crop_scale, nets)
    write()
    if not detector.is_pack:
        # Calibrated as the service uses it, which looks at long photos in parts.
        nets["deploy_face"] = recalibrated(parsed.to, parsed.data)
        write()
    write(accuracy_of(parsed.to, parsed.data))
    print(f"{parsed.to}: {sum(path.stat().st_size for path in parsed.to.iterdir()) / 1e6:.1f} MB")


def export_attributes(source: Source, data: Path) -> dict[str, tuple[str, bytes]]:
    """Gender and age nets of a run, calibrated on `utkface_val.tar`; those of a pack as they are."""
    files = FILES[1:]
    if source.is_pack:
        return _of_pack(source.path, files)
    net = source.net(new_net(), files)
    chips = read_chips(data / "utkface_val.tar")
    genders, ages = (logits.numpy() for logits in predict(net, chips, ATTRIBUTE_SIDE, "cpu"))
    scales = {
        "gender": calibration.gender_scale(genders, chips.genders),
        "age": calibration.age_scale(ages, chips.ages),
    }
    weights = net.folded()
    for head, scale in scales.items():
        weight, bias = weights[head]
        weights[head] = (weight * np.float32(scale), bias * np.float32(scale))
        print(f"{head}: logits × {scale:.3f}")
    blobs = _blobs([cv2.resize(chip, (ATTRIBUTE_SIDE,) * 2, interpolation=cv2.INTER_AREA) for chip in chips.images[:8]])
    nets = {}
    for head, logits in (("gender", genders), ("age", ages)):
        name = f"{head}_net"
        nets[name] = classifier(name, net.plan, head, weights, ATTRIBUTE_SIDE)
        expected = calibration.softmax(logits[: len(blobs)], scales[head]).astype(np.float32)
        require_same_answers(name, nets[name], blobs, "prob", expected, TOLERANCE)
    return nets


def export_detector(source: Source, data: Path) -> dict[str, tuple[str, bytes]]:
    """The SSD of a run, not yet calibrated; that of a pack as it is."""
    files = FILES[:1]
    if source.is_pack:
        return _of_pack(source.path, files)
    net = source.net(new_detector(), files)
    text, binary = ssd("deploy_face", net.plan, net.outputs, net.folded(), DETECTOR_SIDE, PRIORS, OVERLAP)
    size = (DETECTOR_SIDE, DETECTOR_SIDE)
    photos = read_face_photos(data / "webfaces_val.tar")[:4]
    blobs = _blobs([cv2.resize(photo.image, size, interpolation=cv2.INTER_AREA) for photo in photos])
    with torch.inference_mode():
        maps = net(torch.from_numpy(blobs))
    expected = np.concatenate([answer.permute(0, 2, 3, 1).flatten(1).numpy() for answer in maps[::2]], axis=1)
    require_same_answers("deploy_face", (text, binary), blobs, "mbox_loc", expected, TOLERANCE * 10)
    return {"deploy_face": (text, binary)}


def _of_pack(directory: Path, files: Sequence[str]) -> dict[str, tuple[str, bytes]]:
    return {
        file: ((directory / f"{file}.prototxt").read_text(), (directory / f"{file}.caffemodel").read_bytes())
        for file in files
    }


def _blobs(images: list[np.ndarray]) -> FloatArray:
    return np.asarray(((np.stack(images).astype(np.float32) - MEAN) * SCALE).transpose(0, 3, 1, 2), np.float32)


if __name__ == "__main__":
    main()
