from __future__ import annotations

import base64
import io
import json
import logging
import re
import tempfile
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from faceattr.analyzer import FaceAnalyzer
from faceattr.errors import EngineError, OutOfMemory
from faceattr.settings import Settings
from faceattr.web.app import create_app
from faceattr.web.problems import PROBLEMS
from tests.conftest import PACK
from tests.photo_bytes import blank_png, decoded, encoded, flat, jpeg_of_size, with_exif_orientation


def b64(photo: bytes) -> str:
    return base64.b64encode(photo).decode()


def test_a_photo_in_base64_json_is_answered_in_the_documented_shape(client: FlaskClient, astronaut: bytes) -> None:
    response = client.post("/analyze", json={"image": b64(astronaut), "filename": "astronaut.jpg"})
    assert response.status_code == 200
    body = response.get_json()
    assert list(body) == ["result", "faces", "image", "model", "timing_ms", "request_id"]
    assert decoded(base64.b64decode(body["result"])).shape == (512, 512, 3)
    (face,) = body["faces"]
    assert list(face) == ["box", "gender", "age", "quality", "uncertain"]
    assert list(face["box"]) == ["x_min", "y_min", "x_max", "y_max", "probability"]
    assert list(face["gender"]) == ["value", "probability", "probabilities"]
    assert list(face["age"]) == ["years", "low", "high", "label", "probability", "interval"]
    assert list(face["quality"]) == ["size_px", "sharpness", "brightness", "touches_edge"]
    assert all(type(face["box"][side]) is int for side in ("x_min", "y_min", "x_max", "y_max"))
    assert face["gender"]["value"] == "Female"
    assert body["image"] == {"width": 512, "height": 512, "rotation": 0}
    assert list(body["model"]) == ["pack", "version", "engine"]
    assert list(body["timing_ms"]) == ["decode", "detect", "attributes", "annotate", "total"]
    assert response.headers["X-Request-ID"] == body["request_id"]
    assert response.headers["Cache-Control"] == "no-store"


def sent_as_json(client: FlaskClient, photo: bytes) -> Any:
    return client.post("/analyze", json={"image": b64(photo), "annotate": "none", "min_face": 20})


def sent_as_data_uri(client: FlaskClient, photo: bytes) -> Any:
    image = "data:image/jpeg;base64," + b64(photo)
    return client.post("/analyze", json={"image": image, "annotate": "none", "min_face": 20})


def sent_with_line_breaks(client: FlaskClient, photo: bytes) -> Any:
    image = base64.encodebytes(photo).decode()
    return client.post("/analyze", json={"image": image, "annotate": "none", "min_face": 20})


def sent_as_multipart(client: FlaskClient, photo: bytes) -> Any:
    return client.post("/analyze?annotate=none&min_face=20", data={"image": (io.BytesIO(photo), "a.jpg")})


def sent_as_form_field(client: FlaskClient, photo: bytes) -> Any:
    return client.post(
        "/analyze?annotate=none&min_face=20", data={"image": b64(photo)}, content_type="multipart/form-data"
    )


def sent_bare(client: FlaskClient, photo: bytes) -> Any:
    return client.post("/analyze?annotate=none&min_face=20", data=photo, content_type="image/jpeg")


@pytest.mark.parametrize(
    "send",
    [sent_as_json, sent_as_data_uri, sent_with_line_breaks, sent_as_multipart, sent_as_form_field, sent_bare],
)
def test_every_way_to_send_a_photo_gets_the_same_answer(
    client: FlaskClient, astronaut: bytes, send: Callable[[FlaskClient, bytes], Any]
) -> None:
    def faces(response: Any) -> Any:
        assert response.status_code == 200, response.text
        assert "result" not in response.get_json()
        return response.get_json()["faces"]

    assert faces(send(client, astronaut)) == faces(sent_as_json(client, astronaut))


@pytest.mark.parametrize("in_the_address", [False, True])
def test_every_option_can_be_asked_for(client: FlaskClient, astronaut: bytes, in_the_address: bool) -> None:
    lying = encoded(np.ascontiguousarray(np.rot90(decoded(astronaut))))
    if in_the_address:
        query = (
            "annotate=none&detail=high&rotate=auto&tta=true&distribution=1&min_face=20&max_faces=5&min_confidence=.9"
        )
        response = client.post(f"/analyze?{query}", data=lying, content_type="image/jpeg")
    else:
        words = {"detail": "high", "rotate": "auto", "tta": True, "distribution": True}
        limits = {"min_face": 20, "max_faces": 5, "min_confidence": 0.9}
        response = client.post("/analyze", json={"image": b64(lying), "annotate": "none", **words, **limits})
    assert response.status_code == 200, response.text
    body = response.get_json()
    assert body["image"] == {"width": 512, "height": 512, "rotation": 90}
    (face,) = body["faces"]
    assert len(face["age"]["distribution"]) == 101


@pytest.mark.parametrize(("annotate", "magic"), [("png", b"\x89PNG"), ("jpeg", b"\xff\xd8\xff")])
def test_the_picture_is_in_the_format_asked_for(
    client: FlaskClient, astronaut: bytes, annotate: str, magic: bytes
) -> None:
    body = client.post("/analyze", json={"image": b64(astronaut), "annotate": annotate}).get_json()
    assert base64.b64decode(body["result"]).startswith(magic)


def test_no_face_is_an_answer_not_an_error(client: FlaskClient) -> None:
    response = client.post("/analyze", json={"image": b64(encoded(flat(640, 480), ".png"))})
    assert response.status_code == 200
    assert response.get_json()["faces"] == []
    assert decoded(base64.b64decode(response.get_json()["result"])).shape == (480, 640, 3)


OK = b64(encoded(flat(64, 64)))
SIXTEEN_BIT = encoded(np.full((64, 64, 3), 30000, np.uint16), ".png")
RGBA = encoded(np.zeros((64, 64, 4), np.uint8), ".png")


@pytest.mark.parametrize(
    "photo",
    [
        encoded(flat(64, 64), extension) for extension in (".png", ".bmp", ".webp", ".tiff", ".gif")
    ] + [SIXTEEN_BIT, RGBA, with_exif_orientation(encoded(flat(64, 48)), 6)],
)  # fmt: skip
def test_unusual_photos_are_answered(client: FlaskClient, photo: bytes) -> None:
    assert client.post("/analyze", json={"image": b64(photo)}).status_code == 200


JSON = "application/json"
BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("nothing", {}, "bad_request", "The body is empty"),
    ("empty JSON", {"data": b"", "content_type": JSON}, "bad_json", "The body is empty"),
    ("null", {"data": b"null", "content_type": JSON}, "bad_request", "must be an object"),
    ("a list", {"data": b"[]", "content_type": JSON}, "bad_request", "must be an object"),
    ("a number", {"data": b"1", "content_type": JSON}, "bad_request", "must be an object"),
    ("an empty object", {"json": {}}, "bad_request", "'image' is missing"),
    ("100k deep", {"data": b"[" * 100_000, "content_type": JSON}, "bad_json", "more than 500 values"),
    ("deep in image", {"data": b'{"image":' * 100_000, "content_type": JSON}, "bad_json", "more than 500 values"),
    ("500 deep", {"data": b"[" * 500 + b"]" * 500, "content_type": JSON}, "bad_request", "must be an object"),
    (
        "many values",
        {"data": b'{"x":[' + b"1," * 9999 + b"1]}", "content_type": JSON},
        "bad_json",
        "more than 500 values",
    ),
    ("NaN", {"data": b'{"min_confidence": NaN}', "content_type": JSON}, "bad_json", "NaN is not a JSON number"),
    ("huge number", {"data": b"1" * 100_000, "content_type": JSON}, "bad_json", "Not valid JSON"),
    ("broken JSON", {"data": b'{"image": ', "content_type": JSON}, "bad_json", "at position"),
    ("not UTF-8", {"data": b'{"image": "\xff"}', "content_type": JSON}, "bad_json", "not UTF-8"),
    ("image a number", {"json": {"image": 5}}, "bad_request", "'image' is missing or not a string"),
    ("image null", {"json": {"image": None}}, "bad_request", "'image' is missing or not a string"),
    ("filename a list", {"json": {"image": OK, "filename": []}}, "bad_request", "'filename' must be a string"),
    ("bad base64", {"json": {"image": "not base64!"}}, "bad_base64", "not valid base64"),
    ("bad padding", {"json": {"image": OK[:-1]}}, "bad_base64", "not valid base64"),
    ("not ASCII", {"json": {"image": "ä" * 8}}, "bad_base64", "not base64"),
    ("data URI, not base64", {"json": {"image": "data:image/png,abc"}}, "bad_base64", "data: URI is not in base64"),
    ("empty image", {"json": {"image": ""}}, "empty_image", "holds no data"),
    ("empty data URI", {"json": {"image": "data:image/png;base64,"}}, "empty_image", "holds no data"),
    ("unknown option", {"json": {"image": OK, "colour": 1}}, "bad_request", "distribution, model."),
    ("wrong option", {"json": {"image": OK, "min_face": "9"}}, "bad_request", "'min_face' must be a whole number"),
    (
        "wrong detail",
        {"json": {"image": OK, "detail": "fine"}},
        "bad_request",
        "must be 'normal' or 'high', not 'fine'",
    ),
    ("wrong rotate", {"json": {"image": OK, "rotate": 90}}, "bad_request", "must be 'exif' or 'auto', not 90"),
    ("wrong tta", {"json": {"image": OK, "tta": "yes"}}, "bad_request", "'tta' must be true or false, not 'yes'"),
    ("wrong annotate", {"json": {"image": OK, "annotate": "gif"}}, "bad_request", "'annotate' must be"),
    ("annotate a list", {"json": {"image": OK, "annotate": []}}, "bad_request", "'annotate' must be"),
    ("options beside JSON", {"json": {"image": OK}, "query_string": "min_face=9"}, "bad_request", "belong in the body"),
    ("HTML", {"json": {"image": b64(b"<!doctype html><html></html>")}}, "unsupported_image", "HTML"),
    ("PDF", {"json": {"image": b64(b"%PDF-1.7\n%\xe2\xe3")}}, "unsupported_image", "PDF"),
    ("text", {"json": {"image": b64(b"hello, world")}}, "unsupported_image", "JPEG, PNG"),
    ("truncated", {"json": {"image": b64(encoded(flat(64, 64))[:-40])}}, "truncated_image", ""),
    ("huge by its header", {"json": {"image": b64(jpeg_of_size(30000, 30000))}}, "bad_dimensions", "30000"),
    ("too many pixels", {"json": {"image": b64(jpeg_of_size(16000, 16000))}}, "too_many_pixels", "16000"),
    ("1×1", {"json": {"image": b64(encoded(flat(1, 1), ".png"))}}, "bad_dimensions", "1"),
    ("too many bytes", {"data": b"\xff\xd8" + bytes(10_000_001), "content_type": "image/jpeg"}, "image_too_large", ""),
    ("20 MB", {"data": bytes(20_000_000), "content_type": JSON}, "body_too_large", "at most 16,777,216 bytes"),
    ("a number too long", {"data": b"1" * 5000, "content_type": JSON}, "bad_json", "Exceeds the limit"),
    (
        "too many parts",
        {"data": {f"p{i}": "x" for i in range(1100)}, "content_type": "multipart/form-data"},
        "body_too_large",
        "at most 1,000 parts",
    ),
    ("form", {"data": {"image": OK}}, "unsupported_media_type", "Send Content-Type: application/json"),
    ("text body", {"data": b"x", "content_type": "text/plain"}, "unsupported_media_type", "Send Content-Type"),
    ("no type", {"data": b"x"}, "unsupported_media_type", "Send Content-Type"),
    ("empty bare body", {"data": b"", "content_type": "image/png"}, "empty_image", ""),
    ("multipart without image", {"data": {"photo": (io.BytesIO(b"x"), "a")}}, "bad_request", "Unknown field 'photo'"),
    (
        "multipart with two",
        {"data": {"image": [(io.BytesIO(b"x"), "a"), (io.BytesIO(b"y"), "b")]}},
        "bad_request",
        "Exactly one field 'image' is expected, found 2",
    ),
    (
        "multipart with a name in Latin 1",
        {
            "data": b'--x\r\nContent-Disposition: form-data; name="image"; filename="\xe9"\r\n\r\nx\r\n--x--\r\n',
            "content_type": "multipart/form-data; boundary=x",
        },
        "bad_request",
        "a file name that is not UTF-8",
    ),
    (
        "multipart without boundary",
        {"data": b"x", "content_type": "multipart/form-data"},
        "bad_request",
        "",
    ),
    (
        "repeated option",
        {"data": b"x", "content_type": "image/png", "query_string": "min_face=1&min_face=2"},
        "bad_request",
        "given 2 times",
    ),
    (
        "unknown option in the address",
        {"data": b"x", "content_type": "image/png", "query_string": "flip=1"},
        "bad_request",
        "Unknown option 'flip'",
    ),
]


@pytest.mark.parametrize(("request_", "code", "cause"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_bad_request_is_answered_with_its_cause_and_the_next_good_one_served(
    client: FlaskClient, request_: dict[str, Any], code: str, cause: str
) -> None:
    response = client.post("/analyze", **request_)
    body = json.loads(response.data)
    assert (response.status_code, body["code"]) == (PROBLEMS[code][0], code), body
    assert response.content_type == "application/problem+json"
    assert list(body) == ["type", "title", "status", "detail", "error", "code", "request_id"]
    assert cause in body["detail"]
    assert body["status"] == response.status_code
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert client.post("/analyze", json={"image": OK}).status_code == 200


@pytest.mark.parametrize(
    "image",
    ["not base64!", b64(b"%PDF-1.7"), b64(encoded(flat(64, 64))[:-40]), ""],
    ids=["base64", "PDF", "cut", "empty"],
)
def test_the_articles_sentence_is_kept_where_their_clients_look_for_it(client: FlaskClient, image: str) -> None:
    assert (
        client.post("/analyze", json={"image": image}).get_json(force=True)["error"].startswith("Invalid image format")
    )


@pytest.mark.parametrize(
    ("method", "path", "code", "allow"),
    [
        ("GET", "/nothing", "not_found", None),
        ("GET", "/analyze", "method_not_allowed", {"POST", "OPTIONS"}),
        ("PUT", "/health", "method_not_allowed", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_wrong_addresses_and_methods_are_problems_too(
    client: FlaskClient, method: str, path: str, code: str, allow: set[str] | None
) -> None:
    response = client.open(path, method=method)
    assert (response.status_code, json.loads(response.data)["code"]) == (PROBLEMS[code][0], code)
    assert (set(response.headers["Allow"].split(", ")) if allow else None) == allow


def test_health_names_the_models(client: FlaskClient) -> None:
    body = client.get("/health").get_json()
    assert body["status"] == "ok"
    assert body["model"]["pack"] == PACK
    assert len(body["model"]["digest"]) == 64


@pytest.mark.parametrize(("path", "status"), [("/healthz", "alive"), ("/readyz", "ready")])
def test_probes_answer(client: FlaskClient, path: str, status: str) -> None:
    assert client.get(path).get_json() == {"status": status}


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-123", True), ("a" * 64, True), ("a" * 65, False), ("a b", False), ("a\tb=1", False)]
)
def test_a_callers_request_id_is_kept_when_it_is_harmless(client: FlaskClient, given: str, kept: bool) -> None:
    response = client.get("/healthz", headers={"X-Request-ID": given})
    assert (response.headers["X-Request-ID"] == given) == kept


def failing(error: Exception) -> FlaskClient:
    class Failing:
        def __init__(self, real: FaceAnalyzer) -> None:
            self.models, self.engine = real.models, real.engine

        def analyze(self, *_: object, **__: object) -> None:
            raise error

    real = FaceAnalyzer.from_settings(Settings.load(slots=1))
    return create_app(Settings.load(), analyzer=Failing(real)).test_client()  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [RuntimeError("secret detail"), EngineError("secret detail")])
def test_an_unexpected_failure_tells_the_log_and_not_the_client(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    response = failing(error).post("/analyze", json={"image": OK})
    assert (response.status_code, json.loads(response.data)["code"]) == (500, "internal")
    assert "secret" not in response.text
    assert "Traceback" not in response.text
    assert "secret detail" in caplog.text


@pytest.mark.parametrize("error", [MemoryError(), OutOfMemory("too little")])
def test_exhausted_memory_is_a_503_that_says_when_to_come_back(error: Exception) -> None:
    response = failing(error).post("/analyze", json={"image": OK})
    assert (response.status_code, json.loads(response.data)["code"]) == (503, "out_of_memory")
    assert int(response.headers["Retry-After"]) > 0


def test_one_log_line_a_request_without_anything_of_the_photo(
    client: FlaskClient, astronaut: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        client.post("/analyze", json={"image": b64(astronaut), "filename": "private-name.jpg"})
        client.get("/private-path?private-query")
    analyzed, lost = [record.getMessage() for record in caplog.records if record.name == "faceattr.access"]
    assert "client=127.0.0.1 method=POST route=/analyze status=200 code=-" in analyzed
    assert re.search(r" faces=1 confidence=(0\.[6-9]|1\.0)\d\d", analyzed)
    assert "route=- status=404 code=not_found" in lost
    assert "private" not in caplog.text
    assert b64(astronaut)[:40] not in caplog.text


def test_nothing_of_a_photo_touches_the_disk(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a temporary file was made")

    for name in ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refuse)
        monkeypatch.setattr(f"werkzeug.formparser.{name}", refuse, raising=False)
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1600, 3), np.uint8)
    photo = encoded(noise)
    assert len(photo) > 2**20
    # Written out by hand: the test client would itself put a form of this size into a temporary file.
    for disposition, content in (('name="image"; filename="a.jpg"', photo), ('name="image"', b64(photo).encode())):
        head = f"--x\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode()
        body = head + content + b"\r\n--x--\r\n"
        response = client.post("/analyze?annotate=none", data=body, content_type="multipart/form-data; boundary=x")
        assert response.status_code == 200


def test_a_config_may_be_a_mapping(analyzer: FaceAnalyzer) -> None:
    app = create_app({"max_body_bytes": 2048}, analyzer=analyzer)
    assert isinstance(app, Flask)
    assert app.test_client().post("/analyze", data=bytes(4096), content_type=JSON).status_code == 413


def test_a_large_blank_photo_is_answered(client: FlaskClient) -> None:
    response = client.post("/analyze?annotate=none", data=blank_png(7000, 7000), content_type="image/png")
    assert response.get_json()["image"] == {"width": 7000, "height": 7000, "rotation": 0}
    assert cv2.getNumThreads() >= 1


@pytest.mark.parametrize("filename", ["", '; filename="a.jpg"'])
def test_a_multipart_part_without_a_name_is_refused(client: FlaskClient, filename: str) -> None:
    body = f"--b\r\nContent-Disposition: form-data{filename}\r\n\r\nx\r\n--b--\r\n"
    response = client.post("/analyze", data=body, content_type="multipart/form-data; boundary=b")
    assert response.status_code == 400
    assert json.loads(response.data)["code"] == "bad_request"


def test_a_member_that_is_there_twice_is_refused(client: FlaskClient) -> None:
    response = client.post(
        "/analyze", data=b'{"image": "AAAA", "max_faces": 3, "max_faces": 1}', content_type="application/json"
    )
    assert response.status_code == 400
    assert response.get_json()["error"] == "Field 'max_faces' is given 2 times."
