"""The base image's stand-in: Debian as mmdebstrap makes it, and a Python where the base image has it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from scripts.replay.enter import Room
from scripts.replay.rooms import run_in

SUITE = "trixie"
"""Debian's stable release, which python:3.N-slim is made from where its name does not say another."""
COMMON = ("ca-certificates", "netbase", "tzdata")
LIBRARIES = (
    "libbz2-1.0",
    "libffi8",
    "liblzma5",
    "libncursesw6",
    "libreadline8",
    "libsqlite3-0",
    "libssl3",
    "libuuid1",
    "zlib1g",
)
"""What python:3.N-slim keeps for its interpreter."""
DEBIANS_PYTHON = ("python3", "python3-pip", "python-is-python3")
PATH = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_LEFT_OUT = ("site-packages", "test", "idlelib", "turtledemo", "__pycache__", "config-*", "*.a")


def find_prefix(version: str, given: str | None) -> Path | None:
    """Where an interpreter of that version is that can be copied as a whole; None: there is none.

    Raises SystemExit when one is given that does not do.
    """
    interpreter = given or f"python{version}"
    question = "import sys; print('%d.%d' % sys.version_info[:2], sys.base_prefix)"
    try:
        answer = subprocess.run([interpreter, "-c", question], capture_output=True, text=True, check=True).stdout
        found, prefix = answer.split(maxsplit=1)
    except (OSError, subprocess.CalledProcessError, ValueError):
        found, prefix = "", ""
    if found == version and prefix.strip() != "/usr":
        return Path(prefix.strip())
    if given:
        raise SystemExit(f"replay-image: {given} is no Python {version} that could be copied, with a prefix of its own")
    return None


def make_debian(root: Path, suite: str, prefix: Path | None) -> None:
    """Makes the root, with what a copied interpreter needs, or else with Debian's own."""
    packages = [*COMMON, *(LIBRARIES if prefix else DEBIANS_PYTHON)]
    made = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(packages)}", suite, str(root)]
    subprocess.run(made, check=True)


def add_python(root: Path, version: str, prefix: Path | None) -> str:
    """Puts Python into the root; how the root differs from the base image. `prefix`: of the one to copy."""
    if prefix is None:
        for marker in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
            # The base image's Python is not Debian's, and pip may install into it.
            marker.unlink()
        own = run_in(Room(str(root), environ={"PATH": PATH}), ["python", "--version"]).stdout.strip()
        return f"Debian's own {own} in place of {version}: give --python to copy one of that version"
    local = root / "usr/local"
    ignored = shutil.ignore_patterns(*_LEFT_OUT)
    library = f"lib/python{version}"
    shutil.copytree(prefix / library, local / library, ignore=ignored, dirs_exist_ok=True)
    (local / library / "site-packages").mkdir()
    for shared in prefix.glob(f"lib/libpython{version}*.so*"):
        shutil.copy2(shared, local / "lib")
    shutil.copy2(prefix / f"bin/python{version}", local / "bin")
    for name in ("python3", "python"):
        (local / "bin" / name).symlink_to(f"python{version}")
    room = Room(str(root), environ={"PATH": PATH})
    for command in (["ldconfig"], ["python", "-m", "ensurepip", "--default-pip"]):
        run_in(room, command)
    return f"Python copied from {prefix}, not built as the base image's is; pip as that brings it along"
