"""Scan: a directory → its entries in byte order of their paths, without following links or opening any file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

Kind = Literal["file", "missing", "unreadable", "link", "special", "directory"]


class Entry(NamedTuple):
    """One thing found: `path` is relative to the scanned directory, in bytes; that of a directory ends with "/".

    `file`: regular, whatever its name. `unreadable`, `missing`: a directory that could not be listed, or is gone.
    Not for the tables: `link` (symbolic, to whatever), `special` (FIFO, socket, device), `directory` (not entered).
    """

    path: bytes
    kind: Kind


def scan(root: Path, *, recursive: bool, leave_out: Path) -> Iterator[Entry]:
    """Entries under `root`; files and failed directories come in byte order of their paths.

    Holds the names of one directory, and of those above it, in memory. `leave_out` is a directory that is never
    entered, by whatever name it is reached. Raises OSError when `root` itself cannot be listed.
    """
    left_out = _identity(leave_out.stat())
    names, others = _listing(root, left_out)
    yield from others
    stack = [(b"", names)]
    while stack:
        parent, names = stack[-1]
        if not names:
            stack.pop()
            continue
        path = parent + names.pop()
        if not path.endswith(b"/"):
            yield Entry(path, "file")
        elif not recursive:
            yield Entry(path, "directory")
        else:
            try:
                names, others = _listing(root / os.fsdecode(path), left_out)
            except OSError as cause:
                yield Entry(path, "missing" if isinstance(cause, FileNotFoundError) else "unreadable")
                continue
            yield from (Entry(path + other.path, other.kind) for other in others)
            stack.append((path, names))


def _listing(directory: Path, left_out: tuple[int, int]) -> tuple[list[bytes], list[Entry]]:
    """Names of files and (with "/") of directories, last first, and what is neither. Raises OSError."""
    names, others = [], []
    with os.scandir(os.fsencode(directory)) as entries:
        for entry in entries:
            kind = _kind(entry)
            if kind == "file":
                names.append(entry.name)
            elif kind != "directory":
                others.append(Entry(entry.name, kind))
            elif _identity(entry.stat(follow_symlinks=False)) != left_out:
                names.append(entry.name + b"/")  # so that "a.jpg" sorts before "a/b.jpg", as the whole paths do
    names.sort(reverse=True)
    return names, others


def _kind(entry: os.DirEntry[bytes]) -> Kind:
    try:
        if entry.is_symlink():
            return "link"
        if entry.is_dir(follow_symlinks=False):
            return "directory"
        return "file" if entry.is_file(follow_symlinks=False) else "special"
    except OSError:  # only file systems without entry types ask; reading it will tell what is wrong
        return "file"


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
