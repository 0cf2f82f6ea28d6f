"""Which files belong to a run: globs, and the shard that a path falls into. Pure functions of the path's bytes."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

_CLASS = re.compile(r"\[([!^]?)(\]?[^\]]*)\]")


@dataclass(frozen=True, slots=True)
class Selection:
    """What to read of all that a scan finds. `shard` is (which, of how many), from 1 on."""

    recursive: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    shard: tuple[int, int] = (1, 1)

    def chooser(self) -> Chooser:
        return Chooser(self)


class Chooser:
    """A selection, ready to judge many paths."""

    def __init__(self, selection: Selection) -> None:
        self.recursive = selection.recursive
        self._shard = selection.shard
        self._include = _any(glob for glob in selection.include if not glob.endswith("/"))
        self._below = _any(glob for glob in selection.include if glob.endswith("/"))
        self._exclude = _any(glob for glob in selection.exclude if not glob.endswith("/"))
        self._closed = _any(glob for glob in selection.exclude if glob.endswith("/"))

    def takes(self, path: bytes) -> bool:
        """Whether the globs let a file in; `path` is relative to the input directory."""
        text = os.fsdecode(path)
        wanted = (self._include is None and self._below is None) or (
            bool(self._include and self._include.fullmatch(text)) or _above(self._below, text)
        )
        return wanted and not (self._exclude and self._exclude.fullmatch(text)) and not _above(self._closed, text)

    def enters(self, directory: bytes) -> bool:
        """Whether a directory, whose path ends with "/", is looked into; False for what --exclude closes."""
        return self.recursive and not _above(self._closed, os.fsdecode(directory))

    def reaches(self, path: bytes) -> bool:
        """Whether a scan could find the file, were it there: its globs and directories are those of this run."""
        return (self.recursive or b"/" not in path) and self.takes(path)

    def owns(self, path: bytes) -> bool:
        """Whether the path is in this run's shard."""
        which, of = self._shard
        return of == 1 or shard_of(path, of) == which


def shard_of(path: bytes, shards: int) -> int:
    """The shard, from 1 to `shards`, that a path belongs to: by a hash, so that nobody has to be asked."""
    return int.from_bytes(hashlib.blake2b(path, digest_size=8).digest(), "big") % shards + 1


def pattern(glob: str) -> str:
    """The glob as a regular expression for a whole path.

    `*` and `?` never match "/"; `**` as a whole component matches any number of directories; `[a-z]`, `[!a-z]` one
    character. Without a "/" but at its end, a glob is matched in every directory.
    """
    if "/" not in glob[:-1]:
        glob = "**/" + glob
    glob = glob.removeprefix("/")
    parts = glob.removesuffix("/").split("/")
    regex = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            regex += ".*" if last else "(?:.*/)?"
        else:
            regex += _component(part) + ("" if last else "/")
    return regex


def _component(part: str) -> str:
    regex, place = "", 0
    while place < len(part):
        character = part[place]
        group = _CLASS.match(part, place) if character == "[" else None
        if group:
            inside = re.sub(r"([\\\[\]&~|^])", r"\\\1", group[2])
            regex += f"(?!/)[{'^' if group[1] else ''}{inside}]"
            place = group.end()
            continue
        regex += {"*": "[^/]*", "?": "[^/]"}.get(character, re.escape(character))
        place += 1
    return regex


def _any(globs: Iterable[str]) -> re.Pattern[str] | None:
    patterns = [pattern(glob) for glob in globs]
    return re.compile("|".join(f"(?:{one})" for one in patterns), re.DOTALL) if patterns else None


def _above(directories: re.Pattern[str] | None, path: str) -> bool:
    """Whether one of the directories above the path, or the path itself when it ends with "/", matches."""
    if directories is None:
        return False
    place = path.find("/")
    while place >= 0:
        if directories.fullmatch(path, 0, place):
            return True
        place = path.find("/", place + 1)
    return False
