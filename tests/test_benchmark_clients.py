from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from benchmarks.clients import run_clients
from benchmarks.traffic import Request, Tally, answer_in

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
BUSY = b"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
ONCE_S = 1.5
"""In which a client whose pace is a request a second sends one, even when it is held up on its way."""


@contextmanager
def answering(answer: Callable[[socket.socket, bytes], bool]) -> Iterator[int]:
    """A server on a port of its own; `answer` is called for what arrives, and says whether the connection stays."""

    def attend(connection: socket.socket) -> None:
        with connection:
            try:
                while (data := connection.recv(65536)) and answer(connection, data):
                    pass
            except ConnectionError:
                pass

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=attend, args=(connection,))
            thread.start()
            threads.append(thread)

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for thread in threads:
                thread.join()


def sending(answer: bytes, stays: bool) -> Callable[[socket.socket, bytes], bool]:
    def send(connection: socket.socket, _: bytes) -> bool:
        connection.sendall(answer)
        return stays

    return send


@pytest.mark.parametrize(
    ("received", "found"),
    [
        (b"", None),
        (OK[:20], None),
        (OK[:-1], None),
        (OK, (200, True)),
        (BUSY, (503, False)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, True)),
    ],
)
def test_an_answer_is_read_to_its_end(received: bytes, found: tuple[int, bool] | None) -> None:
    assert answer_in(received) == found


def test_only_what_was_expected_or_a_refusal_passes() -> None:
    tally = Tally()
    for status in (200, 503, 500, None):
        tally.note(Request(b""), status, 1.0)
    tally.note(Request(b"", frozenset({415})), 200, 1.0)
    assert tally.unexpected == {"500": 1, "none": 1, "200": 1}
    assert tally.codes == {"200": 2, "503": 1, "500": 1, "none": 1}


def test_clients_send_at_their_pace_and_keep_their_connections() -> None:
    connections = set()

    def answer(connection: socket.socket, data: bytes) -> bool:
        connections.add(connection)
        connection.sendall(OK)
        return True

    with answering(answer) as port:
        tally = run_clients(port, Request(b"x"), (), clients=4, rate=8, seconds=2.5)
    assert set(tally.codes) == {"200"}
    # A client that was held up leaves out what it should have sent meanwhile.
    assert 4 <= tally.codes["200"] <= 24
    assert len(tally.accepted_ms) == tally.codes["200"]
    assert len(connections) == 4


def test_connections_that_the_service_ends_are_made_anew() -> None:
    with answering(sending(BUSY, stays=False)) as port:
        tally = run_clients(port, Request(b"x"), (), clients=2, rate=0, seconds=1)
    assert set(tally.codes) == {"503"}
    assert tally.codes["503"] > 2
    assert not tally.unexpected


def test_a_connection_that_ends_without_an_answer_is_noticed() -> None:
    with answering(sending(OK[:20], stays=False)) as port:
        tally = run_clients(port, Request(b"x"), (), clients=1, rate=1, seconds=ONCE_S)
    assert tally.unexpected == tally.codes
    assert set(tally.codes) == {"none"}


def test_bad_requests_are_mixed_in_and_those_that_leave_are_not_counted() -> None:
    seen: list[bytes] = []

    def answer(connection: socket.socket, data: bytes) -> bool:
        seen.append(data)
        connection.sendall(OK if data == b"good" else OK.replace(b"200", b"400"))
        return True

    bad = (Request(b"bad", frozenset({400})), Request(b"leaves", frozenset()))
    with answering(answer) as port:
        tally = run_clients(port, Request(b"good"), bad, clients=2, rate=0, seconds=1.5)
    assert set(seen) == {b"good", b"bad", b"leaves"}
    assert tally.codes["200"] > tally.codes["400"] > 0
    assert not tally.unexpected


def test_a_request_that_drips_comes_byte_by_byte_until_it_is_cut_off() -> None:
    received = bytearray()

    def answer(connection: socket.socket, data: bytes) -> bool:
        received.extend(data)
        if len(received) < 7:
            return True
        connection.sendall(OK.replace(b"200", b"408"))
        return False

    request = Request(b"head12345", frozenset({408}), drip=0.02, dripped=5)
    with answering(answer) as port:
        tally = run_clients(port, request, (), clients=1, rate=1, seconds=ONCE_S)
    # Bytes may come together, but none is left out.
    assert b"head123" in received
    assert b"head12345".startswith(received)
    assert set(tally.codes) == {"408"}
    assert not tally.unexpected


def test_a_large_request_is_sent_as_there_is_room_for_it() -> None:
    total = 0

    def answer(connection: socket.socket, data: bytes) -> bool:
        nonlocal total
        total += len(data)
        if total % 20_000_000 == 0:
            connection.sendall(OK)
        return True

    with answering(answer) as port:
        tally = run_clients(port, Request(bytes(20_000_000)), (), clients=1, rate=1, seconds=ONCE_S)
    assert set(tally.codes) == {"200"}
