"""Writes a pack's files: three Caffe nets and the manifest that says how they are fed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from math import isfinite
from pathlib import Path

from training.inputs import MEAN, SCALE
from training.nets import ATTRIBUTE_SIDE, DETECTOR_SIDE

FILES = ("deploy_face", "gender_net", "age_net")


def write_pack(
    directory: Path,
    name: str,
    version: str,
    crop_scale: float,
    nets: Mapping[str, tuple[str, bytes]],
    accuracy: Mapping[str, float] | None = None,
) -> None:
    """Writes prototxts, caffemodels and a manifest with their digests, and their accuracy where it is known."""
    directory.mkdir(parents=True, exist_ok=True)
    digests = []
    for net in FILES:
        text, binary = nets[net]
        for file, content in ((f"{net}.prototxt", text.encode()), (f"{net}.caffemodel", binary)):
            (directory / file).write_bytes(content)
            digests.append(f'"{file}" = "{hashlib.sha256(content).hexdigest()}"')
    mean = ", ".join(3 * [str(MEAN)])
    fed = f"mean = [{mean}] # B, G, R\nscale = {SCALE} # (pixel - mean) * scale\n"
    side, face = f"[{ATTRIBUTE_SIDE}, {ATTRIBUTE_SIDE}]", f"[{DETECTOR_SIDE}, {DETECTOR_SIDE}]"
    licence = (
        "Our own weights; trained on non-commercial research data (UTKFace, Caltech 10K WebFaces): see the model card"
    )
    sections = [
        f'[pack]\nname = "{name}"\nversion = "{version}"\nlicence = "{licence}"\n',
        f'[detector]\nprototxt = "deploy_face.prototxt"\nweights = "deploy_face.caffemodel"\ninput = {face} # width, '
        f'height\nresize = "stretch"\n{fed}min_confidence = 0.5\n',
        f"[crop]\nscale = {crop_scale:g} # side of the square crop / longer side of the box; edges repeat\n",
        f'[gender]\nprototxt = "gender_net.prototxt"\nweights = "gender_net.caffemodel"\ninput = {side}\n{fed}'
        'output = "prob"\nlabels = ["Male", "Female"]\n',
        f'[age]\nprototxt = "age_net.prototxt"\nweights = "age_net.caffemodel"\ninput = {side}\n{fed}'
        'output = "prob"\nyears = "0..100"\n',
        "[sha256]\n" + "\n".join(digests) + "\n",
    ]
    # A part of the data may hold nothing to measure by; TOML's nan is no figure.
    known = {figure: value for figure, value in (accuracy or {}).items() if isfinite(value)}
    if known:
        figures = "\n".join(f"{figure} = {value}" for figure, value in known.items())
        sections.insert(1, f"[accuracy] # on the photos of the model card, none of them trained on\n{figures}\n")
    (directory / "pack.toml").write_text("\n".join(sections))
