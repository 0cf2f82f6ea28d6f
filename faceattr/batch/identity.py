"""What makes the answers: two analyzers of one identity, given one photo, say the same."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from faceattr.errors import PackError
from faceattr.options import Options
from faceattr.settings import Settings
from faceattr.version import __version__

_LIMITS = ("max_image_bytes", "max_pixels", "min_side", "max_side")
_NOT_IN_TABLES = ("distribution",)


@dataclass(frozen=True, slots=True)
class Identity:
    """The pack that a worker has loaded and the engine that runs it.

    `digest` is over all files of the nets, `manifest` over how they are fed; `engine` is a name without a version,
    `precision` what it computes in.
    """

    pack: str
    version: str
    digest: str
    manifest: str
    engine: str
    precision: str


def require_same(first: Identity, other: Identity, where: str) -> None:
    """Raises PackError when the analyzer of `where` (a worker, a machine) has other models than the first one."""
    if first != other:
        raise PackError(f"{where} has other models than the first worker: {_named(other)}, instead of {_named(first)}.")


def _named(identity: Identity) -> str:
    run = f"{identity.engine} in {identity.precision}"
    return f"{identity.pack} {identity.version} on {run}, digest {identity.digest}"


def description(identity: Identity, settings: Settings, options: Options, *, pictures: bool) -> str:
    """Everything that an outcome depends on besides the file itself, as one line of JSON: equal for equal outcomes."""
    values: dict[str, Any] = {
        "faceattr": __version__,
        "pack": dataclasses.asdict(identity),
        "options": dataclasses.asdict(options),
        "limits": {name: getattr(settings, name) for name in _LIMITS},
        "pictures": pictures,
    }
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def provenance(text: str) -> dict[str, Any]:
    """A description as summary.json has it, for people who ask what made the answers.

    Raises ValueError, KeyError or TypeError for a text that `description` has not made.
    """
    values = json.loads(text)
    pack = values["pack"]
    return {
        "faceattr": values["faceattr"],
        "pack": {"name": pack["pack"]} | {name: pack[name] for name in ("version", "digest", "manifest")},
        "engine": pack["engine"],
        "precision": pack["precision"],
        "options": {name: value for name, value in values["options"].items() if name not in _NOT_IN_TABLES},
        "limits": values["limits"],
        "annotate": values["pictures"],
    }


def digest(text: str) -> str:
    """A short name for a description."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
