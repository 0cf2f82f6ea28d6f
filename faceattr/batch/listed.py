"""A list of files, NUL-separated, as `find -print0` makes them → entries, as a scan would find them."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from faceattr.batch.scan import Entry
from faceattr.batch.selection import Chooser
from faceattr.errors import SettingsError

_CHUNK = 64 * 1024
_LONGEST = 64 * 1024  # bytes without a NUL that can no longer be a path


class Listing:
    """The entries of one list; `digest` tells lists apart once it has been read to its end."""

    def __init__(self, root: Path, file: BinaryIO, name: str, chooser: Chooser) -> None:
        """`file` holds paths relative to `root`, or absolute ones below it; `name` is what to call it in a message."""
        self._root = os.fsencode(root)
        self._absolute = os.path.abspath(self._root)  # noqa: PTH100 - bytes, and links are not to be followed
        self._real = os.path.realpath(self._root)
        self._file, self._name, self._chooser = file, name, chooser
        self._hash = hashlib.sha256()
        self._is_plain = lru_cache(maxsize=4096)(self._is_plain_directory)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def entries(self) -> Iterator[Entry]:
        """One entry a path, in the order of the list.

        Raises SettingsError for a path outside of the directory, and for what is no such list.
        """
        for number, given in enumerate(self._paths()):
            path = self._relative(given)
            self._hash.update(path + b"\0")
            entry = self._entry(path)
            if number == 0 and entry.kind == "missing" and b"\n" in path:
                raise self._refusal("is not NUL-separated; `find … -print0` and `grep -z` write such lists")
            yield entry

    def _paths(self) -> Iterator[bytes]:
        rest = b""
        try:
            while chunk := self._file.read(_CHUNK):
                *whole, rest = (rest + chunk).split(b"\0")
                yield from filter(None, whole)
                if len(rest) > _LONGEST:
                    raise self._refusal("is not NUL-separated; `find … -print0` and `grep -z` write such lists")
        except OSError as cause:
            raise self._refusal(f"cannot be read: {cause.strerror}") from cause
        if rest:
            yield rest

    def _relative(self, given: bytes) -> bytes:
        path = given
        if path.startswith(b"/"):
            path = os.path.normpath(path)
            for base in (self._absolute, self._real):
                if path.startswith(base.rstrip(b"/") + b"/"):
                    path = path[len(base.rstrip(b"/")) + 1 :]
                    break
        path = os.path.normpath(path)
        if path.startswith((b"/", b"../")) or path in (b"..", b"."):
            raise self._refusal(f"names {os.fsdecode(given)!r}, which is outside of --input_dir")
        return path

    def _entry(self, path: bytes) -> Entry:
        if not self._chooser.takes(path):
            return Entry(path, "excluded")
        try:
            status = os.lstat(os.path.join(self._root, path))  # noqa: PTH118 - bytes
            if not self._is_plain(os.path.dirname(path)):  # noqa: PTH120 - bytes
                return Entry(path, "link")
        except (FileNotFoundError, NotADirectoryError):
            return Entry(path, "missing")
        except OSError:
            return Entry(path, "file")  # reading it will tell what is wrong
        if stat.S_ISREG(status.st_mode):
            return Entry(path, "file", status.st_size, status.st_mtime_ns)
        if stat.S_ISDIR(status.st_mode):
            return Entry(path + b"/", "directory")
        return Entry(path, "link" if stat.S_ISLNK(status.st_mode) else "special")

    def _is_plain_directory(self, directory: bytes) -> bool:
        """Whether no link leads to the directory, from the input directory on."""
        expected = os.path.join(self._real, directory) if directory else self._real  # noqa: PTH118 - bytes
        return os.path.realpath(expected) == expected

    def _refusal(self, what: str) -> SettingsError:
        return SettingsError(f"--files-from '{self._name}' {what}.")
