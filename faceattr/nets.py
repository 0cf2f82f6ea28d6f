"""From a pack's verified files to nets that run: by our own importer, or by OpenCV 4's where that is missing."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faceattr.attributes import AttributeClassifier, Source, same_input
from faceattr.caffe.priors import correct_prior_steps, input_size
from faceattr.caffe.prototxt import parse
from faceattr.detector import SSDDetector
from faceattr.engines import CaffeEngine, Engine, Net
from faceattr.errors import CaffeError, EngineError, PackError
from faceattr.packs import ClassifierSpec, DetectorSpec, NetContent, NetFiles, Pack, PackContent

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Nets:
    """A pack's nets, and what they are used through."""

    nets: tuple[Net, ...]
    detector: SSDDetector
    attributes: AttributeClassifier


def importer_is_installed() -> bool:
    """Whether the libraries are there that our importer reads Caffe's files and writes ONNX with."""
    try:
        return all(importlib.util.find_spec(name) for name in ("google.protobuf", "onnx"))
    except ModuleNotFoundError:
        # Without any package below "google" there is no "google" to look in.
        return False


def load_nets(pack: Pack, content: PackContent, engine: Engine) -> Nets:
    """The nets of a pack on an engine. Raises PackError naming the file and its fault, or EngineError."""
    if pack.sha256 == {}:
        # A directory without pack.toml says nothing about its nets: they must be what the conventions expect.
        _require_input(pack, pack.gender.files, content.gender, pack.gender.input)
        _require_input(pack, pack.age.files, content.age, pack.age.input)
    if importer_is_installed():
        return _imported(pack, content, engine)
    if isinstance(engine, CaffeEngine):
        return _by_opencv(pack, content, engine)
    raise EngineError(f"Engine '{engine.name}' needs our importer's libraries: pip install onnx protobuf.")


def _imported(pack: Pack, content: PackContent, engine: Engine) -> Nets:
    from faceattr.caffe import fold, join, read_net, subgraph, to_onnx
    from faceattr.caffe.graph import Graph
    from faceattr.caffe.ssd import SSDHead

    def graph(spec: DetectorSpec | ClassifierSpec, net: NetContent) -> Graph:
        with _naming(pack, spec.files):
            return read_net(net.prototxt, net.weights, spec.input)

    def load(graph: Graph, outputs: tuple[str, ...], *files: NetFiles) -> Net:
        with _naming(pack, *files):
            return engine.load(to_onnx(fold(subgraph(graph, outputs))))

    face = graph(pack.detector, content.detector)
    with _naming(pack, pack.detector.files):
        head = SSDHead.from_graph(face)
    if head is None:
        raise PackError(f"{pack.directory / pack.detector.files.prototxt} is no SSD: it has no DetectionOutput layer.")
    for note in head.notes:
        log.warning("%s: %s", pack.detector.files.prototxt, note)
    detector = load(face, (head.location, head.confidence), pack.detector.files)
    gender, age = graph(pack.gender, content.gender), graph(pack.age, content.age)
    for spec, net in ((pack.gender, gender), (pack.age, age)):
        if spec.output not in net.outputs:
            has = ", ".join(net.outputs)
            raise PackError(f"{pack.directory / spec.files.prototxt} has no output '{spec.output}'; it has {has}.")
    if same_input(pack.gender, pack.age):
        outputs = f"gender/{pack.gender.output}", f"age/{pack.age.output}"
        with _naming(pack, pack.gender.files, pack.age.files):
            joined = join({"gender": gender, "age": age})
        both = load(joined, outputs, pack.gender.files, pack.age.files)
        nets: tuple[Net, ...] = (detector, both)
        sources = Source(both, outputs[0]), Source(both, outputs[1])
    else:
        apart = (
            load(gender, (pack.gender.output,), pack.gender.files),
            load(age, (pack.age.output,), pack.age.files),
        )
        nets = (detector, *apart)
        sources = Source(apart[0], pack.gender.output), Source(apart[1], pack.age.output)
    attributes = AttributeClassifier(sources[0], pack.gender, sources[1], pack.age, pack.crop_scale)
    return Nets(nets, SSDDetector(detector, pack.detector, head), attributes)


def _by_opencv(pack: Pack, content: PackContent, engine: CaffeEngine) -> Nets:
    path = pack.directory / pack.detector.files.prototxt
    try:
        corrected, notes = correct_prior_steps(_text(path, content.detector.prototxt), pack.detector.input)
    except CaffeError as error:
        raise PackError(f"{path}: {error}.") from None
    for note in notes:
        log.warning("%s: %s", path.name, note)

    def load(files: NetFiles, net: NetContent) -> Net:
        with _naming(pack, files):
            return engine.load_caffe(net.prototxt, net.weights)

    detector = load(pack.detector.files, NetContent(corrected.encode(), content.detector.weights))
    gender, age = load(pack.gender.files, content.gender), load(pack.age.files, content.age)
    sources = Source(gender, pack.gender.output), Source(age, pack.age.output)
    attributes = AttributeClassifier(sources[0], pack.gender, sources[1], pack.age, pack.crop_scale)
    return Nets((detector, gender, age), SSDDetector(detector, pack.detector), attributes)


@contextmanager
def _naming(pack: Pack, *files: NetFiles) -> Iterator[None]:
    """Turns what is wrong with a net into a PackError that names its files."""
    try:
        yield
    except (CaffeError, EngineError) as error:
        names = ", ".join(f"{net.prototxt} with {net.weights}" for net in files)
        raise PackError(f"{pack.directory}: {names}: {error}.") from None


def _require_input(pack: Pack, files: NetFiles, net: NetContent, expected: tuple[int, int]) -> None:
    path = pack.directory / files.prototxt
    try:
        found = input_size(parse(_text(path, net.prototxt)))
    except CaffeError as error:
        raise PackError(f"{path}: {error}.") from None
    if found != expected:
        raise PackError(
            f"{path} is a net for {found[0]}×{found[1]} input, expected {expected[0]}×{expected[1]}: "
            "a directory without pack.toml is read by the Levi–Hassner conventions."
        )


def _text(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise PackError(f"{path} is not text.") from None
