"""`python -m faceattr models`: public packs known here, proof of a pack, and fetching one."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from faceattr.analyzer import FaceAnalyzer
from faceattr.errors import CannotWrite, PackError, SettingsError, Unreachable
from faceattr.packs import load_pack, read_pack
from faceattr.packs.download import Patience
from faceattr.packs.fetch import fetch
from faceattr.packs.known import KNOWN_PACKS, KnownPack
from faceattr.packs.progress import Progress, megabytes
from faceattr.packs.source import BUILT_IN_DIRECTORY
from faceattr.settings import Settings

EXIT_UNAVAILABLE, EXIT_CANNOT_WRITE = 69, 73
"""As sysexits.h names them: EX_UNAVAILABLE, EX_CANTCREAT."""


def list_packs(packs: Sequence[KnownPack] = KNOWN_PACKS) -> int:
    """Prints the built-in pack and the public ones that can be fetched."""
    _say(*_built_in())
    for pack in packs:
        _say(
            "",
            f"{pack.name} (public)",
            f"  {pack.summary}",
            f"  size: {megabytes(pack.size)}",
            f"  licence: {pack.licence}",
            f"  get it with: python -m faceattr models fetch {pack.name}",
        )
        for file in pack.files:
            _say(f"  {file}", f"    {file.address}")
    return 0


def _built_in() -> tuple[str, ...]:
    try:
        pack = load_pack(BUILT_IN_DIRECTORY)
        size = sum((pack.directory / name).stat().st_size for name in pack.sha256)
    except (PackError, OSError) as error:
        return ("The built-in pack cannot be used:", f"  {error}")
    return (
        f"{pack.name} {pack.version} (built in)",
        "  this project's own face detector, gender and age nets",
        f"  size: {megabytes(size)}",
        f"  licence: {pack.licence}",
        f"  in: {pack.directory}",
    )


def verify(directory: str | None) -> int:
    """Prints what a pack holds after proving it; None: the pack that the service would use.

    Raises PackError or EngineError saying what is wrong.
    """
    analyzer = FaceAnalyzer.from_settings(Settings.load(models=directory, slots=1))
    pack = analyzer.models.pack
    _say(
        f"pack:    {pack.name} {pack.version}",
        f"in:      {pack.directory}",
        f"licence: {pack.licence}",
        f"engine:  {analyzer.engine.name}",
        f"digest:  {analyzer.models.digest}",
    )
    digests = read_pack(pack).sha256
    width = max(map(len, digests))
    for name, digest in digests.items():
        size = (pack.directory / name).stat().st_size
        _say(f"  OK  {name:<{width}}  {size:>12,} bytes  sha256 {digest}")
    files = "as pack.toml states" if pack.sha256 else "readable; without a pack.toml, nothing states their digests"
    _say(f"All files are {files}. All nets load, and answer as they should.")
    return 0


def fetch_pack(
    name: str,
    to: Path | None,
    *,
    packs: Sequence[KnownPack] = KNOWN_PACKS,
    base: str | None = None,
    patience: Patience | None = None,
) -> int:
    """Fetches a public pack and proves it; the exit code: 0, 69 network unavailable, 73 cannot write.

    Raises SettingsError for an unknown name, PackError or EngineError when a file, or all together, are not right.
    """
    pack = next((pack for pack in packs if pack.name == name), None)
    if pack is None:
        known = ", ".join(pack.name for pack in packs)
        raise SettingsError(f"There is no public pack '{name}' to fetch. Known: {known}.")
    directory = to or Path(f"models-{pack.name}")
    try:
        written = fetch(pack, directory, Progress(sys.stderr), base=base, patience=patience)
    except Unreachable as error:
        return _fail(error, EXIT_UNAVAILABLE)
    except CannotWrite as error:
        return _fail(error, EXIT_CANNOT_WRITE)
    _say(f"Written: {', '.join(written)}." if written else "Everything was there already.")
    verify(str(directory))
    _say(f"Use it with: python -m faceattr serve --models {shlex.quote(str(directory))}")
    return 0


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _fail(error: Exception, code: int) -> int:
    sys.stderr.write(f"faceattr: {error}\n")
    return code
