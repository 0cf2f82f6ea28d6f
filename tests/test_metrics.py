"""What /metrics counts, as Prometheus reads it."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from faceattr.analyzer import FaceAnalyzer
from faceattr.settings import Settings
from faceattr.web.app import create_app
from faceattr.web.records import METRICS, Answered, record
from tests.conftest import BUILT_IN, PACK
from tests.photo_bytes import encoded, flat


def values_of(client: FlaskClient) -> dict[str, float]:
    """Every line of /metrics that has a value, by name and labels."""
    parser = pytest.importorskip("prometheus_client.parser")
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.content_type.startswith("text/plain; version=")
    found: dict[str, float] = {}
    for family in parser.text_string_to_metric_families(response.text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_requests_are_counted_by_route_status_and_code(client: FlaskClient, astronaut: bytes) -> None:
    for _ in range(2):
        client.post("/analyze?annotate=none", data=astronaut, content_type="image/jpeg")
    client.post("/analyze", json={})
    client.get("/private-name.jpg")
    values = values_of(client)
    assert values["faceattr_requests_total{code=ok,route=/analyze,status=200}"] == 2
    assert values["faceattr_requests_total{code=bad_request,route=/analyze,status=400}"] == 1
    assert values["faceattr_requests_total{code=not_found,route=-,status=404}"] == 1
    assert values["faceattr_request_seconds_count{route=/analyze}"] == 3
    assert "private" not in client.get("/metrics").text


def test_faces_and_stages_are_measured(client: FlaskClient, astronaut: bytes) -> None:
    client.post("/analyze", data=astronaut, content_type="image/jpeg")
    client.post("/analyze", data=encoded(flat(64, 64)), content_type="image/jpeg")
    values = values_of(client)
    assert (values["faceattr_faces_count"], values["faceattr_faces_sum"]) == (2, 1)
    for stage in ("decode", "detect", "attributes", "annotate", "total"):
        assert values[f"faceattr_stage_seconds_count{{stage={stage}}}"] == 2
        assert 0 <= values[f"faceattr_stage_seconds_sum{{stage={stage}}}"] < 60
    assert values["faceattr_stage_seconds_sum{stage=total}"] >= values["faceattr_stage_seconds_sum{stage=detect}"]


def test_slots_and_the_line_before_them_are_shown(app: Flask, analyzer: FaceAnalyzer) -> None:
    client, entered, leave = app.test_client(), threading.Event(), threading.Event()

    def occupy() -> None:
        with analyzer.slots.all():
            entered.set()
            leave.wait(30)

    def wait() -> None:
        with analyzer.slots.one():
            pass

    occupant, waiting = threading.Thread(target=occupy), threading.Thread(target=wait)
    occupant.start()
    try:
        assert entered.wait(30)
        waiting.start()
        while not analyzer.slots.waiting:
            assert waiting.is_alive()
        values = values_of(client)
    finally:
        leave.set()
        occupant.join()
        if waiting.ident:
            waiting.join()
    assert (values["faceattr_slots"], values["faceattr_slots_busy"], values["faceattr_queue_length"]) == (2, 2, 1)
    after = values_of(client)
    assert (after["faceattr_slots_busy"], after["faceattr_queue_length"]) == (0, 0)


def test_what_a_running_service_holds_back_is_in_the_queue(app: Flask) -> None:
    class Lanes:
        inside = 7

    app.extensions["faceattr.lanes"] = Lanes()
    assert values_of(app.test_client())["faceattr_queue_length"] == 7


def test_what_was_turned_away_before_the_application_is_counted(app: Flask) -> None:
    client = app.test_client()
    assert values_of(client)["faceattr_shed_total"] == 0
    record(app, Answered("1", "127.0.0.1", 503, "overloaded"))
    record(app, Answered("2", "127.0.0.1", 400, "bad_request"))
    values = values_of(client)
    assert values["faceattr_shed_total"] == 1
    assert values["faceattr_requests_total{code=overloaded,route=-,status=503}"] == 1
    assert values["faceattr_requests_total{code=bad_request,route=-,status=400}"] == 1


def test_the_build_and_the_memory_are_shown(client: FlaskClient) -> None:
    values = values_of(client)
    (build,) = [name for name in values if name.startswith("faceattr_build_info")]
    assert f"pack={PACK}" in build
    if Path("/proc/self/stat").exists():
        assert values["process_resident_memory_bytes"] > 2**20


def test_each_application_counts_for_itself(settings: Settings, analyzer: FaceAnalyzer) -> None:
    first, second = (create_app(settings, analyzer=analyzer).test_client() for _ in range(2))
    first.get("/health")
    assert "faceattr_requests_total{code=ok,route=/health,status=200}" in values_of(first)
    assert "faceattr_requests_total{code=ok,route=/health,status=200}" not in values_of(second)


def test_without_prometheus_client_the_service_runs_and_says_what_is_missing(
    analyzer: FaceAnalyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "faceattr.web.metrics", raising=False)
    app = create_app(Settings(models=str(BUILT_IN)), analyzer=analyzer)
    client = app.test_client()
    assert client.get("/health").status_code == 200
    response = client.get("/metrics")
    assert response.status_code == 404
    assert "pip install prometheus-client" in response.get_json(force=True)["error"]
    assert METRICS not in app.extensions
