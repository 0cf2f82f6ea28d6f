"""From settings to loaded models: finds the pack, verifies its files, loads its nets and proves that they answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceattr.attributes import AttributeClassifier
from faceattr.detector import SSDDetector
from faceattr.engines import Engine, Net
from faceattr.errors import EngineError, PackError
from faceattr.nets import load_nets
from faceattr.packs import NetFiles, Pack, PackContent, find_pack, load_pack, only_directory, read_pack
from faceattr.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Models:
    """A pack, ready to run."""

    pack: Pack
    digest: str
    sha256: Mapping[str, str]
    """By file name."""
    nets: tuple[Net, ...]
    detector: SSDDetector
    attributes: AttributeClassifier


def load_models(settings: Settings, engine: Engine) -> Models:
    """The models that the settings name, verified and warm. Raises PackError naming file, expected and found."""
    return load_directory(find_pack(only_directory(settings.models)), engine)


def load_directory(directory: Path, engine: Engine) -> Models:
    """The models of a directory, verified and warm. Raises PackError naming file, expected and found."""
    pack = load_pack(directory)
    return _load(pack, read_pack(pack), engine)


def load_changed(models: Models, engine: Engine) -> Models | None:
    """The models that are now in the directory of others, verified and warm; None when they are the same.

    Raises PackError naming file, expected and found.
    """
    pack = load_pack(models.pack.directory)
    content = read_pack(pack)
    if (pack, content.digest) == (models.pack, models.digest):
        return None
    return _load(pack, content, engine)


def _load(pack: Pack, content: PackContent, engine: Engine) -> Models:
    loaded = load_nets(pack, content, engine)
    models = Models(pack, content.digest, content.sha256, loaded.nets, loaded.detector, loaded.attributes)
    _prove(models)
    for net in models.nets:
        net.settle()
    log.info(
        "pack %s %s from %s, engine %s, digest %s", pack.name, pack.version, pack.directory, engine.name, content.digest
    )
    for name, digest in content.sha256.items():
        log.info("sha256 %s %s", digest, name)
    return models


def _prove(models: Models) -> None:
    """Runs each net on noise. Raises PackError when one fails, or answers with the wrong shape or without numbers."""
    pack, noise = models.pack, np.random.default_rng(0)
    try:
        width, height = pack.detector.input
        models.detector.forward(noise.standard_normal((1, 3, height, width)).astype(np.float32))
    except EngineError as error:
        raise _unfit(pack, "the face detector", (pack.detector.files,), error) from None
    try:
        side = max(*pack.gender.input, *pack.age.input)
        models.attributes.probabilities(list(noise.integers(0, 256, (2, side, side, 3), np.uint8)))
    except EngineError as error:
        raise _unfit(pack, "the gender and age nets", (pack.gender.files, pack.age.files), error) from None


def _unfit(pack: Pack, what: str, files: tuple[NetFiles, ...], error: EngineError) -> PackError:
    names = ", ".join(name for net in files for name in (net.prototxt, net.weights))
    return PackError(f"{pack.directory}: {what} ({names}) do not work together: {error}.")
