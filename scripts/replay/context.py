"""COPY: what of the checkout a build would see (.dockerignore), and how it comes into the root."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

from scripts.replay.dockerfile import DockerfileError, Step


class Ignored:
    """The patterns of a .dockerignore: the last one that fits a path or a folder of it decides."""

    def __init__(self, text: str) -> None:
        lines = [line.strip() for line in text.splitlines()]
        kept = [line for line in lines if line and not line.startswith("#")]
        self._rules = [(_pattern(line.lstrip("!").strip("/")), not line.startswith("!")) for line in kept]

    def __contains__(self, path: str) -> bool:
        ignored = False
        parts = path.split("/")
        folders = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        for pattern, ignores in self._rules:
            if any(pattern.fullmatch(folder) for folder in folders):
                ignored = ignores
        return ignored


def copy_step(step: Step, checkout: Path, ignored: Ignored, root: Path) -> None:
    """Does a COPY. Files belong to root; their modes are those of a checkout made with umask 077.

    Git keeps no modes but x, so the umask of whoever builds decides. Raises DockerfileError for what a build would not
    find.
    """
    *sources, target = shlex.split(step.value)
    if any(word.startswith("--") for word in sources):
        raise DockerfileError(f"Dockerfile, line {step.line}: options of COPY are not replayed")
    into = root / (target if target.startswith("/") else f"{step.workdir}/{target}").lstrip("/")
    is_folder = target.endswith("/") or target == "." or len(sources) > 1
    for source in sources:
        path = checkout / source
        files = [file for file in _files(path) if file.relative_to(checkout).as_posix() not in ignored]
        if not files:
            raise DockerfileError(f"Dockerfile, line {step.line}: a build would not find {source}: see .dockerignore")
        for file in files:
            within = file.relative_to(path) if path.is_dir() else path.name if is_folder else ""
            _copy(file, into / within, root)


def _copy(file: Path, place: Path, root: Path) -> None:
    for folder in reversed([each for each in place.parents if each.is_relative_to(root) and not each.exists()]):
        # A folder that is copied has its checkout's mode, one that COPY itself makes has 755; the worse is taken.
        folder.mkdir(mode=0o700)
    shutil.copyfile(file, place)
    place.chmod(0o700 if file.stat().st_mode & 0o100 else 0o600)


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path] * path.is_file()


def _pattern(line: str) -> re.Pattern[str]:
    text = re.escape(line).replace(r"\*\*/", "(?:.*/)?").replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return re.compile(text.replace(r"\?", "[^/]"))
