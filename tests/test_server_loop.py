"""The I/O loop: connections at rest cost nothing, and nothing that is ready is overlooked."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from faceattr.web.channel import Channel
from faceattr.web.loop import Loop

SOON = 0.01


class Quiet(Channel):
    """A connection that counts how often it is asked, and does nothing else."""

    accepting = False

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.rests, self.writes = True, False
        self.asked = 0
        self.served: list[str] = []

    @property
    def is_at_rest(self) -> bool:
        return self.rests

    def readable(self) -> bool:
        self.asked += 1
        return True

    def writable(self) -> bool:
        return self.writes

    def handle_read_event(self) -> None:
        self.served.append("read")
        self.connection.recv(100)

    def handle_write_event(self) -> None:
        self.served.append("write")
        self.writes = False


class Emptied(list[object]):
    """Requests of which a thread takes the last one at the moment when the loop asks whether there are any."""

    def __bool__(self) -> bool:
        self.pop()
        return True


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    with near, far:
        yield near, far


Ends = tuple[socket.socket, socket.socket]


def test_a_connection_at_rest_is_asked_once_and_heard_at_once(ends: Ends) -> None:
    loop, channel = Loop(), Quiet(ends[0])
    loop[ends[0].fileno()] = channel
    for _ in range(5):
        loop.turn(SOON)
    assert (channel.asked, channel.served) == (1, [])
    ends[1].send(b"x")
    loop.turn(SOON)
    assert channel.served == ["read"]
    loop.turn(SOON)
    assert channel.asked == 2


def test_a_connection_in_use_is_asked_every_time(ends: Ends) -> None:
    loop, channel = Loop(), Quiet(ends[0])
    channel.rests = False
    loop[ends[0].fileno()] = channel
    loop.turn(SOON)
    # As when a thread has written its answer and wakes the loop.
    channel.writes = True
    loop.turn(SOON)
    loop.turn(SOON)
    assert (channel.asked, channel.served) == (3, ["write"])


def test_what_time_has_changed_is_seen_when_all_are_looked_at(ends: Ends) -> None:
    loop, channel = Loop(), Quiet(ends[0])
    loop[ends[0].fileno()] = channel
    loop.turn(SOON)
    channel.writes = True
    loop.turn(SOON)
    assert channel.served == []
    loop.look_at_all()
    loop.turn(SOON)
    assert channel.served == ["write"]


def test_what_came_for_a_connection_that_has_ended_is_not_told_to_its_successor(ends: Ends) -> None:
    loop = Loop()
    fresh = [Quiet(ends[0]), Quiet(ends[0])]

    class Replacing(Quiet):
        """Ends the other connection, whose descriptor a new one gets at once."""

        def handle_read_event(self) -> None:
            super().handle_read_event()
            other = ({near.fileno(), ends[0].fileno()} - {self.connection.fileno()}).pop()
            del loop[other]
            loop[other] = fresh.pop()

    near, far = socket.socketpair()
    with near, far:
        for socket_ in (near, ends[0]):
            socket_.setblocking(False)
        both = [Replacing(near), Replacing(ends[0])]
        for each in both:
            loop[each.connection.fileno()] = each
        far.send(b"x")
        ends[1].send(b"x")
        successors = list(fresh)
        loop.turn(SOON)
        assert sum(len(each.served) for each in both) == 1
        assert [each.served for each in successors] == [[], []]


def test_a_descriptor_that_is_used_again_is_a_new_connection(ends: Ends) -> None:
    loop, first, second = Loop(), Quiet(ends[0]), Quiet(ends[0])
    loop[ends[0].fileno()] = first
    loop.turn(SOON)
    del loop[ends[0].fileno()]
    ends[1].send(b"x")
    loop.turn(SOON)
    assert first.served == []
    loop[ends[0].fileno()] = second
    loop.turn(SOON)
    assert (first.asked, second.asked, second.served) == (1, 1, ["read"])


def test_a_request_that_is_answered_at_that_moment_does_not_end_its_connection(ends: Ends) -> None:
    channel = Quiet(ends[0])
    channel.requests = Emptied([SimpleNamespace(is_cut=False)])
    assert not channel._is_cut
