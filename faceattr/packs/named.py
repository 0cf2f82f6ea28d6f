"""Several packs in one setting: `NAME=DIR` items, or one plain directory."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence

from faceattr.errors import SettingsError

_NAME = r"[A-Za-z0-9._-]{1,64}"
_NAMED = re.compile(f"({_NAME})=")
_BETWEEN = re.compile(f"{re.escape(os.pathsep)}(?={_NAME}=)")
"""Only before another name: directories may have the separator in their own."""


def named_directories(models: str) -> Mapping[str, str]:
    """Directories by name, in the order given; a plain directory, or none at all, has the name "".

    Raises SettingsError for a name without a directory, or given twice.
    """
    if not _NAMED.match(models):
        return {"": models}
    directories: dict[str, str] = {}
    for item in _BETWEEN.split(models):
        name, _, directory = item.partition("=")
        if not directory:
            raise SettingsError(f"The pack '{name}' has no directory; expected NAME=DIR.")
        if name in directories:
            raise SettingsError(f"Two packs have the name '{name}'.")
        directories[name] = directory
    return directories


def only_directory(models: str) -> str:
    """The one directory that is named, "" for none. Raises SettingsError for several."""
    directories = named_directories(models)
    if len(directories) > 1:
        raise SettingsError(f"Only the service takes several packs ({', '.join(directories)}); give one: --models DIR.")
    return next(iter(directories.values()))


def joined(items: Sequence[str]) -> str:
    """What was given as several flags, as one setting. Raises SettingsError when one of several has no name."""
    for item in items:
        if len(items) > 1 and not _NAMED.match(item):
            raise SettingsError(f"Several packs need names: --models NAME=DIR each, not '{item}'.")
    return os.pathsep.join(items)
