"""From settings to loaded models: finds the pack, verifies its files, loads its nets and proves that they answer."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from faceattr.attributes import AttributeClassifier
from faceattr.caffe.priors import correct_prior_steps, input_size
from faceattr.caffe.prototxt import parse
from faceattr.detector import SSDDetector
from faceattr.engines import Engine, Net
from faceattr.errors import CaffeError, EngineError, PackError
from faceattr.packs import NetContent, NetFiles, Pack, PackContent, find_pack, load_pack, read_pack
from faceattr.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Models:
    """A pack, ready to run."""

    pack: Pack
    digest: str
    nets: tuple[Net, ...]
    detector: SSDDetector
    attributes: AttributeClassifier


def load_models(settings: Settings, engine: Engine) -> Models:
    """The models that the settings name, verified and warm. Raises PackError naming file, expected and found."""
    pack = load_pack(find_pack(settings.models))
    content = read_pack(pack)
    models = _load(pack, content, engine)
    _prove(models)
    for net in models.nets:
        net.settle()
    log.info(
        "pack %s %s from %s, engine %s, digest %s", pack.name, pack.version, pack.directory, engine.name, content.digest
    )
    for name, digest in content.sha256.items():
        log.info("sha256 %s %s", digest, name)
    return models


def _load(pack: Pack, content: PackContent, engine: Engine) -> Models:
    structure = _prototxt(pack, pack.detector.files, content.detector, None)
    try:
        corrected, notes = correct_prior_steps(structure, pack.detector.input)
    except CaffeError as error:
        raise PackError(f"{pack.directory / pack.detector.files.prototxt}: {error}.") from None
    for note in notes:
        log.warning("%s: %s", pack.detector.files.prototxt, note)
    # A directory without pack.toml says nothing about its nets: they must be what the conventions expect.
    convention = None if pack.sha256 else pack.gender.input
    _prototxt(pack, pack.gender.files, content.gender, convention)
    _prototxt(pack, pack.age.files, content.age, convention)
    detector = _net(pack, pack.detector.files, NetContent(corrected.encode(), content.detector.weights), engine)
    gender = _net(pack, pack.gender.files, content.gender, engine)
    age = _net(pack, pack.age.files, content.age, engine)
    return Models(
        pack,
        content.digest,
        (detector, gender, age),
        SSDDetector(detector, pack.detector),
        AttributeClassifier(gender, pack.gender, age, pack.age, pack.crop_scale),
    )


def _prototxt(pack: Pack, files: NetFiles, content: NetContent, expected: tuple[int, int] | None) -> str:
    path = pack.directory / files.prototxt
    try:
        text = content.prototxt.decode("utf-8")
        found = input_size(parse(text)) if expected else None
    except UnicodeDecodeError:
        raise PackError(f"{path} is not text.") from None
    except CaffeError as error:
        raise PackError(f"{path}: {error}.") from None
    if expected and found and found != expected:
        raise PackError(
            f"{path} is a net for {found[0]}×{found[1]} input, expected {expected[0]}×{expected[1]}: "
            "a directory without pack.toml is read by the Levi–Hassner conventions."
        )
    return text


def _net(pack: Pack, files: NetFiles, content: NetContent, engine: Engine) -> Net:
    try:
        return engine.load(content.prototxt, content.weights)
    except EngineError as error:
        raise PackError(f"{pack.directory}: {files.prototxt} with {files.weights} cannot be loaded: {error}.") from None


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
