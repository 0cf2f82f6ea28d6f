"""Replays the steps of a Dockerfile in a root, as a build would."""

from __future__ import annotations

from pathlib import Path

from scripts.replay.base import PATH
from scripts.replay.context import Ignored, copy_step
from scripts.replay.dockerfile import Image, Step
from scripts.replay.enter import Room
from scripts.replay.machine import Machine
from scripts.replay.rooms import run_in


def build(image: Image, checkout: Path, root: Path, machine: Machine) -> None:
    """Does every RUN and COPY, each saying so. Raises SystemExit with what a failing one said."""
    listed = checkout / ".dockerignore"
    ignored = Ignored(listed.read_text() if listed.is_file() else "")
    for step in image.steps:
        print(f"{step.name} {step.value}", flush=True)
        folder = root / step.workdir.lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        if step.name == "COPY":
            copy_step(step, checkout, ignored, root)
        else:
            _run(step, root, machine)
    (root / image.workdir.lstrip("/")).mkdir(parents=True, exist_ok=True)


def environ_of(environ: dict[str, str], user: tuple[int, int] | None) -> dict[str, str]:
    """The variables of a program of the image: a user without a name is at home in /."""
    return {"PATH": PATH, "HOME": "/root" if user in (None, (0, 0)) else "/", **environ}


def _run(step: Step, root: Path, machine: Machine) -> None:
    made = [place for path in machine.paths for place in _mount_point(root / str(path).lstrip("/"), path.is_dir())]
    binds = tuple((str(path.resolve()), str(path)) for path in machine.paths)
    environ = {**environ_of(step.environ, step.user), **machine.environ}
    try:
        run_in(Room(str(root), step.workdir, environ, step.user, binds), ["/bin/sh", "-c", step.value])
    finally:
        for place in reversed(made):
            if place.is_dir():
                place.rmdir()
            else:
                place.unlink()


def _mount_point(place: Path, is_folder: bool) -> list[Path]:
    """Makes what a path of this machine is mounted on where it is missing; all that was made, outermost first."""
    made = []
    for folder in reversed([each for each in place.parents if not each.exists()]):
        folder.mkdir()
        made.append(folder)
    if not place.exists():
        if is_folder:
            place.mkdir()
        else:
            place.touch()
        made.append(place)
    return made
