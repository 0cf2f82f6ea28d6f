"""POST /analyze/batch: several photos in one request."""

from __future__ import annotations

import base64
import json
import logging
import math
import re
import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from waitress.task import WSGITask

from faceattr.analyzer import FaceAnalyzer
from faceattr.errors import Abandoned, EngineError, OutOfMemory, Overloaded
from faceattr.settings import Settings
from faceattr.slots import Patience
from faceattr.types import Analysis
from faceattr.web.app import create_app
from faceattr.web.patience import TIME_LEFT
from faceattr.web.tasks import AnswerTask
from tests.conftest import BUILT_IN
from tests.flipped_packs import BUILT_IN_NAME
from tests.photo_bytes import encoded, flat
from tests.running import Gate, running, until

BLANK = base64.b64encode(encoded(flat(64, 48))).decode()


def b64(photo: bytes) -> str:
    return base64.b64encode(photo).decode()


def results(client: FlaskClient, images: list[Any], **defaults: Any) -> list[dict[str, Any]]:
    response = client.post("/analyze/batch", json={"images": images, **defaults})
    assert response.status_code == 200, response.text
    body = response.get_json()
    assert list(body) == ["results", "request_id"]
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert len(body["results"]) == len(images)
    found: list[dict[str, Any]] = body["results"]
    return found


def test_each_photo_is_answered_in_its_place_with_its_own_status(client: FlaskClient, astronaut: bytes) -> None:
    first, second, third, fourth = results(
        client,
        [
            {"image": b64(astronaut), "filename": "a.jpg"},
            {"image": "not base64!"},
            {"image": BLANK},
            {"image": b64(b"%PDF-1.7")},
        ],
    )
    assert [row["status"] for row in (first, second, third, fourth)] == [200, 400, 200, 415]
    alone = client.post("/analyze", json={"image": b64(astronaut), "annotate": "none"}).get_json()
    assert first["faces"] == alone["faces"]
    assert set(first) == {*alone, "status"} - {"request_id"}
    assert third["faces"] == []
    assert third["image"] == {"width": 64, "height": 48, "rotation": 0}
    wrong = client.post("/analyze", json={"image": "not base64!"}).get_json(force=True)
    assert {**second, "request_id": ""} == {**wrong, "request_id": ""}
    assert second["code"] == "bad_base64"
    assert fourth["error"].startswith("Invalid image format")


def test_what_stands_beside_the_images_holds_for_all_and_an_image_may_differ(
    client: FlaskClient, astronaut: bytes
) -> None:
    image = b64(astronaut)
    rows = results(
        client,
        [
            {"image": image},
            {"image": image, "distribution": False, "annotate": "png"},
            {"image": image, "min_face": None},
        ],
        distribution=True,
        annotate="jpeg",
        min_face=300,
        model=BUILT_IN_NAME,
    )
    assert [len(row["faces"]) for row in rows] == [0, 0, 0]
    assert [base64.b64decode(row["result"])[:3] for row in rows] == [b"\xff\xd8\xff", b"\x89PN", b"\xff\xd8\xff"]
    (row,) = results(client, [{"image": image, "min_face": 20}], distribution=True, min_face=300)
    assert len(row["faces"][0]["age"]["distribution"]) == 101


@pytest.mark.parametrize(
    ("item", "cause"),
    [
        (5, "must be an object"),
        (None, "must be an object"),
        ({}, "'image' is missing"),
        ({"image": BLANK, "colour": 1}, "Unknown option 'colour'"),
        ({"image": BLANK, "images": []}, "Unknown option 'images'"),
        ({"image": BLANK, "model": "other"}, "There is no model 'other'"),
        ({"image": BLANK, "filename": 5}, "'filename' must be a string"),
    ],
)
def test_what_is_wrong_with_one_image_is_said_of_that_one(client: FlaskClient, item: Any, cause: str) -> None:
    bad, good = results(client, [item, {"image": BLANK}])
    assert (bad["status"], bad["code"], good["status"]) == (400, "bad_request", 200)
    assert cause in bad["detail"]


@pytest.mark.parametrize(
    ("asked", "code", "cause"),
    [
        ({"json": []}, "bad_request", "1 to 16 images"),
        ({"json": {}}, "bad_request", "1 to 16 images"),
        ({"json": {"images": []}}, "bad_request", "1 to 16 images"),
        ({"json": {"images": {"image": BLANK}}}, "bad_request", "1 to 16 images"),
        ({"json": {"images": [{"image": BLANK}] * 17}}, "bad_request", "1 to 16 images"),
        ({"json": {"images": [{"image": BLANK}], "image": BLANK}}, "bad_request", "Unknown option 'image'"),
        ({"json": {"images": [{"image": BLANK}], "min_face": "9"}}, "bad_request", "'min_face' must be a whole number"),
        ({"json": {"images": [{"image": BLANK}], "annotate": "gif"}}, "bad_request", "'annotate' must be"),
        ({"json": {"images": [{"image": BLANK}], "model": "other"}}, "bad_request", "There is no model 'other'"),
        ({"json": {"images": []}, "query_string": "min_face=9"}, "bad_request", "belong in the body"),
        ({"data": b"{", "content_type": "application/json"}, "bad_json", "Not valid JSON"),
        ({"data": b"x", "content_type": "image/jpeg"}, "unsupported_media_type", "application/json"),
    ],
)
def test_a_request_that_is_wrong_as_a_whole_is_refused(
    client: FlaskClient, asked: dict[str, Any], code: str, cause: str
) -> None:
    response = client.post("/analyze/batch", **asked)
    body = json.loads(response.data)
    assert (body["code"], body["status"]) == (code, response.status_code)
    assert cause in body["detail"]


class Scripted:
    """An analyzer that does with each photo what stands in its script, and keeps how long it might have waited."""

    def __init__(self, real: FaceAnalyzer, *script: Exception | bytes | None) -> None:
        self.models, self.engine, self.slots = real.models, real.engine, real.slots
        self._script = list(script)
        self.patience: list[Patience] = []

    def analyze(self, photo: bytes, *_: Any, patience: Patience, **__: Any) -> Analysis:
        self.patience.append(patience)
        step = self._script.pop(0)
        if isinstance(step, Exception):
            raise step
        return Analysis((), 64, 48, 0, "pack", "1", "engine", {"total": 1.0}, step)


def scripted(analyzer: Scripted, **settings: Any) -> FlaskClient:
    return create_app(Settings(models=str(BUILT_IN), **settings), analyzer=analyzer).test_client()  # type: ignore[arg-type]


def test_what_fails_for_one_photo_does_not_cost_the_others(
    analyzer: FaceAnalyzer, caplog: pytest.LogCaptureFixture
) -> None:
    errors = (
        Overloaded("full"),
        MemoryError(),
        OutOfMemory("too little"),
        EngineError("secret"),
        RuntimeError("secret"),
    )
    rows = results(scripted(Scripted(analyzer, *errors, None)), [{"image": BLANK}] * 6)
    assert [row["status"] for row in rows] == [503, 503, 503, 500, 500, 200]
    assert [row.get("code") for row in rows] == [
        "overloaded", "out_of_memory", "out_of_memory", "internal", "internal", None
    ]  # fmt: skip
    assert "secret" not in json.dumps(rows)
    assert caplog.text.count("secret") >= 2


def test_each_photo_waits_for_its_own_turn(analyzer: FaceAnalyzer) -> None:
    double = Scripted(analyzer, None, None, None)
    results(scripted(double), [{"image": BLANK}] * 3)
    until_times = [patience.until for patience in double.patience]
    assert until_times == sorted(until_times)
    assert len(set(until_times)) == 3


def test_a_client_that_has_left_is_not_answered_further(analyzer: FaceAnalyzer) -> None:
    double = Scripted(analyzer, None, Abandoned("gone"), None)
    response = scripted(double).post("/analyze/batch", json={"images": [{"image": BLANK}] * 3})
    assert response.status_code == 499
    assert len(double.patience) == 2


def test_when_the_service_stops_what_is_done_is_answered_and_the_rest_refused(client: FlaskClient) -> None:
    left = iter([math.inf, 5.0, 0.5, 0.4])
    environ = {TIME_LEFT: lambda: next(left)}
    images = [{"image": BLANK} for _ in range(4)]
    answer = client.post("/analyze/batch", json={"images": images}, environ_overrides=environ)
    assert answer.status_code == 200
    rows = answer.get_json()["results"]
    assert [row["status"] for row in rows] == [200, 200, 503, 503]
    assert {row["code"] for row in rows[2:]} == {"draining"}


def test_a_photo_is_not_begun_when_the_slowest_would_not_fit(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 1000, 2))
    monkeypatch.setattr("faceattr.web.batch.time.monotonic", lambda: float(next(clock)))
    environ = {TIME_LEFT: lambda: 2.5}
    images = [{"image": BLANK} for _ in range(3)]
    answer = client.post("/analyze/batch", json={"images": images}, environ_overrides=environ)
    assert [row["status"] for row in answer.get_json()["results"]] == [200, 503, 503]


def test_pictures_are_left_out_when_the_answer_would_grow_without_end(analyzer: FaceAnalyzer) -> None:
    double = Scripted(analyzer, bytes(6000), bytes(6000), bytes(60), None)
    rows = results(
        scripted(double, max_batch_bytes=12_000, max_body_bytes=1024), [{"image": BLANK, "annotate": "png"}] * 4
    )
    assert [row["status"] for row in rows] == [200, 413, 200, 200]
    assert rows[1]["code"] == "body_too_large"


def test_only_this_route_takes_more_than_other_requests(analyzer: FaceAnalyzer) -> None:
    client = scripted(Scripted(analyzer, None), max_batch_bytes=9000, max_body_bytes=2048)
    body = {"images": [{"image": b64(bytes(3000))}]}
    assert client.post("/analyze/batch", json=body).status_code == 200
    assert client.post("/analyze", json=body).status_code == 413
    response = client.post("/analyze/batch", data=bytes(9001), content_type="application/json")
    assert response.status_code == 413
    assert "at most 9,000 bytes" in response.get_json(force=True)["detail"]


def test_all_photos_of_a_request_are_logged_and_counted(
    client: FlaskClient, astronaut: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        results(client, [{"image": b64(astronaut), "filename": "private-name.jpg"}] * 2 + [{"image": "?"}])
    (line,) = [record.getMessage() for record in caplog.records if record.name == "faceattr.access"]
    assert "route=/analyze/batch status=200 code=-" in line
    assert re.search(r" faces=2 confidence=(0\.9\d\d|1\.000) ", line)
    assert "private" not in caplog.text
    pytest.importorskip("prometheus_client")
    text = client.get("/metrics").text
    assert "faceattr_faces_count 2.0" in text
    assert 'faceattr_requests_total{code="ok",route="/analyze/batch",status="200"} 1.0' in text


def batch_request(images: int, size: int) -> bytes:
    body = json.dumps({"images": [{"image": b64(bytes(size))}] * images}).encode()
    head = "POST /analyze/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
    return f"{head}{len(body)}\r\n\r\n".encode() + body


def test_a_running_service_takes_a_large_batch_and_one_at_a_time_for_each_slot(analyzer: FaceAnalyzer) -> None:
    gate = Gate(analyzer)
    with running(gate, slots=1, waiting=4, wait_seconds=30, max_body_bytes=4096, max_batch_bytes=200_000) as service:
        first = service.send(batch_request(3, 30_000))
        until(lambda: len(gate.photos) == 1)
        # Another one would take the thread that is left for those who send a single photo.
        assert service.send(batch_request(1, 300)).code() == "overloaded"
        single = service.send(b"POST /analyze HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
                              b"Content-Length: 5\r\n\r\nphoto")  # fmt: skip
        until(lambda: len(gate.photos) == 2)
        gate.opened.set()
        assert single.code() == "ok"
        status, _, body = first.answer()
        assert (status, [row["status"] for row in body["results"]]) == (200, [200] * 3)
        assert service.send(batch_request(1, 300)).code() == "ok"
        status, _, body = service.send(batch_request(8, 30_000)).answer()
        assert (status, body["code"]) == (413, "body_too_large")
        assert "at most 200,000 bytes" in body["detail"]


def test_whoever_has_an_answer_may_ask_for_the_next_at_once(
    analyzer: FaceAnalyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finish_late(task: AnswerTask) -> None:
        WSGITask.finish(task)
        time.sleep(0.5)

    monkeypatch.setattr(AnswerTask, "finish", finish_late)
    with running(analyzer, slots=1, waiting=4) as service:
        client = service.send(batch_request(1, 300))
        assert client.code() == "ok"
        assert service.send(batch_request(1, 300)).code() == "ok"
