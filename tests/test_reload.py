"""Packs that change on the disk while the service answers."""

from __future__ import annotations

import gc
import json
import shutil
import signal
import threading
import weakref
from collections import Counter
from pathlib import Path

import pytest
from flask import Flask

from faceattr.analyzer import FaceAnalyzer
from faceattr.loader import load_directory
from faceattr.settings import Settings
from faceattr.web import reload
from faceattr.web.app import RELOADER, create_app
from faceattr.web.current import Current, load_analyzers
from faceattr.web.reload import Reloader
from tests.conftest import BUILT_IN
from tests.flipped_packs import BUILT_IN_NAME, write_manifest
from tests.running import PATIENCE_S, photo_request, running, until
from tests.services import start, stop

FOUND = {BUILT_IN_NAME: "Female", "flipped": "Male"}
"""What each pack sees in the astronaut."""


@pytest.fixture
def outcomes() -> list[tuple[str, str]]:
    return []


def current_of(analyzer: FaceAnalyzer, *packs: Path) -> Current:
    return Current({path.name: analyzer.with_models(load_directory(path, analyzer.engine)) for path in packs})


def reloader(current: Current, outcomes: list[tuple[str, str]]) -> Reloader:
    return Reloader(current, lambda name, outcome: outcomes.append((name, outcome)))


def test_only_packs_that_have_changed_are_swapped(
    analyzer: FaceAnalyzer,
    pack: Path,
    tmp_path: Path,
    outcomes: list[tuple[str, str]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = shutil.copytree(pack, tmp_path / "other")
    current = current_of(analyzer, pack, other)
    before = dict(current.by_name)
    write_manifest(other, "flipped", flipped=True)
    with caplog.at_level("INFO", "faceattr"):
        reloader(current, outcomes).reload()
    assert outcomes == [("pack", "unchanged"), ("other", "swapped")]
    assert current.by_name["pack"] is before["pack"]
    after = current.by_name["other"]
    assert (after.models.pack.name, after.slots, after.engine) == ("flipped", analyzer.slots, analyzer.engine)
    assert "pack other swapped: flipped " in caplog.text
    assert f"in place of {BUILT_IN_NAME} " in caplog.text


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda pack: (pack / "age_net.caffemodel").write_bytes(b"version https://git-lfs"), "age_net.caffemodel"),
        (lambda pack: (pack / "pack.toml").write_text("[pack"), "not valid TOML"),
        (shutil.rmtree, "There is no model directory"),
    ],
    ids=["weights", "manifest", "gone"],
)
def test_a_broken_pack_does_not_take_the_place_of_a_sound_one(
    analyzer: FaceAnalyzer,
    pack: Path,
    outcomes: list[tuple[str, str]],
    caplog: pytest.LogCaptureFixture,
    spoil: object,
    cause: str,
) -> None:
    current = current_of(analyzer, pack)
    before = current.analyzer
    spoil(pack)  # type: ignore[operator]
    reloader(current, outcomes).reload()
    assert current.analyzer is before
    assert outcomes == [("pack", "kept")]
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.getMessage().startswith("pack pack stays as it was: ")
    assert cause in record.getMessage()


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("unforeseen")])
def test_nothing_that_goes_wrong_in_loading_ends_the_old_pack(
    analyzer: FaceAnalyzer,
    pack: Path,
    outcomes: list[tuple[str, str]],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def fail(*_: object) -> None:
        raise error

    current = current_of(analyzer, pack)
    monkeypatch.setattr(reload, "load_changed", fail)
    reloader(current, outcomes).reload()
    assert outcomes == [("pack", "kept")]
    assert "pack pack stays as it was" in caplog.text


def test_requests_to_look_again_are_served_one_after_the_other(
    analyzer: FaceAnalyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, looks, gate = Counter[str](), [], threading.Event()

    def look(*_: object) -> None:
        inside["now"] += 1
        looks.append(inside["now"])
        assert gate.wait(PATIENCE_S)
        inside["now"] -= 1

    monkeypatch.setattr(reload, "load_changed", look)
    outcomes: list[tuple[str, str]] = []
    looker = reloader(Current({"a": analyzer}), outcomes)
    looker.request()
    until(lambda: len(looks) == 1)
    # While one look is at work, any number of requests make one more.
    for _ in range(5):
        looker.request()
    gate.set()
    until(lambda: len(outcomes) == 2)
    looker.request()
    until(lambda: len(outcomes) == 3)
    assert looks == [1, 1, 1]


def test_the_memory_of_a_pack_that_was_swapped_is_given_back(
    pack: Path, monkeypatch: pytest.MonkeyPatch, astronaut: bytes
) -> None:
    analyzers = load_analyzers(Settings(models=str(pack), slots=1))
    answering = analyzers[""]
    old, given = weakref.ref(answering), list[bool]()
    monkeypatch.setattr(reload, "give_back", lambda: given.append(old() is None))
    monkeypatch.setattr(reload, "_SETTLE_S", 0.0)
    app = create_app(Settings(models=str(pack), slots=1), analyzers=analyzers)
    del analyzers
    client = app.test_client()
    assert client.post("/analyze?annotate=none", data=astronaut, content_type="image/jpeg").status_code == 200
    write_manifest(pack, "flipped", flipped=True)
    app.extensions[RELOADER].reload()
    assert given == [False]
    # Its last request is answered: nothing else in the application holds it.
    del answering
    gc.collect()
    until(lambda: given == [False, True])


def test_what_came_of_it_is_counted(pack: Path) -> None:
    pytest.importorskip("prometheus_client")
    app = create_app(Settings(models=str(pack), slots=1))
    client = app.test_client()
    write_manifest(pack, "flipped", flipped=True)
    app.extensions[RELOADER].reload()
    app.extensions[RELOADER].reload()
    (pack / "pack.toml").write_text("")
    app.extensions[RELOADER].reload()
    text = client.get("/metrics").text
    for model, outcome in ((BUILT_IN_NAME, "swapped"), ("flipped", "unchanged"), ("flipped", "kept")):
        assert f'faceattr_pack_reloads_total{{model="{model}",outcome="{outcome}"}} 1.0' in text
    assert 'pack="flipped"' in next(line for line in text.splitlines() if line.startswith("faceattr_build_info{"))
    assert client.get("/readyz").status_code == 200


def test_under_load_no_request_is_lost_and_none_sees_half_of_each_pack(pack: Path, astronaut: bytes) -> None:
    apps: list[Flask] = []
    seen: Counter[tuple[int, str, str]] = Counter()
    over = threading.Event()
    own = FaceAnalyzer.from_settings(Settings(models=str(pack), slots=2))
    with running(own, apps.append, slots=2, waiting=20, wait_seconds=60, threads=2) as service:

        def ask() -> None:
            client = service.connect()
            while not over.is_set():
                client.send(photo_request(astronaut, path="/analyze?annotate=none"))
                status, _, body = client.answer()
                seen[status, body["model"]["pack"], body["faces"][0]["gender"]["value"]] += 1

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for name in ("flipped", BUILT_IN_NAME, "flipped"):
                write_manifest(pack, name, flipped=name == "flipped")
                apps[0].extensions[RELOADER].reload()
                expected = (200, name, FOUND[name])
                before = seen[expected]
                until(lambda: seen[expected] >= before + 4)  # noqa: B023 - called at once
        finally:
            over.set()
            for thread in threads:
                thread.join(PATIENCE_S)
        assert not any(thread.is_alive() for thread in threads)
        assert set(seen) == {(200, name, gender) for name, gender in FOUND.items()}
        # Whoever asks now is answered by the last one.
        client = service.send(photo_request(astronaut, path="/analyze?annotate=none"))
        assert client.answer()[2]["model"]["pack"] == "flipped"


def test_sighup_swaps_a_changed_pack_and_keeps_the_old_one_for_a_broken_one(pack: Path) -> None:
    service = start("--models", f"own={pack}", "--models", f"other={BUILT_IN}")
    try:

        def packs() -> list[str]:
            models = json.loads(service.request("GET", "/models")[1])["models"]
            return [f"{model['name']}={model['pack']}" for model in models]

        assert packs() == [f"own={BUILT_IN_NAME}", f"other={BUILT_IN_NAME}"]
        write_manifest(pack, "flipped", flipped=True)
        service.process.send_signal(signal.SIGHUP)
        until(lambda: any("pack other has not changed" in line for line in service.log))
        assert packs() == ["own=flipped", f"other={BUILT_IN_NAME}"]
        (pack / "gender_net.prototxt").unlink()
        service.process.send_signal(signal.SIGHUP)
        until(lambda: any("pack own stays as it was" in line for line in service.log))
        assert packs() == ["own=flipped", f"other={BUILT_IN_NAME}"]
        assert service.request("GET", "/readyz")[0] == 200
        assert any("gender_net.prototxt is missing" in line for line in service.log)
    finally:
        assert stop(service) == 0
