"""Packs that have changed on the disk: verified, then swapped in while the old ones answer; or refused, with why."""

from __future__ import annotations

import contextlib
import logging
import threading
import weakref
from collections.abc import Callable

from faceattr.errors import FaceAttrError
from faceattr.loader import load_changed
from faceattr.memory import give_back
from faceattr.web.current import Current

log = logging.getLogger(__name__)

SWAPPED, UNCHANGED, KEPT = "swapped", "unchanged", "kept"
"""What becomes of a pack: `kept` is the old one in the place of one that cannot be used."""
_SETTLE_S = 1.0


class Reloader:
    """Looks at the packs again, on a thread of its own, one look at a time."""

    def __init__(self, current: Current, report: Callable[[str, str], None]) -> None:
        """`report`: called with the name and the outcome of each pack."""
        self._current, self._report = current, report
        self._lock = threading.Lock()
        self._asked = self._running = False

    def request(self) -> None:
        """Begins to look at the packs, or, while that is going on, has them looked at once more after."""
        with self._lock:
            self._asked = True
            if not self._running:
                # A daemon: loading must not hold up the end of the service.
                threading.Thread(target=self._run, name="reload", daemon=True).start()
                self._running = True

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._asked:
                    self._running = False
                    return
                self._asked = False
            self.reload()

    def reload(self) -> None:
        """Looks at each pack and puts what has changed in its place; whatever goes wrong, the old one stays."""
        for key in self._current.keys:
            name = key or self._current.at(key).models.pack.name
            try:
                outcome = self._swap(key, name)
            except FaceAttrError as error:
                outcome = KEPT
                log.error("pack %s stays as it was: %s", name, error)
            except MemoryError:
                outcome = KEPT
                log.error("pack %s stays as it was: there is not enough memory for two", name)
            except Exception:
                outcome = KEPT
                log.exception("pack %s stays as it was", name)
            self._report(name, outcome)
        # What was read, converted or given up on the way; the old nets follow when their last request is answered.
        give_back()

    def _swap(self, key: str, name: str) -> str:
        old = self._current.at(key)
        models = load_changed(old.models, old.engine)
        if models is None:
            log.info("pack %s has not changed", name)
            return UNCHANGED
        self._current.replace(key, old.with_models(models))
        weakref.finalize(old, _give_back_soon).atexit = False
        before, after = old.models, models
        log.info(
            "pack %s swapped: %s %s, digest %s, answers in place of %s %s, digest %s",
            name,
            after.pack.name,
            after.pack.version,
            after.digest,
            before.pack.name,
            before.pack.version,
            before.digest,
        )
        return SWAPPED


def _give_back_soon() -> None:
    # The analyzer is only about to go, and its nets with it: a moment later their memory is free.
    timer = threading.Timer(_SETTLE_S, give_back)
    timer.daemon = True
    with contextlib.suppress(RuntimeError):
        timer.start()
