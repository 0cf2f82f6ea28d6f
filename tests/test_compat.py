"""The drop-ins: called as the documentation of the other services says, and answered in their shapes."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from faceattr.analyzer import FaceAnalyzer
from faceattr.errors import EngineError, SettingsError
from faceattr.settings import Settings
from faceattr.web.app import create_app
from tests.conftest import BUILT_IN
from tests.photo_bytes import encoded, flat

BLANK = encoded(flat(64, 48))
DETECT = "/compreface/api/v1/detection/detect"


@pytest.fixture
def client(analyzer: FaceAnalyzer) -> FlaskClient:
    settings = Settings(models=str(BUILT_IN), compat="compreface, deepface", slots=2)
    return create_app(settings, analyzer=analyzer).test_client()


def b64(photo: bytes) -> str:
    return base64.b64encode(photo).decode()


def upload(photo: bytes, field: str = "file") -> dict[str, Any]:
    return {"data": {field: (io.BytesIO(photo), "photo.jpg")}, "headers": {"x-api-key": "of the other service"}}


@pytest.mark.parametrize("path", [DETECT, "/deepface/analyze"])
def test_drop_ins_are_off_unless_named(analyzer: FaceAnalyzer, path: str) -> None:
    client = create_app(Settings(models=str(BUILT_IN)), analyzer=analyzer).test_client()
    assert client.post(path, **upload(BLANK)).status_code == 404


def test_an_unknown_drop_in_is_refused_by_name(analyzer: FaceAnalyzer) -> None:
    with pytest.raises(SettingsError, match="There is no --compat 'rekognition'. Known names: compreface, deepface"):
        create_app(Settings(models=str(BUILT_IN), compat="deepface,rekognition"), analyzer=analyzer)


def test_compreface_detects_as_documented(client: FlaskClient, astronaut: bytes) -> None:
    query = {"limit": 0, "det_prob_threshold": 0.8, "face_plugins": "age,gender,landmarks", "status": "true"}
    response = client.post(DETECT, query_string=query, **upload(astronaut))
    assert response.status_code == 200, response.text
    body = response.get_json()
    (face,) = body["result"]
    assert set(face) == {"age", "gender", "box", "execution_time"}
    assert set(face["age"]) == {"probability", "high", "low"}
    assert face["gender"]["value"] == "female"
    assert 0.5 < face["gender"]["probability"] <= 1
    assert set(face["box"]) == {"probability", "x_max", "y_max", "x_min", "y_min"}
    assert set(face["execution_time"]) == {"age", "gender", "detector"}
    assert set(body["plugins_versions"]) == {"age", "gender", "detector"}
    own = client.post("/analyze?annotate=none", data=astronaut, content_type="image/jpeg").get_json()["faces"][0]
    for name in ("x_min", "y_min", "x_max", "y_max"):
        assert face["box"][name] == own["box"][name]
    assert (face["age"]["low"], face["age"]["high"]) == (own["age"]["low"], own["age"]["high"])


def test_compreface_says_only_what_was_asked_for(client: FlaskClient, astronaut: bytes) -> None:
    response = client.post(DETECT, json={"file": b64(astronaut)})
    assert [list(face) for face in response.get_json()["result"]] == [["box"]]
    response = client.post(f"{DETECT}?face_plugins=gender&limit=1", json={"file": b64(astronaut)})
    assert [list(face) for face in response.get_json()["result"]] == [["gender", "box"]]


def test_a_photo_without_a_face_is_compreface_s_error_28(client: FlaskClient) -> None:
    response = client.post(f"{DETECT}?face_plugins=age,gender", **upload(BLANK))
    assert response.status_code == 400
    assert response.get_json() == {"message": "No face is found in the given image", "code": 28}


@pytest.mark.parametrize(
    ("query", "asked", "status", "code", "cause"),
    [
        ("", {"data": {}, "content_type": "multipart/form-data"}, 400, 26, "'file' is not present"),
        ("", {"json": {"image": "x"}}, 400, 26, "'file' is not present"),
        ("", upload(b"%PDF-1.7"), 415, 21, "PDF"),
        ("limit=many", upload(BLANK), 400, 26, "must be numbers"),
        ("limit=-1", upload(BLANK), 400, 26, "0, for all faces"),
        ("det_prob_threshold=2", upload(BLANK), 400, 26, "from 0 to 1"),
        ("status=maybe", upload(BLANK), 400, 26, "true or false"),
        ("threshold=1", upload(BLANK), 400, 26, "Unknown parameter 'threshold'"),
    ],
)
def test_errors_have_compreface_s_shape(
    client: FlaskClient, query: str, asked: dict[str, Any], status: int, code: int, cause: str
) -> None:
    response = client.post(f"{DETECT}?{query}", **asked)
    body = response.get_json()
    assert (response.status_code, body["code"], set(body)) == (status, code, {"message", "code"})
    assert cause in body["message"]


@pytest.mark.parametrize(
    "asked",
    [
        lambda photo: {"json": {"img": f"data:image/jpeg;base64,{b64(photo)}", "actions": ["age", "gender"]}},
        lambda photo: {"json": {"img_path": b64(photo), "detector_backend": "retinaface", "align": True}},
        lambda photo: upload(photo, "img"),
        lambda photo: {
            "data": {"img": b64(photo), "actions": "['age', 'gender']"},
            "content_type": "multipart/form-data",
        },
    ],
    ids=["data URI", "base64", "file", "form"],
)
def test_deepface_analyzes_as_documented(client: FlaskClient, astronaut: bytes, asked: Any) -> None:
    response = client.post("/deepface/analyze", **asked(astronaut))
    assert response.status_code == 200, response.text
    (face,) = response.get_json()["results"]
    assert set(face) == {"age", "region", "face_confidence", "gender", "dominant_gender"}
    assert type(face["age"]) is int
    assert set(face["region"]) == {"x", "y", "w", "h", "left_eye", "right_eye"}
    assert 60 < face["region"]["w"] < 200
    assert sum(face["gender"].values()) == pytest.approx(100)
    assert face["dominant_gender"] == "Woman"
    assert face["gender"]["Woman"] > face["gender"]["Man"]
    assert 0.9 < face["face_confidence"] <= 1


def test_deepface_says_only_what_was_asked_for(client: FlaskClient, astronaut: bytes) -> None:
    response = client.post("/deepface/analyze", json={"img": b64(astronaut), "actions": ["age"]})
    assert set(response.get_json()["results"][0]) == {"age", "region", "face_confidence"}


def test_a_photo_without_a_face_is_deepface_s_error_unless_detection_is_not_enforced(client: FlaskClient) -> None:
    response = client.post("/deepface/analyze", json={"img": b64(BLANK)})
    assert response.status_code == 400
    assert "Face could not be detected" in response.get_json()["error"]
    response = client.post("/deepface/analyze", json={"img": b64(BLANK), "enforce_detection": False})
    assert (response.status_code, response.get_json()) == (200, {"results": []})


@pytest.mark.parametrize("field", ["img", "img_path"])
@pytest.mark.parametrize("where", ["{file}", "file://{file}", "http://127.0.0.1/photo.jpg", "photo"])
def test_deepface_never_opens_a_path_or_an_address(
    client: FlaskClient, tmp_path: Path, astronaut: bytes, field: str, where: str
) -> None:
    (tmp_path / "photo").write_bytes(astronaut)
    response = client.post("/deepface/analyze", json={field: where.format(file=tmp_path / "photo.jpg")})
    assert response.status_code == 400
    assert "paths and addresses are not followed" in response.get_json()["error"]


@pytest.mark.parametrize(
    ("asked", "status", "cause"),
    [
        ({"json": {}}, 400, "'img' not found"),
        ({"json": []}, 400, "must be an object"),
        ({"json": {"img": 5}}, 400, "'img' not found"),
        ({"json": {"img": b64(BLANK), "actions": ["age", "race"]}}, 400, "Invalid action passed ('race')"),
        ({"json": {"img": b64(BLANK), "actions": [5]}}, 400, "'actions' must be a list"),
        ({"json": {"img": b64(b"%PDF-1.7")}}, 415, "PDF"),
        ({"data": b"x", "content_type": "text/plain"}, 415, "application/json"),
    ],
)
def test_errors_have_deepface_s_shape(client: FlaskClient, asked: dict[str, Any], status: int, cause: str) -> None:
    response = client.post("/deepface/analyze", **asked)
    assert (response.status_code, list(response.get_json())) == (status, ["error"])
    assert cause in response.get_json()["error"]


@pytest.mark.parametrize("path", [DETECT, "/deepface/analyze"])
def test_an_unexpected_failure_tells_the_log_and_not_the_client(
    analyzer: FaceAnalyzer, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing:
        models, engine, slots = analyzer.models, analyzer.engine, analyzer.slots

        def analyze(self, *_: object, **__: object) -> None:
            raise EngineError("secret detail")

    settings = Settings(models=str(BUILT_IN), compat="compreface,deepface")
    client = create_app(settings, analyzer=Failing()).test_client()  # type: ignore[arg-type]
    response = client.post(path, json={"file": b64(BLANK), "img": b64(BLANK)})
    assert response.status_code == 500
    assert "secret" not in response.text
    assert "secret detail" in caplog.text


def test_a_drop_in_asks_for_the_service_s_own_tokens(analyzer: FaceAnalyzer, tmp_path: Path, astronaut: bytes) -> None:
    token = "a-token-of-some-length-1"
    file = tmp_path / "tokens"
    file.write_text(f"someone:{token}\n")
    file.chmod(0o600)
    settings = Settings(models=str(BUILT_IN), compat="compreface", token_file=str(file))
    client = create_app(settings, analyzer=analyzer).test_client()
    stranger = client.post(DETECT, **upload(astronaut))
    assert stranger.status_code == 401
    assert set(stranger.get_json()) == {"message", "code"}
    known = client.post(DETECT, data={"file": (io.BytesIO(astronaut), "a")}, headers={"x-api-key": token})
    assert known.status_code == 200


@pytest.mark.parametrize(
    ("path", "asked", "field"),
    [
        (DETECT, {"file": "!!"}, "'file'"),
        (f"{DETECT}?det_prob_threshold=2", {"file": "AAAA"}, "det_prob_threshold"),
        ("/deepface/analyze", {"img": "!!"}, "'img'"),
        ("/deepface/analyze", {"img_path": "/etc/passwd"}, "'img_path'"),
    ],
)
def test_a_mistake_is_told_by_the_name_that_the_client_has_used(
    client: FlaskClient, path: str, asked: dict[str, str], field: str
) -> None:
    said = client.post(path, json=asked).get_json()
    text = said.get("message") or said["error"]
    assert field in text
    assert "image'" not in text
    assert "min_confidence" not in text


def test_a_request_too_many_is_told_in_the_service_s_shape(analyzer: FaceAnalyzer, astronaut: bytes) -> None:
    pytest.importorskip("flask_limiter", reason="Flask-Limiter is not installed")
    settings = Settings(models=str(BUILT_IN), compat="compreface, deepface", slots=2, rate_limit="1/hour")
    client = create_app(settings, analyzer=analyzer).test_client()
    assert client.post(DETECT, **upload(astronaut)).status_code == 200
    for path, members in ((DETECT, {"message", "code"}), ("/deepface/analyze", {"error"})):
        refused = client.post(path, json={"img": b64(astronaut)})
        assert refused.status_code == 429
        assert set(refused.get_json()) == members
        assert "At most 1/hour is allowed" in refused.get_data(as_text=True)
        assert int(refused.headers["Retry-After"]) > 60
    assert client.get("/health").get_json()["code"] == "rate_limited"
