"""The OpenAPI document against the application: routes, options, limits, codes, and real answers of each route."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from faceattr.analyzer import FaceAnalyzer
from faceattr.errors import OutOfMemory
from faceattr.options import Options
from faceattr.settings import Settings
from faceattr.web.app import create_app
from faceattr.web.openapi.components import MEANINGS
from faceattr.web.openapi.document import routes
from faceattr.web.problems import PROBLEMS
from tests.conftest import BUILT_IN
from tests.openapi_answers import codes_of, described, hold, resolved
from tests.photo_bytes import blank_png

TOKEN = "Zq7-kiosk-4f9d1c77e2"
WORLDS: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "guarded": {"token_file": True},
    "with drop-ins": {"compat": "compreface,deepface"},
}
ELSEWHERE = {"not_found", "method_not_allowed"}
"""Codes of addresses and methods that are none of the service's."""

MakeApp = Callable[..., Flask]


@pytest.fixture
def make_app(analyzer: FaceAnalyzer, tmp_path: Path) -> MakeApp:
    def make(world: str = "plain", **settings: Any) -> Flask:
        settings = {**WORLDS[world], **settings}
        if settings.get("token_file"):
            path = tmp_path / "tokens"
            path.write_text(f"kiosk:{TOKEN}\n")
            path.chmod(0o600)
            settings["token_file"] = str(path)
        return create_app(Settings(models=str(BUILT_IN), slots=2, **settings), analyzer=analyzer)

    return make


@pytest.fixture
def document(client: FlaskClient) -> Any:
    return client.get("/openapi.json").get_json()


def document_of(app: Flask) -> Any:
    return app.test_client().get("/openapi.json", headers={"X-API-Key": TOKEN}).get_json()


@pytest.mark.parametrize("world", WORLDS)
def test_every_route_is_described_and_nothing_else(make_app: MakeApp, world: str) -> None:
    app = make_app(world)
    assert set(described(document_of(app))) == set(routes(app))


@pytest.mark.parametrize("world", WORLDS)
def test_the_document_is_openapi_and_its_schemas_are_schemas(make_app: MakeApp, world: str) -> None:
    document = document_of(make_app(world))
    assert document["openapi"] == "3.1.0"
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(resolved(document, schema))
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(set(names)) == len(names)
    validator = pytest.importorskip("openapi_spec_validator", reason="pip install -r requirements-dev.txt")
    validator.validate(document)


def test_every_option_is_described_in_the_body_and_in_the_address(document: Any) -> None:
    names = {*Options.names(), "annotate", "model"}
    assert set(MEANINGS) == set(Options.names())
    schemas = document["components"]["schemas"]
    assert set(schemas["PhotoRequest"]["properties"]) == {*names, "image", "filename"}
    assert set(schemas["BatchPhoto"]["properties"]) == {*names, "image", "filename"}
    assert set(schemas["BatchRequest"]["properties"]) == {*names, "images"}
    assert {parameter["name"] for parameter in document["paths"]["/analyze"]["post"]["parameters"]} == names


def test_an_option_is_taken_within_the_range_that_is_described_and_not_beyond(
    document: Any, client: FlaskClient
) -> None:
    image = base64.b64encode(blank_png(32, 32)).decode()
    for name, schema in document["components"]["schemas"]["PhotoRequest"]["properties"].items():
        fit: list[Any] = [None, *(schema[end] for end in ("minimum", "maximum", "default") if end in schema)]
        fit += schema.get("enum", [])
        unfit = [schema["minimum"] - 1, schema["maximum"] + 1] if "minimum" in schema else [[], "no such word", 7]
        if name in ("image", "filename"):
            continue
        for value in fit:
            response = client.post("/analyze", json={"image": image, name: value})
            assert response.status_code == 200, (name, value, response.text)
        for value in unfit:
            response = client.post("/analyze", json={"image": image, name: value})
            assert response.get_json()["code"] == "bad_request", (name, value)


def test_every_code_belongs_to_an_operation_or_to_none(document: Any) -> None:
    found = set()
    for method, path in described(document):
        found |= codes_of(document["paths"][path][method.lower()])
    assert found | ELSEWHERE == set(PROBLEMS)
    assert document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] == list(PROBLEMS)


def test_limits_are_those_of_the_settings(make_app: MakeApp) -> None:
    document = document_of(make_app(max_image_bytes=1_234_567, max_pixels=7_654_321, max_batch_images=3))
    image = document["components"]["schemas"]["PhotoRequest"]["properties"]["image"]["description"]
    assert "1,234,567 bytes" in image
    assert "7,654,321 pixels" in image
    assert document["components"]["schemas"]["BatchRequest"]["properties"]["images"]["maxItems"] == 3


def test_security_is_what_the_door_asks_for(make_app: MakeApp) -> None:
    assert document_of(make_app())["security"] == []
    app = make_app("guarded")
    document, client = document_of(app), app.test_client()
    assert document["security"] == [{"bearer": []}, {"key": []}, {"session": []}]
    for method, path in described(document):
        operation = document["paths"][path][method.lower()]
        response = client.open(path, method=method)
        is_open = operation.get("security") == [] or path == "/session"
        assert (response.status_code == 401) != is_open or (method, path) == ("POST", "/session"), path


def test_the_document_is_behind_the_same_door(make_app: MakeApp) -> None:
    client = make_app("guarded").test_client()
    for path in ("/openapi.json", "/docs"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


# Answers


def b64(photo: bytes) -> str:
    return base64.b64encode(photo).decode()


@pytest.mark.parametrize(
    "path", ["/", "/health", "/healthz", "/readyz", "/models", "/openapi.json", "/docs", "/metrics"]
)
def test_what_can_be_read_is_as_described(client: FlaskClient, document: Any, path: str) -> None:
    if path == "/metrics":
        pytest.importorskip("prometheus_client")
    response = client.get(path)
    assert response.status_code == 200
    hold(document, "GET", path, response)


@pytest.mark.parametrize(
    "options",
    [{}, {"annotate": "none"}, {"annotate": "jpeg", "distribution": True, "tta": True}],
)
def test_an_analysis_is_as_described(client: FlaskClient, document: Any, astronaut: bytes, options: Any) -> None:
    response = client.post("/analyze", json={"image": b64(astronaut), **options})
    assert response.get_json()["faces"]
    hold(document, "POST", "/analyze", response)
    query = {name: str(value).lower() for name, value in options.items()}
    hold(
        document,
        "POST",
        "/analyze",
        client.post("/analyze", data=astronaut, query_string=query, content_type="image/*"),
    )


def test_a_batch_is_as_described(client: FlaskClient, document: Any, astronaut: bytes) -> None:
    images = [{"image": b64(astronaut), "annotate": "png"}, {"image": "!"}, 7, {"image": b64(b"text")}]
    response = client.post("/analyze/batch", json={"images": images, "distribution": True})
    assert [result["status"] for result in response.get_json()["results"]] == [200, 400, 400, 415]
    hold(document, "POST", "/analyze/batch", response)


REFUSED: Mapping[str, Callable[[FlaskClient, bytes], TestResponse]] = {
    "bad_json": lambda client, _: client.post("/analyze", data=b"{", content_type="application/json"),
    "bad_request": lambda client, _: client.post("/analyze", json={}),
    "bad_base64": lambda client, _: client.post("/analyze", json={"image": "!"}),
    "empty_image": lambda client, _: client.post("/analyze", json={"image": ""}),
    "bad_host": lambda client, _: client.post("/analyze", headers={"Host": "evil.example"}),
    "bad_origin": lambda client, _: client.post("/analyze", headers={"Origin": "http://evil.example"}),
    "body_too_large": lambda client, _: client.post("/analyze", data=bytes(2**24 + 1), content_type="image/png"),
    "unsupported_media_type": lambda client, _: client.post("/analyze", data=b"x", content_type="text/plain"),
    "unsupported_image": lambda client, _: client.post("/analyze", data=b"x", content_type="image/png"),
    "truncated_image": lambda client, photo: client.post("/analyze", data=photo[:9000], content_type="image/jpeg"),
    "bad_dimensions": lambda client, _: client.post("/analyze", data=blank_png(4, 4), content_type="image/png"),
}


@pytest.mark.parametrize("code", REFUSED)
def test_a_refusal_is_as_described(client: FlaskClient, document: Any, astronaut: bytes, code: str) -> None:
    response = REFUSED[code](client, astronaut)
    assert json.loads(response.data)["code"] == code
    hold(document, "POST", "/analyze", response)


def test_a_refusal_for_lack_of_room_says_when_to_come_again(
    client: FlaskClient, document: Any, astronaut: bytes, analyzer: FaceAnalyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: Any, **__: Any) -> None:
        raise OutOfMemory("no memory")

    monkeypatch.setattr(FaceAnalyzer, "analyze", exhausted)
    response = client.post("/analyze", data=astronaut, content_type="image/jpeg")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    hold(document, "POST", "/analyze", response)


def test_the_session_is_as_described(make_app: MakeApp) -> None:
    app = make_app("guarded")
    document, client = document_of(app), app.test_client()
    hold(document, "GET", "/session", client.get("/session"))
    for token, status in ((TOKEN, 303), ("wrong", 401)):
        response = client.post("/session", data={"token": token})
        assert response.status_code == status
        hold(document, "POST", "/session", response)
    assert client.get_cookie(document["components"]["securitySchemes"]["session"]["name"]) is not None


def test_drop_ins_are_as_described(make_app: MakeApp, astronaut: bytes) -> None:
    app = make_app("with drop-ins")
    document, client = document_of(app), app.test_client()
    path = "/compreface/api/v1/detection/detect"
    for query in ("", "?face_plugins=age,gender&status=true&limit=1&det_prob_threshold=0.5"):
        response = client.post(path + query, data={"file": (io.BytesIO(astronaut), "a.jpg")})
        assert response.status_code == 200, response.text
        hold(document, "POST", path, response)
    for actions in (["age"], ["age", "gender"]):
        response = client.post("/deepface/analyze", json={"img": b64(astronaut), "actions": actions})
        assert response.status_code == 200, response.text
        hold(document, "POST", "/deepface/analyze", response)
    for refused in (path, "/deepface/analyze"):
        response = client.post(refused, json={})
        assert response.status_code == 400
        hold(document, "POST", refused, response)


def test_an_answer_that_is_not_as_described_is_noticed(client: FlaskClient, document: Any) -> None:
    response = client.get("/health")
    hold(document, "GET", "/health", response)
    response.data = json.dumps({**response.get_json(), "more": 1})
    with pytest.raises(jsonschema.ValidationError, match="more"):
        hold(document, "GET", "/health", response)
