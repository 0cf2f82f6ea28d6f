"""Shards: parts of one job that never speak to each other, and their results put together."""

from __future__ import annotations

import contextlib
import heapq
import json
import os
import re
import resource
from collections import Counter
from collections.abc import Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

from faceattr.batch import state
from faceattr.batch.lock import Lock
from faceattr.batch.outcome import Outcome
from faceattr.batch.state import Counts, State
from faceattr.errors import SettingsError

_NAME = re.compile(r"shard-(\d+)-of-(\d+)")
_ALIKE = ("number of shards", "models or settings", "choice of files")
_FILES = 8  # open at once for a shard's state: the lock, the database, its log and index; and some to spare


def directory_of(output: Path, shard: tuple[int, int]) -> Path:
    """Where a shard keeps its state and its tables; the output directory itself for the only one."""
    return output if shard[1] == 1 else output / f"shard-{shard[0]}-of-{shard[1]}"


def directories_in(output: Path) -> list[Path]:
    """The shards that an output directory has, in order of their numbers."""
    found = [(match, path) for path in output.glob("shard-*-of-*") if (match := _NAME.fullmatch(path.name))]
    return [path for match, path in sorted(found, key=lambda pair: (int(pair[0][2]), int(pair[0][1])))]


class Shards:
    """The states of all shards of a job, held for one process; a Source of their outcomes."""

    def __init__(self, directories: Sequence[Path]) -> None:
        """Raises SettingsError for what is no complete job, Busy for a shard at work, and what State raises."""
        _require_once(directories)
        _allow_open_files(_FILES * len(directories))
        self._stack = contextlib.ExitStack()
        with self._stack:
            self._states = [self._open(directory) for directory in directories]
            _require_whole(directories, self._states)
            self._stack = self._stack.pop_all()

    def __enter__(self) -> Shards:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def outcomes(self) -> Iterator[Outcome]:
        """Every file of every shard, in byte order of the paths."""
        return heapq.merge(*(one.outcomes() for one in self._states), key=attrgetter("path"))

    def provenance(self) -> dict[str, Any]:
        """What made the outcomes; it is the same for all shards."""
        return self._states[0].provenance()

    def counts(self) -> Counts:
        """Files and faces of all shards together."""
        each = [one.counts() for one in self._states]
        outcomes = sum((one.outcomes for one in each), Counter[str]())
        return Counts(sum(one.total for one in each), sum(one.faces for one in each), outcomes)

    def _open(self, directory: Path) -> State:
        if not state.exists(directory):
            raise SettingsError(f"'{directory}' is no shard: it holds no state of a batch.")
        self._stack.enter_context(Lock(directory))
        return self._stack.enter_context(State(directory))


def _require_once(directories: Sequence[Path]) -> None:
    """Raises SettingsError for a directory that is named twice: its second lock would wait for the first."""
    seen: dict[str, Path] = {}
    for directory in directories:
        before = seen.setdefault(os.path.realpath(directory), directory)
        if before is not directory:
            raise SettingsError(f"'{before}' and '{directory}' are the same shard.")


def _differences(mine: Any, theirs: Any, name: str = "") -> Iterator[str]:
    """What differs between two values as JSON has them, member by member."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for member in sorted({*mine, *theirs}):
            yield from _differences(mine.get(member), theirs.get(member), f"{name}.{member}".lstrip("."))
    elif mine != theirs:
        yield f"{name} {json.dumps(mine)}, not {json.dumps(theirs)}".lstrip()


def _require_whole(directories: Sequence[Path], states: Sequence[State]) -> None:
    """Raises SettingsError unless these are all shards of one job, each once, and each finished."""
    if not states:
        raise SettingsError("There is no shard to merge.")
    seen: dict[int, Path] = {}
    first: tuple[Any, ...] = ()
    for directory, one in zip(directories, states, strict=True):
        which, of = one.fact("shard") or (1, 1)
        if which in seen:
            raise SettingsError(f"'{seen[which]}' and '{directory}' are both shard {which}.")
        seen[which] = directory
        job = of, json.loads(one.description or "{}"), one.fact("selection")
        first = first or job
        for mine, theirs, what in zip(job, first, _ALIKE, strict=True):
            if mine != theirs:
                found = "; ".join(_differences(mine, theirs))
                raise SettingsError(f"'{directory}' and '{directories[0]}' do not have the same {what}: {found}.")
        if not one.fact("finished"):
            raise SettingsError(f"Shard {which} of {of}, '{directory}', is not finished: run its command again.")
    if lacking := sorted(set(range(1, first[0] + 1)) - set(seen)):
        raise SettingsError(f"Of {first[0]} shards these are lacking: {', '.join(map(str, lacking))}.")


def _allow_open_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 64
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
