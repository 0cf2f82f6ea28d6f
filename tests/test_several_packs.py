"""Several packs in one service: how they are named, asked for, listed and chosen."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from faceattr.analyzer import FaceAnalyzer
from faceattr.errors import PackError, SettingsError
from faceattr.loader import load_directory
from faceattr.packs import joined, load_pack, named_directories, only_directory
from faceattr.settings import Settings
from faceattr.web.app import create_app
from faceattr.web.current import load_analyzers
from tests.conftest import BUILT_IN
from tests.flipped_packs import BUILT_IN_NAME, write_manifest


def state_accuracy(manifest: Path, figures: str) -> None:
    """Puts these figures in the place of the built-in pack's."""
    before, _, after = manifest.read_text().partition("[accuracy]")
    manifest.write_text(f"{before}[accuracy]\n{figures}\n\n[{after.partition('[')[2]}")


@pytest.fixture(scope="module")
def both(analyzer: FaceAnalyzer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, FaceAnalyzer]:
    directory = tmp_path_factory.mktemp("packs") / "flipped"
    directory.mkdir()
    for file in BUILT_IN.iterdir():
        (directory / file.name).symlink_to(file)
    (directory / "pack.toml").unlink()
    write_manifest(directory, "flipped", flipped=True)
    manifest = directory / "pack.toml"
    state_accuracy(manifest, "age_mae_years = 4.9\nfaces = 1200")
    flipped = analyzer.with_models(load_directory(directory, analyzer.engine))
    return {"first": analyzer, "second": flipped}


@pytest.fixture
def client(both: dict[str, FaceAnalyzer], settings: Settings) -> FlaskClient:
    return create_app(settings, analyzers=both).test_client()


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ("", {"": ""}),
        ("/srv/models", {"": "/srv/models"}),
        ("/srv/a=b", {"": "/srv/a=b"}),
        ("/srv/a:b", {"": "/srv/a:b"}),
        ("./a=b", {"": "./a=b"}),
        ("fast=/srv/a", {"fast": "/srv/a"}),
        ("fast=/srv/a:fine=b/c", {"fast": "/srv/a", "fine": "b/c"}),
        ("fast=/srv/a:1:fine=/srv/x=y", {"fast": "/srv/a:1", "fine": "/srv/x=y"}),
    ],
)
def test_packs_are_named_in_one_setting(models: str, expected: dict[str, str]) -> None:
    directories = named_directories(models)
    assert directories == expected
    assert list(directories) == list(expected)


@pytest.mark.parametrize(
    ("models", "cause"),
    [("fast=", "'fast' has no directory"), ("a=/x:a=/y", "Two packs have the name 'a'"), ("a=/x:b=", "'b' has no")],
)
def test_wrong_names_are_refused(models: str, cause: str) -> None:
    with pytest.raises(SettingsError, match=cause):
        named_directories(models)


def test_several_flags_need_names() -> None:
    assert joined(["/srv/models"]) == "/srv/models"
    assert named_directories(joined(["a=/x", "b=/y"])) == {"a": "/x", "b": "/y"}
    with pytest.raises(SettingsError, match="Several packs need names: --models NAME=DIR each, not '/y'"):
        joined(["a=/x", "/y"])


def test_what_takes_one_pack_refuses_several() -> None:
    assert [only_directory(models) for models in ("", "/x", "a=/x")] == ["", "/x", "/x"]
    with pytest.raises(SettingsError, match=r"several packs \(a, b\); give one"):
        FaceAnalyzer.from_settings(Settings(models="a=/x:b=/y"))


def test_all_packs_share_engine_and_slots(pack: Path) -> None:
    settings = Settings(models=f"own={BUILT_IN}:copy={pack}", slots=1)
    analyzers = load_analyzers(settings)
    assert list(analyzers) == ["own", "copy"]
    own, copy = analyzers.values()
    assert own.slots is copy.slots
    assert own.engine is copy.engine
    assert own.models is not copy.models


def test_one_broken_pack_of_several_is_refused_by_name(pack: Path) -> None:
    (pack / "age_net.caffemodel").unlink()
    with pytest.raises(PackError, match=r"age_net\.caffemodel is missing"):
        load_analyzers(Settings(models=f"own={BUILT_IN}:copy={pack}", slots=1))


@pytest.mark.parametrize(
    ("model", "gender"), [(None, "Female"), ("first", "Female"), ("second", "Male")], ids=["default", "first", "second"]
)
def test_a_request_is_answered_by_the_pack_that_it_names(
    client: FlaskClient, astronaut: bytes, model: str | None, gender: str
) -> None:
    wanted = {} if model is None else {"model": model}
    image = base64.b64encode(astronaut).decode()
    as_json = client.post("/analyze", json={"image": image, "annotate": "none", **wanted})
    bare = client.post(
        "/analyze", query_string={"annotate": "none", **wanted}, data=astronaut, content_type="image/jpeg"
    )
    for response in (as_json, bare):
        body = response.get_json()
        assert body["faces"][0]["gender"]["value"] == gender
        assert body["model"]["pack"] == {"Female": BUILT_IN_NAME, "Male": "flipped"}[gender]


@pytest.mark.parametrize(
    ("model", "cause"),
    [
        ("third", "There is no model 'third'. Models here: first, second."),
        ("", "There is no model ''"),
        ("x" * 1000, "There is no model of 1000 characters"),
        (["first"], "'model' must be a string"),
    ],
)
def test_an_unknown_pack_is_a_bad_request_that_names_the_known(client: FlaskClient, model: object, cause: str) -> None:
    response = client.post("/analyze", json={"image": "AAAA", "model": model})
    body = response.get_json(force=True)
    assert (response.status_code, body["code"]) == (400, "bad_request")
    assert cause in body["detail"]


def test_the_packs_are_listed_with_what_is_known_of_them(client: FlaskClient, both: dict[str, FaceAnalyzer]) -> None:
    first, second = client.get("/models").get_json()["models"]
    assert list(first) == [
        "name", "default", "pack", "version", "licence", "digest", "sha256", "engine", "accuracy"
    ]  # fmt: skip
    assert [(row["name"], row["default"], row["pack"]) for row in (first, second)] == [
        ("first", True, BUILT_IN_NAME),
        ("second", False, "flipped"),
    ]
    assert first["sha256"] == dict(load_pack(BUILT_IN).sha256)
    assert first["digest"] == both["first"].models.digest
    assert "research" in first["licence"]
    assert first["accuracy"]["age_mae_years"] == pytest.approx(4.7, abs=0.3)
    assert second["accuracy"] == {"age_mae_years": 4.9, "faces": 1200.0}


def test_a_single_pack_goes_by_its_own_name(settings: Settings, analyzer: FaceAnalyzer) -> None:
    client = create_app(settings, analyzer=analyzer).test_client()
    (only,) = client.get("/models").get_json()["models"]
    assert (only["name"], only["default"]) == (BUILT_IN_NAME, True)
    assert client.post("/analyze", json={"image": "AAAA", "model": BUILT_IN_NAME}).status_code == 415
    assert 'id="pack"' not in client.get("/").text


@pytest.mark.parametrize("accuracy", ['age = "4.9"', "age = true", "age = {}", "age = inf"])
def test_accuracy_that_is_no_number_is_refused(pack: Path, accuracy: str) -> None:
    state_accuracy(pack / "pack.toml", accuracy)
    with pytest.raises(PackError, match=r"\[accuracy\] age must be a number"):
        load_pack(pack)


@pytest.mark.parametrize(("language", "label"), [("en", "Model"), ("zh", "模型")])
def test_the_page_has_a_choice_when_there_are_several(client: FlaskClient, language: str, label: str) -> None:
    html = client.get("/", headers={"Accept-Language": language}).text
    choice = re.search(r'<label for="pack">(\S+)</label> <select id="pack">(.*?)</select>', html)
    assert choice
    assert choice[1] == label
    assert re.findall(r"<option>(\w+)</option>", choice[2]) == ["first", "second"]
