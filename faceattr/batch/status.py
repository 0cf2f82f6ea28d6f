"""How far a batch is, from its state; also while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faceattr.batch import lock, shards, state
from faceattr.batch.state import State
from faceattr.errors import SettingsError


def statuses(directory: Path) -> dict[Path, dict[str, Any]]:
    """What is known of the batch in a directory, or of each of its shards, as JSON-ready values.

    Raises SettingsError when there is none, StateError when its state is damaged.
    """
    places = [place for place in (directory, *shards.directories_in(directory)) if state.exists(place)]
    if not places:
        raise SettingsError(f"'{directory}' holds no state of a batch.")
    return {place: _status(place) for place in places}


def text(directory: Path, status: Mapping[str, Any]) -> str:
    """A status as lines for people."""
    how = "finished" if status["finished"] else "not finished; the same command goes on where it stopped"
    if status["running"]:
        how = f"running ({lock.owner(directory)})"
    lines = [f"{directory}: {how}", *(f"  {word:<30} {status[word]}" for word in ("files", "done", "failed", "faces"))]
    return "\n".join([*lines, *(f"  {word:<30} {count}" for word, count in status["outcomes"].items())])


def _status(directory: Path) -> dict[str, Any]:
    running = lock.is_held(directory)
    with State(directory, read_only=True) as one:
        counts = one.counts()
        return {
            "running": running,
            "finished": bool(one.fact("finished")) and not running,
            "files": counts.total,
            "done": counts.done,
            "failed": counts.failed,
            "faces": counts.faces,
            "outcomes": dict(sorted(counts.outcomes.items())),
        }
