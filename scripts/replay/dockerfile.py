"""A Dockerfile, read: its steps in their order, and what it says of the image besides."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

_BASE = re.compile(r"python:(?P<version>3\.\d+)(?:\.\d+)?-slim(?:-(?P<suite>[a-z]+))?")


class DockerfileError(Exception):
    """An instruction that cannot be replayed; names its line."""


@dataclass(frozen=True, slots=True)
class Step:
    """A RUN or COPY, with what held when its turn came. `user`: None for root."""

    line: int
    name: str
    value: str
    workdir: str
    environ: dict[str, str]
    user: tuple[int, int] | None


@dataclass(slots=True)
class Image:
    """What a Dockerfile says."""

    python: str = ""
    suite: str | None = None
    """Of Debian, where the base image's name has one."""
    steps: list[Step] = field(default_factory=list)
    environ: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: tuple[int, int] | None = None
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    stop_signal: str = "SIGTERM"


def parse(text: str) -> Image:
    """Reads a Dockerfile of one stage. Raises DockerfileError for what is not understood, rather than leave it out."""
    image = Image()
    for line, name, value in _instructions(text):
        try:
            _apply(image, line, name, value)
        except (ValueError, KeyError) as error:
            raise DockerfileError(f"Dockerfile, line {line}: {name}: {error}") from None
    if not image.python:
        raise DockerfileError("Dockerfile: it has no FROM")
    return image


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    parts: list[str] = []
    begin = 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        begin = begin if parts else number
        parts.append(line.strip().removesuffix("\\").strip())
        if not line.rstrip().endswith("\\"):
            name, _, value = " ".join(parts).partition(" ")
            yield begin, name.upper(), value.strip()
            parts = []


def _apply(image: Image, line: int, name: str, value: str) -> None:
    match name:
        case "FROM":
            base = _BASE.fullmatch(value)
            if base is None or image.python:
                raise ValueError(f"one stage from python:3.N-slim is expected, not {value}")
            image.python, image.suite = base["version"], base["suite"]
        case "ENV":
            image.environ |= dict(_assignment(word) for word in shlex.split(value))
        case "WORKDIR":
            image.workdir = value if value.startswith("/") else f"{image.workdir.rstrip('/')}/{value}"
        case "COPY" | "RUN":
            image.steps.append(Step(line, name, value, image.workdir, dict(image.environ), image.user))
        case "USER":
            user, _, group = value.partition(":")
            image.user = int(user), int(group)
        case "EXPOSE":
            image.ports += [int(port.removesuffix("/tcp")) for port in value.split()]
        case "STOPSIGNAL":
            image.stop_signal = value
        case "HEALTHCHECK":
            options, _, command = value.partition("CMD ")
            if any(not option.startswith("--") for option in options.split()):
                raise ValueError("options and then CMD are expected")
            image.healthcheck = _exec_form(command)
        case "CMD":
            image.command = _exec_form(value)
        case _:
            raise ValueError("this instruction is not replayed")


def _assignment(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        raise ValueError(f"NAME=VALUE is expected, not {word}")
    return name, value


def _exec_form(value: str) -> list[str]:
    words = json.loads(value)
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise ValueError('a list like ["python", "-m", "faceattr"] is expected')
    return words
