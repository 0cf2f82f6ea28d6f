"""What pip needs of this machine inside the root: its settings, its proxies, and the files that these name."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_PROXIES = ("http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True, slots=True)
class Machine:
    """Variables for pip, and paths that are to be seen in the root as they are here."""

    environ: dict[str, str]
    paths: tuple[Path, ...]


def this_machine() -> Machine:
    """Where pip finds packages here; nothing where it is as it comes."""
    listing = [sys.executable, "-m", "pip", "config", "list"]
    environ = pip_variables(subprocess.run(listing, capture_output=True, text=True, check=False).stdout)
    environ |= {name: value for name, value in os.environ.items() if name.lower() in _PROXIES}
    found = {path for value in environ.values() for word in value.split() if (path := _named(word)) is not None}
    resolver = {path for path in (Path("/etc/resolv.conf"), Path("/etc/hosts")) if path.is_file()}
    return Machine(environ, tuple(sorted(found | resolver)))


def _named(word: str) -> Path | None:
    """The file or folder that a setting names, if it does; of an index `simple` its parent, where its files lie."""
    path = Path(word.removeprefix("file://").rstrip("/"))
    if not path.is_absolute() or not path.exists():
        return None
    return path.parent if path.name == "simple" else path


def pip_variables(listed: str) -> dict[str, str]:
    """The lines of `pip config list` that hold for every command, as variables; those of the environment win."""
    variables: dict[str, str] = {}
    for section in ("global.", ":env:."):
        for line in listed.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(section):
                variable = "PIP_" + name.removeprefix(section).upper().replace("-", "_")
                variables[variable] = " ".join(shlex.split(value)).replace("\\n", " ")
    return variables
