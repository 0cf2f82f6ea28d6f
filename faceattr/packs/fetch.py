"""Puts a public pack together in a directory: published weights, and prototxts and a manifest of our own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from faceattr.errors import CannotWrite, PackError, Unreachable
from faceattr.packs.download import Patience, download, settle
from faceattr.packs.known import KnownFile, KnownPack
from faceattr.packs.progress import Progress
from faceattr.packs.source import MANIFEST


def fetch(
    pack: KnownPack,
    directory: Path,
    progress: Progress,
    *,
    base: str | None = None,
    patience: Patience | None = None,
) -> tuple[str, ...]:
    """Completes a directory to the pack; the names of what was written, none when all was there and right.

    Weights that are there already are verified and used, whoever put them there. `pack.toml` comes last, so a directory
    with one is complete. `base`: an address to take the files from instead of their own. Raises CannotWrite, PackError
    when a file is not what it should be, or Unreachable saying what to copy where to do without the network.
    """
    _prepare(pack, directory)
    missing = [file for file in pack.files if not _is_there(file, directory)]
    for number, file in enumerate(missing):
        address = f"{base.rstrip('/')}/{file.name}" if base else file.address
        try:
            download(file, address, directory, progress, patience or Patience())
        except Unreachable as error:
            raise Unreachable(f"{error}\n{_by_hand(missing[number:], directory)}") from None
    texts = dict(pack.prototxts())
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    digests |= {file.name: _sha256(directory / file.name) for file in pack.files}
    texts[MANIFEST] = pack.manifest(digests)
    written = [name for name, text in texts.items() if _write(directory / name, text)]
    return (*(file.name for file in missing), *written)


def _prepare(pack: KnownPack, directory: Path) -> None:
    """Makes the directory, or sees that it holds nothing but this pack. Raises CannotWrite."""
    texts = pack.prototxts()
    ours = {*texts, MANIFEST, *(file.name for file in pack.files)}
    try:
        if not directory.exists():
            directory.mkdir(parents=True)
            directory.chmod(0o755)
        names = {entry.name for entry in directory.iterdir()}
    except NotADirectoryError:
        raise CannotWrite(f"'{directory}' is not a directory.") from None
    except OSError as error:
        raise CannotWrite(f"The directory '{directory}' cannot be made or read: {error.strerror}.") from None
    strange = sorted(name for name in names if name.removesuffix(".part") not in ours and not name.startswith("."))
    if strange:
        raise CannotWrite(f"'{directory}' holds something else ('{strange[0]}'): choose a new or an empty directory.")
    for name in texts.keys() & names:
        if _read(directory / name) != texts[name].encode():
            raise _differs(directory / name)
    # The digests at the manifest's end are known only once the weights are there.
    before, after = pack.manifest({}).encode(), _read(directory / MANIFEST) if MANIFEST in names else None
    if after is not None and not after.startswith(before.rstrip()):
        raise _differs(directory / MANIFEST)


def _differs(path: Path) -> CannotWrite:
    return CannotWrite(
        f"{path} is not as this command writes it, and is left alone: move it away, or choose another directory."
    )


def _is_there(file: KnownFile, directory: Path) -> bool:
    path = directory / file.name
    try:
        with path.open("rb") as stream:
            wrong = file.fault(stream)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise PackError(f"{path} cannot be read: {error.strerror}.") from None
    if wrong:
        raise PackError(f"{path} is {wrong}. Move it away, and run this command again.")
    return True


def _by_hand(missing: Sequence[KnownFile], directory: Path) -> str:
    lines = [
        "To do without this network, fetch on another machine:",
        *(f"  {file.address}\n    {file}" for file in missing),
        f"copy {'it' if len(missing) == 1 else 'them'} under the same name into",
        f"  {directory.resolve()}",
        "and run this command again: it verifies what is there, and writes the rest itself.",
    ]
    if any(file.digest_kind == "git blob id" for file in missing):
        lines.append("('git hash-object FILE' prints a file's git blob id.)")
    return "\n".join(lines)


def _write(path: Path, text: str) -> bool:
    """Writes a text under its name, whole or not at all; False when it stands there already. Raises CannotWrite."""
    content = text.encode()
    try:
        if path.exists():
            if _read(path) == content:
                return False
            raise _differs(path)
        with path.with_name(f"{path.name}.part").open("wb") as stream:
            stream.write(content)
            settle(stream, path)
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror}.") from None
    return True


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CannotWrite(f"{path} cannot be read: {error.strerror}.") from None


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
