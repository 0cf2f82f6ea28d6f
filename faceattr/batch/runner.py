"""What a run needs of whatever analyses its photos: processes of this machine, or of many."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

from faceattr.batch.identity import Identity
from faceattr.batch.outcome import Outcome


class Runner(Protocol):
    """Workers for one run, each with an analyzer. Leaving the context ends them all.

    A photo that hangs or ends its worker comes back as an outcome, after a second try; the others go on.
    """

    @property
    def log(self) -> tuple[str, ...]:
        """What the first analyzer said while it loaded."""

    @property
    def identity(self) -> Identity | None:
        """What the first analyzer is; None while there is none. All others are the same: a different one is refused."""

    @property
    def loading(self) -> bool:
        """Whether no worker is ready yet."""

    @property
    def has_room(self) -> bool:
        """Whether another path may be submitted now; this bounds what is under way."""

    def submit(self, place: int, path: bytes) -> None:
        """Takes the path of a photo; its outcome will come with the same `place`, in any order."""

    def outcomes(self, timeout: float) -> list[tuple[int, Outcome]]:
        """What has come in, waiting at most `timeout` seconds for something, as (place, outcome).

        Raises PackError, EngineError or SettingsError when no analyzer can be loaded, CannotWrite for the output.
        """

    def close(self) -> None:
        """Ends all workers, and gives up what they have not answered."""

    def __enter__(self) -> Runner: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
