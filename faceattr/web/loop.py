"""The I/O loop: waits for what waitress's connections wait for, and looks only at those that are in use."""

from __future__ import annotations

import select
from typing import Any

from waitress import wasyncore

from faceattr.web.channel import Channel


class Loop(dict[int, Any]):
    """waitress's dispatchers by descriptor, and the turns in which they are served.

    waitress's own loop asks every connection before each wait what it waits for. With hundreds of idle ones that takes
    more than the requests themselves; here those at rest are asked again only when something has come from them, and
    the system is told only of changes. Where there is no epoll, waitress's own loop serves.
    """

    def __init__(self) -> None:
        super().__init__()
        self._poll = select.epoll() if hasattr(select, "epoll") else None
        self._masks: dict[int, int] = {}
        self._active: set[int] = set()
        """Those to be asked in the next turn."""

    def __setitem__(self, descriptor: int, dispatcher: Any) -> None:
        self._forget(descriptor)
        super().__setitem__(descriptor, dispatcher)
        self._active.add(descriptor)

    def __delitem__(self, descriptor: int) -> None:
        self._forget(descriptor)
        super().__delitem__(descriptor)

    @property
    def channels(self) -> list[Channel]:
        """The connections."""
        return [channel for channel in list(self.values()) if isinstance(channel, Channel)]

    def look_at_all(self) -> None:
        """Asks the connections at rest as well in the next turn: something else than their clients has changed them."""
        self._active.update(self)

    def turn(self, timeout: float) -> None:
        """Waits, for so many seconds at most, and serves whatever is ready."""
        if self._poll is None:
            wasyncore.loop(timeout=timeout, map=self, count=1)
            return
        for descriptor in list(self._active):
            dispatcher = self.get(descriptor)
            if dispatcher is not None:
                self._ask(self._poll, descriptor, dispatcher)
        ready = [(descriptor, flags, self.get(descriptor)) for descriptor, flags in self._poll.poll(timeout)]
        for descriptor, flags, dispatcher in ready:
            # What is served may end others, and let new ones in that get their descriptors.
            if dispatcher is not None and self.get(descriptor) is dispatcher:
                self._active.add(descriptor)
                wasyncore.readwrite(dispatcher, flags)

    def _ask(self, poll: select.epoll, descriptor: int, dispatcher: Any) -> None:
        # First: what a thread changes after that is seen in the next turn, for which it wakes the loop.
        rests = isinstance(dispatcher, Channel) and dispatcher.is_at_rest
        mask = select.EPOLLIN | select.EPOLLPRI if dispatcher.readable() else 0
        if dispatcher.writable() and not dispatcher.accepting:
            mask |= select.EPOLLOUT
        before = self._masks.get(descriptor, 0)
        if mask != before:
            if not mask:
                poll.unregister(descriptor)
            elif before:
                poll.modify(descriptor, mask)
            else:
                poll.register(descriptor, mask)
            self._masks[descriptor] = mask
        if rests:
            self._active.discard(descriptor)

    def _forget(self, descriptor: int) -> None:
        self._active.discard(descriptor)
        if self._masks.pop(descriptor, 0) and self._poll is not None:
            self._poll.unregister(descriptor)
