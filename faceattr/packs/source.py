"""Where the pack comes from, and its files, read once and verified."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from faceattr.errors import PackError
from faceattr.packs.articles import NETS, articles_pack
from faceattr.packs.inspect import describe_wrong_file, describe_wrong_prototxt, describe_wrong_weights
from faceattr.packs.manifest import NetFiles, Pack, parse_manifest

SYSTEM_DIRECTORY = Path("/root/models")
BUILT_IN_DIRECTORY = Path(__file__).resolve().parents[2] / "models"
MANIFEST = "pack.toml"
MAX_FILE_BYTES = 512 * 2**20
"""Above any Caffe net this service can serve; keeps a wrong path (a disk image) from being read whole."""


@dataclass(frozen=True, slots=True)
class NetContent:
    """A net's two files as bytes."""

    prototxt: bytes
    weights: bytes


@dataclass(frozen=True, slots=True)
class PackContent:
    """The verified files of a pack, the SHA-256 that each was found to have, and that of its manifest, if any."""

    detector: NetContent
    gender: NetContent
    age: NetContent
    sha256: Mapping[str, str]
    manifest: str

    @property
    def digest(self) -> str:
        """One SHA-256 over the names and digests of all files, the manifest's included, as it says how nets are fed and
        what their answers mean: equal for equal packs, wherever they lie."""
        files = dict(self.sha256) | ({MANIFEST: self.manifest} if self.manifest else {})
        lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
        return hashlib.sha256(lines.encode()).hexdigest()


def find_pack(named: str = "", system: Path = SYSTEM_DIRECTORY, built_in: Path = BUILT_IN_DIRECTORY) -> Path:
    """The directory to load: the named one, else `/root/models` when it holds anything, else the built-in pack.

    A source that is named or present is never passed over: what is wrong with it is for load_pack to say.
    """
    if named:
        return Path(named)
    try:
        if any(system.iterdir()):
            return system
    except (FileNotFoundError, NotADirectoryError):
        return built_in
    except PermissionError:
        # A closed /root hides whether models are there; closed models are there, and broken.
        return system if _is_visible(system) else built_in
    return built_in


def _is_visible(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True


def load_pack(directory: Path) -> Pack:
    """The pack in a directory, its manifest checked, its files not yet. Raises PackError saying what is wrong."""
    try:
        names = {entry.name for entry in directory.iterdir()}
    except FileNotFoundError:
        raise PackError(f"There is no model directory '{directory}'.") from None
    except NotADirectoryError:
        raise PackError(f"'{directory}' is not a directory of models.") from None
    except OSError as error:
        raise PackError(f"The model directory '{directory}' cannot be read: {error.strerror}.") from None
    if MANIFEST in names:
        return _parse(directory)
    if not names & {f"{net}.{kind}" for net in NETS for kind in ("prototxt", "caffemodel")}:
        raise PackError(f"'{directory}' holds no models: neither {MANIFEST} nor {', '.join(NETS)}.")
    return articles_pack(directory)


def read_pack(pack: Pack) -> PackContent:
    """All files of a pack, each read once and verified. Raises PackError naming file, expected and found."""
    digests: dict[str, str] = {}

    def net(files: NetFiles) -> NetContent:
        return NetContent(
            _verified(pack, files.prototxt, describe_wrong_prototxt, digests),
            _verified(pack, files.weights, describe_wrong_weights, digests),
        )

    detector, gender, age = (net(spec.files) for spec in (pack.detector, pack.gender, pack.age))
    return PackContent(detector, gender, age, digests, pack.manifest)


def _parse(directory: Path) -> Pack:
    manifest = directory / MANIFEST
    content = _read(manifest)
    wrong = describe_wrong_file(content)
    if wrong:
        raise PackError(f"{manifest} is {wrong}.")
    try:
        pack = parse_manifest(directory, tomllib.loads(content.decode("utf-8")))
        return replace(pack, manifest=hashlib.sha256(content).hexdigest())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PackError(f"{manifest} is not valid TOML: {error}.") from None
    except PackError as error:
        raise PackError(f"{directory}: {error}") from None


def _verified(pack: Pack, name: str, describe: Callable[[bytes], str | None], digests: dict[str, str]) -> bytes:
    path = pack.directory / name
    content = _read(path)
    wrong = describe(content)
    if wrong:
        raise PackError(f"{path} is {wrong}.")
    expected = pack.sha256.get(name)
    found = hashlib.sha256(content).hexdigest()
    if expected is not None and found != expected:
        owner = next((other for other, digest in pack.sha256.items() if digest == found), None)
        hint = (
            f", which is that of '{owner}': one was put in the other's place"
            if owner
            else ": it was changed or damaged"
        )
        raise PackError(f"{path}: expected SHA-256 {expected}, found {found}{hint}.")
    digests[name] = found
    return content


def _read(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise PackError(f"{path} is a directory, not a file.")
        if not path.is_file() and path.exists():
            raise PackError(f"{path} is not a regular file.")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise PackError(f"{path} has {path.stat().st_size:,} bytes; models have at most {MAX_FILE_BYTES:,}.")
        return path.read_bytes()
    except FileNotFoundError:
        raise PackError(f"{path} is missing.") from None
    except OSError as error:
        raise PackError(f"{path} cannot be read: {error.strerror}.") from None
