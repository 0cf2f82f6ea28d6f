from __future__ import annotations

import errno
import resource
import socket
import threading
import time
from contextlib import closing

import pytest
from flask import Flask
from flask.testing import FlaskClient
from waitress import wasyncore

from faceattr.analyzer import FaceAnalyzer
from faceattr.errors import SettingsError
from faceattr.settings import Settings
from faceattr.web import descriptors
from faceattr.web.app import create_app
from faceattr.web.descriptors import LEAST, RESERVE, fitting_connections
from faceattr.web.patience import QUEUED
from faceattr.web.server import Server
from tests.running import Client, Gate, Running, get, photo_request, running, until


@pytest.fixture
def gate(analyzer: FaceAnalyzer) -> Gate:
    return Gate(analyzer)


def fill(service: Running, gate: Gate, running_photos: int, waiting: int = 0) -> list[Client]:
    """Clients whose photos are held at the gate, and as many more in the line behind them."""
    before = service.server.lanes.inside
    clients = [service.send(photo_request()) for _ in range(running_photos)]
    # Requests that come together are in no order: only then are the others surely behind these.
    until(lambda: len(gate.photos) == running_photos)
    clients += [service.send(photo_request()) for _ in range(waiting)]
    until(lambda: service.server.lanes.inside == before + running_photos + waiting)
    return clients


@pytest.mark.parametrize(
    "request_", [b"GET / HTTP/1.1\r\nX: ", photo_request(b"begin", length=10_000)], ids=["headers", "body"]
)
def test_a_request_that_drips_is_cut_off_however_many_bytes_it_sends(gate: Gate, request_: bytes) -> None:
    with running(gate, read_seconds=1) as service:
        client = service.send(request_)
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.02):
                try:
                    client.send(b"x")
                except OSError:
                    return

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            status, headers, body = client.answer()
        finally:
            stop.set()
            dripping.join()
        assert (status, body["code"]) == (408, "request_timeout")
        assert headers["connection"] == "close"
        assert headers["content-type"] == "application/problem+json"
        assert body["detail"] == "The request was not complete within 1 seconds."
        assert service.send(get("/healthz")).code() == "ok"


def test_an_idle_connection_is_closed_without_a_word(gate: Gate) -> None:
    with running(gate, idle_seconds=1) as service:
        fresh, used = service.connect(), service.send(get("/healthz"))
        assert used.code() == "ok"
        assert fresh.is_closed()
        assert used.is_closed()


def test_beyond_the_places_to_wait_photos_are_refused_unread_and_the_others_answered(gate: Gate) -> None:
    with running(gate, slots=1, waiting=2) as service:
        inside = fill(service, gate, 2, 1)
        refused = service.send(photo_request(b"{no JSON}").replace(b"image/jpeg", b"application/json"))
        status, headers, body = refused.answer()
        assert (status, body["code"], headers["retry-after"]) == (503, "overloaded", "2")
        assert headers["x-request-id"] == body["request_id"]
        gate.opened.set()
        assert [client.code() for client in inside] == ["ok"] * 3
        # The refusal cost neither the connection nor a place.
        refused.send(photo_request())
        assert refused.code() == "ok"
        until(lambda: service.server.lanes.inside == 0)


def test_a_page_of_a_listed_site_can_read_why_it_was_refused_and_when_to_try_again(gate: Gate) -> None:
    with running(gate, slots=1, waiting=1, allowed_origins="https://listed.example") as service:
        fill(service, gate, 2)
        answers = {}
        for origin in ("https://listed.example", "https://other.example"):
            client = service.send(photo_request().replace(b"\r\n", f"\r\nOrigin: {origin}\r\n".encode(), 1))
            status, answers[origin], _ = client.answer()
            assert status in (403, 503)
            assert answers[origin]["vary"] == "Origin"
        listed, other = answers.values()
        assert listed["access-control-allow-origin"] == "https://listed.example"
        assert "Retry-After" in listed["access-control-expose-headers"]
        assert listed["retry-after"] == "2"
        assert "access-control-allow-origin" not in other
        gate.opened.set()


@pytest.mark.parametrize(
    ("version", "asked", "said"),
    [("1.1", "", None), ("1.1", "close", "close"), ("1.0", "", "close"), ("1.0", "keep-alive", "Keep-Alive")],
)
def test_a_refusal_leaves_the_connection_as_its_client_wants_it(
    gate: Gate, version: str, asked: str, said: str | None
) -> None:
    with running(gate, slots=1, waiting=1) as service:
        fill(service, gate, 2)
        request = photo_request().replace(b"HTTP/1.1", f"HTTP/{version}".encode())
        client = service.send(
            request.replace(b"\r\n", f"\r\nConnection: {asked}\r\n".encode(), 1) if asked else request
        )
        status, headers, body = client.answer()
        assert (status, body["code"], headers.get("connection")) == (503, "overloaded", said)
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        if said == "close":
            assert client.is_closed()
        else:
            client.send(get("/healthz"))
            assert client.code() == "ok"


def test_who_comes_while_no_photo_more_is_admitted_is_heard_soon(gate: Gate) -> None:
    with running(gate, slots=1, waiting=1) as service:
        fill(service, gate, 2)
        assert service.server.lanes.is_full
        clients = [service.connect() for _ in range(30)]
        for client in clients:
            client.send(get("/healthz"))
        assert [client.code() for client in clients] == ["ok"] * 30
        gate.opened.set()
        until(lambda: not service.server.lanes.is_full)


def test_all_who_wait_to_be_let_in_are_taken_in_one_turn(gate: Gate) -> None:
    settings = Settings(port=0, slots=1, threads=1)
    server = Server(create_app(settings, analyzer=gate), settings)  # type: ignore[arg-type]
    try:
        address = "127.0.0.1", server.listeners[0].effective_port
        waiting = [socket.create_connection(address) for _ in range(10)]
        server._loop.turn(5)
        assert server.connections == 10
        for each in waiting:
            each.close()
    finally:
        server.lanes.shutdown(5)
        wasyncore.close_all(server._loop)


def test_an_address_with_more_slashes_waits_in_the_same_line(gate: Gate) -> None:
    with running(gate, slots=1, waiting=1) as service:
        fill(service, gate, 2)
        assert service.send(photo_request(path="//analyze")).code() == "overloaded"


def test_a_photo_that_has_waited_too_long_is_refused_while_every_thread_is_busy(gate: Gate) -> None:
    with running(gate, slots=1, waiting=4, wait_seconds=1) as service:
        held = fill(service, gate, 2, 1)
        assert held.pop().code() == "overloaded"
        assert not gate.opened.is_set()
        gate.opened.set()
        assert [client.code() for client in held] == ["ok", "ok"]
        assert len(gate.photos) == 2


def test_what_follows_a_photo_that_has_waited_too_long_is_answered_as_well(gate: Gate) -> None:
    with running(gate, slots=1, waiting=4, wait_seconds=1) as service:
        fill(service, gate, 2)
        client = service.send(photo_request() + get("/healthz"))
        assert [client.code(), client.code()] == ["overloaded", "ok"]
        assert not gate.opened.is_set()


def test_time_in_the_line_counts_when_a_slot_is_waited_for(client: FlaskClient, analyzer: FaceAnalyzer) -> None:
    with analyzer.slots.all():
        environ = {QUEUED: time.monotonic() - 5}
        answer = client.post("/analyze", data=b"x", content_type="image/jpeg", environ_overrides=environ)
    assert (answer.status_code, answer.get_json(force=True)["code"]) == (503, "overloaded")
    assert answer.headers["Retry-After"] == "2"


def test_a_photo_whose_client_left_is_not_analysed(client: FlaskClient, astronaut: bytes) -> None:
    environ = {"waitress.client_disconnected": lambda: True}
    answer = client.post("/analyze", data=astronaut, content_type="image/jpeg", environ_overrides=environ)
    assert (answer.status_code, answer.data) == (499, b"")


def test_a_client_that_leaves_while_it_waits_costs_no_analysis(gate: Gate) -> None:
    with running(gate, slots=1, waiting=4) as service:
        held = fill(service, gate, 2)
        leaving = service.send(photo_request(b"left"))
        until(lambda: service.server.lanes.inside == 3)
        leaving.close()
        until(lambda: service.server.connections == 2)
        gate.opened.set()
        assert [client.code() for client in held] == ["ok", "ok"]
        assert service.send(photo_request(b"next")).code() == "ok"
        assert gate.photos == [b"photo", b"photo", b"next"]


def test_probes_are_answered_while_every_thread_is_busy(gate: Gate) -> None:
    def add_slow_page(app: Flask) -> None:
        @app.get("/slow")
        def slow() -> str:
            entered.release()
            assert gate.opened.wait(30)
            return "{}"

    entered = threading.Semaphore(0)
    with running(gate, add_slow_page, slots=1, waiting=1, threads=2) as service:
        held = fill(service, gate, 2) + [service.send(get("/slow")) for _ in range(3)]
        assert all(entered.acquire(timeout=30) for _ in range(2))
        for path in ("/healthz", "/readyz"):
            assert service.send(get(path)).answer()[0] == 200
            assert service.send(get(path, "HEAD")).answer("HEAD")[0] == 200
        gate.opened.set()
        assert [client.answer()[0] for client in held] == [200] * 5


def test_idle_connections_at_the_limit_make_room(gate: Gate) -> None:
    with running(gate, connections=8) as service:
        idle = [service.connect() for _ in range(20)]
        assert service.send(get("/healthz")).code() == "ok"
        assert idle[0].is_closed()
        assert service.server.connections <= 8


def test_one_that_comes_when_all_others_are_in_use_is_served(gate: Gate) -> None:
    with running(gate, connections=8) as service:
        for _ in range(5):  # the listener and its trigger count as well
            service.send(photo_request(bytes(1000), length=2000))
        until(lambda: service.server.arriving_bytes > 5000)
        for _ in range(3):
            with closing(service.send(get("/healthz"))) as probe:
                assert probe.code() == "ok"


def test_refused_clients_that_stay_make_room(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faceattr.web.channel.LINGER_S", 1000.0)
    with running(gate, connections=8) as service:
        for _ in range(10):
            assert service.send(photo_request(length=99_999_999)).code() == "body_too_large"
        assert service.send(get("/healthz")).code() == "ok"


def test_clients_that_do_not_read_hold_no_thread_and_still_get_all(analyzer: FaceAnalyzer) -> None:
    gate = Gate(analyzer, picture=bytes(13_000_000))  # more than waitress lets a thread put into its buffers at once
    gate.opened.set()
    with running(gate, slots=1, waiting=4, threads=2) as service:
        slow = [service.send(photo_request() * 2) for _ in range(2)]
        until(lambda: len(gate.photos) == 2)
        until(lambda: service.server.lanes.inside == 0)
        assert service.send(get("/health")).code() == "ok"
        for client in slow:
            for _ in range(2):
                status, _, body = client.answer()
                assert (status, len(body["result"])) == (200, 17_333_336)


def test_uploads_that_began_last_are_refused_when_all_together_are_too_large(gate: Gate) -> None:
    gate.opened.set()
    with running(gate, max_uploads_bytes=150_000) as service:
        first = service.send(photo_request(bytes(80_000), length=100_000))
        until(lambda: service.server.arriving_bytes > 80_000)
        second = service.send(photo_request(bytes(80_000), length=100_000))
        status, headers, body = second.answer()
        assert (status, body["code"], headers["connection"]) == (503, "overloaded", "close")
        first.send(bytes(20_000))
        assert first.code() == "ok"


def test_without_descriptors_nothing_is_accepted_for_a_while(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    server = Server(app, Settings(port=0, threads=1))
    (listener,) = server.listeners
    monkeypatch.setattr("waitress.wasyncore.dispatcher.accept", refuse)
    try:
        assert listener.readable()
        listener.handle_accept()
        assert not listener.readable()
        assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
            "no connection can be accepted for 1 s: Too many open files"
        ]
    finally:
        server.stop()
        assert server.run()


@pytest.mark.parametrize(
    ("limits", "expected", "raised"),
    [
        ((4096, 4096), 512, None),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), 512, None),
        ((256, 4096), 512, 512 + RESERVE),
        ((256, resource.RLIM_INFINITY), 512, 512 + RESERVE),
        ((256, 300), 300 - RESERVE, 300),
        ((64, 64), 64 - RESERVE, None),
    ],
)
def test_connections_fit_the_files_that_may_be_open(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    limits: tuple[int, int],
    expected: int,
    raised: int | None,
) -> None:
    set_to: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: set_to.append(pair))
    assert fitting_connections(512) == expected
    assert set_to == ([(raised, limits[1])] if raised else [])
    assert bool(caplog.records) == (expected < 512)


def test_too_few_files_for_anybody_are_said_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    few = descriptors.RESERVE + LEAST - 1
    monkeypatch.setattr(resource, "getrlimit", lambda _: (few, few))
    with pytest.raises(SettingsError, match=r"may open 39 files; the service needs at least 40\. .*ulimit -n"):
        fitting_connections(512)
