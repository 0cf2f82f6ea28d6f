from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from faceattr.analyzer import FaceAnalyzer
from faceattr.web.signals import Signals
from tests.conftest import ROOT
from tests.photo_bytes import encoded, flat
from tests.running import Client, Gate, Running, get, photo_request, running, until
from tests.services import environment, start, stop


@pytest.fixture
def gate(analyzer: FaceAnalyzer) -> Gate:
    return Gate(analyzer)


def begin_to_stop(service: Running) -> None:
    service.server.stop()
    until(lambda: not is_accepted(service))


def is_accepted(service: Running) -> bool:
    """Whether a connection can be made. The listener itself says no a moment before it closes."""
    try:
        service.connect().close()
    except ConnectionError:
        return False
    return True


def test_what_is_there_when_the_service_is_stopped_is_answered_whole_and_what_comes_anew_refused(
    analyzer: FaceAnalyzer, caplog: pytest.LogCaptureFixture
) -> None:
    gate = Gate(analyzer, picture=bytes(12_000_000))
    with running(gate, slots=1, waiting=4, wait_seconds=30) as service:
        idle, early = (service.send(get("/healthz")) for _ in range(2))
        assert [client.code() for client in (idle, early)] == ["ok", "ok"]
        at_work = [service.send(photo_request()) for _ in range(2)]
        until(lambda: len(gate.photos) == 2)
        queued = service.send(photo_request())
        until(lambda: service.server.lanes.inside == 3)
        half_sent = service.send(photo_request(b"first half,", length=23))
        until(lambda: service.server.arriving_bytes > 0)

        begin_to_stop(service)
        # A new request is refused at once, half of its body still to come, and on a connection that ends with that.
        early.send(photo_request(b"late", length=1000))
        status, headers, body = early.answer()
        assert (status, body["code"], headers["connection"]) == (503, "draining", "close")
        assert headers["retry-after"]
        idle.send(get("/readyz"))
        assert idle.code() == "draining"
        for client in (early, idle):
            client.close()

        gate.opened.set()
        half_sent.send(b" second half")
        # Those at work are answered although nobody reads yet: the one that reads last does so slowly.
        for client in (half_sent, queued, *at_work):
            status, headers, body = client.answer()
            assert (status, headers["connection"], len(body["result"])) == (200, "close", 16_000_000)
        until(lambda: service.ended is not None)
        assert service.ended
        assert "did not get their answer" not in caplog.text
        assert b"first half, second half" in gate.photos


def test_a_connection_between_two_requests_does_not_delay_the_end(gate: Gate) -> None:
    with running(gate) as service:
        idle, begun = service.send(get("/healthz")), service.send(b"")
        assert idle.code() == "ok"
        service.server.stop()
        until(lambda: service.ended is not None)
        assert idle.is_closed()
        assert begun.is_closed()


def test_a_living_but_stopping_service_says_both(gate: Gate) -> None:
    with running(gate, slots=1) as service:
        probe, other = service.send(get("/healthz")), service.send(get("/healthz"))
        assert [probe.code(), other.code()] == ["ok", "ok"]
        held = service.send(photo_request())
        until(lambda: len(gate.photos) == 1)
        begin_to_stop(service)
        probe.send(get("/healthz"))
        status, headers, body = probe.answer()
        assert (status, headers["connection"], body) == (200, "close", {"status": "alive"})
        other.send(get("/readyz", "HEAD"))
        status, headers, body = other.answer("HEAD")
        assert (status, headers["connection"], body) == (503, "close", b"")
        assert other.is_closed()
        gate.opened.set()
        assert held.code() == "ok"


def test_an_upload_that_does_not_end_is_cut_off_at_the_end_of_the_time_to_stop(
    gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "faceattr"), running(gate, drain_seconds=1) as service:
        half_sent = service.send(photo_request(b"half", length=8))
        until(lambda: service.server.arriving_bytes > 0)
        service.server.stop()
        until(lambda: service.ended is not None)
        assert half_sent.is_closed()
    assert "stopped; 1 clients did not get their answer in time" in caplog.text


def stopped_by(number: int, *before: int) -> tuple[list[int], list[str]]:
    """The exit codes that signals lead to at once, and what they begin otherwise."""
    left: list[int] = []
    begun: list[str] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    wakeup = signal.set_wakeup_fd(-1)
    try:
        signals = Signals(left.append)
        signals.on_stop(lambda: begun.append("drain"))
        for each in (*before, number):
            signals.hear(each)
    finally:
        signal.set_wakeup_fd(wakeup)
        for each, handler in handlers.items():
            signal.signal(each, handler)
    return left, begun


@pytest.mark.parametrize(
    ("signals", "left", "begun"),
    [
        ([signal.SIGTERM], [], ["drain"]),
        ([signal.SIGINT], [], ["drain"]),
        ([signal.SIGTERM, signal.SIGTERM], [143], ["drain"]),
        ([signal.SIGTERM, signal.SIGINT], [130], ["drain"]),
        ([signal.SIGHUP, signal.SIGTERM], [], ["drain"]),
    ],
)
def test_the_second_signal_to_stop_ends_the_process_at_once(
    signals: list[int], left: list[int], begun: list[str]
) -> None:
    assert stopped_by(signals[-1], *signals[:-1]) == (left, begun)


def test_a_second_sigterm_leaves_half_sent_requests_behind() -> None:
    service = start()
    client = Client.to(service.port)
    client.send(photo_request(b"half", length=8))
    assert service.request("GET", "/healthz")[0] == 200
    service.process.send_signal(signal.SIGTERM)
    until(lambda: any("stopping" in line for line in service.log))
    assert service.process.poll() is None
    try:
        assert stop(service) == 143
    finally:
        client.close()


def test_sigterm_while_loading_ends_with_exit_code_0(tmp_path: Path) -> None:
    # In the place of a library that takes its time to load.
    (tmp_path / "cv2.py").write_text("import time; print('loading', flush=True); time.sleep(600)")
    process = subprocess.Popen(
        [sys.executable, "-m", "faceattr", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(PYTHONPATH=f"{tmp_path}:{ROOT}"),
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=30)[0] == ""
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def test_sigterm_is_heard_by_process_number_1() -> None:
    command = ["unshare", "--pid", "--fork", "--kill-child"]
    if not shutil.which("unshare") or subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no new process namespaces can be made here")
    service = start(under=command)
    try:
        children = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text().split()
        status = Path(f"/proc/{children[0]}/status").read_text()
        assert re.search(r"NSpid:\t\d+\t1\n", status)
        os.kill(int(children[0]), signal.SIGTERM)
        assert service.process.wait(30) == 0
        service.reader.join()
        assert service.log[-1].endswith("stopped\n")
    finally:
        stop(service)


def limited(command: str) -> list[str]:
    return ["bash", "-c", f'{command} && exec "$@"', "bash"]


def test_a_large_upload_writes_no_file() -> None:
    # Every byte written to a file fails here, wherever that file is: as with a full disk, everywhere.
    service = start(under=limited("ulimit -f 0"), TMPDIR="/nonexistent")
    try:
        photo = encoded(flat(1800, 1800), ".bmp")
        assert len(photo) > 9_000_000
        body = b'{"annotate":"png","image":"' + base64.b64encode(photo) + b'"}'
        assert len(body) > 12_000_000
        assert service.request("POST", "/analyze", body, Content_Type="application/json")[0] == 200
        form = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + photo + b"\r\n--x--\r\n"
        assert service.request("POST", "/analyze", form, Content_Type="multipart/form-data; boundary=x")[0] == 200
    finally:
        assert stop(service) == 0


def test_with_64_open_files_fewer_connections_are_served_and_it_says_so() -> None:
    service = start(under=limited("ulimit -n 64"))
    clients = []
    try:
        assert any("at most 32 connections instead of 512" in line for line in service.log)
        for _ in range(100):
            clients.append(Client.to(service.port))
        assert service.request("GET", "/readyz")[0] == 200
        photo = (ROOT / "tests/data/astronaut.jpg").read_bytes()
        assert service.request("POST", "/analyze", photo, Content_Type="image/jpeg")[0] == 200
        assert not any("no connection can be accepted" in line for line in service.log)
    finally:
        for client in clients:
            client.close()
        assert stop(service) == 0


def test_a_misspelt_variable_is_told_when_the_service_starts() -> None:
    service = start(FACEATTR_SLOT="2")
    assert stop(service) == 0
    assert any("FACEATTR_SLOT is not read; FACEATTR_SLOTS may be meant" in line for line in service.log)
