"""The analyzers that answer now, one for each pack."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from faceattr.analyzer import FaceAnalyzer
from faceattr.loader import load_directory
from faceattr.packs import named_directories
from faceattr.settings import Settings
from faceattr.web.problems import Problem


class Current:
    """Holds an analyzer for each pack, replaced as a whole: a request asks once, and sees the old or the new one."""

    def __init__(self, analyzers: Mapping[str, FaceAnalyzer]) -> None:
        """By name, the default first; one whose name is "" goes by that of its pack, whatever that is at the time."""
        self._analyzers = dict(analyzers)

    @property
    def analyzer(self) -> FaceAnalyzer:
        """The default."""
        return next(iter(self._analyzers.values()))

    @property
    def by_name(self) -> Mapping[str, FaceAnalyzer]:
        """All of them by the name that requests give, the default first."""
        return {key or analyzer.models.pack.name: analyzer for key, analyzer in self._analyzers.items()}

    @property
    def keys(self) -> tuple[str, ...]:
        """What `at` and `replace` take."""
        return tuple(self._analyzers)

    def at(self, key: str) -> FaceAnalyzer:
        """The analyzer that was given under this key, or has replaced it."""
        return self._analyzers[key]

    def named(self, name: str | None) -> FaceAnalyzer:
        """The one that a request asks for, by default the default. Raises Problem naming those that there are."""
        if name is None:
            return self.analyzer
        found = self.by_name.get(name)
        if found is None:
            shown = ascii(name) if len(name) <= 64 else f"of {len(name)} characters"
            raise Problem("bad_request", f"There is no model {shown}. Models here: {', '.join(self.by_name)}.")
        return found

    def replace(self, key: str, analyzer: FaceAnalyzer) -> None:
        """Puts another in the place of one, which may still be answering."""
        self._analyzers = {**self._analyzers, key: analyzer}


def load_analyzers(settings: Settings) -> dict[str, FaceAnalyzer]:
    """An analyzer for each pack that the settings name; they share one engine and its slots.

    Raises SettingsError, PackError or EngineError saying what is wrong.
    """
    (name, directory), *others = named_directories(settings.models).items()
    default = FaceAnalyzer.from_settings(dataclasses.replace(settings, models=directory))
    analyzers = {name: default}
    for name, directory in others:
        analyzers[name] = default.with_models(load_directory(Path(directory), default.engine))
    return analyzers
