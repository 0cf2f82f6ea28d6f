"""`python -m faceattr doctor`: what it finds here, and that what is wrong is said with a cause."""

from __future__ import annotations

import importlib.util
import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from faceattr.__main__ import main
from faceattr.analyzer import FaceAnalyzer
from faceattr.arguments import parser
from faceattr.doctor import examine, look_at_variables, machine, service, software
from faceattr.doctor.analysis import GOLDEN_BOX, judge, look_at_answer, look_at_speed, overlap
from faceattr.doctor.finding import Finding
from faceattr.processor import processor
from faceattr.settings import Settings
from faceattr.types import Age, Analysis, Box, Detection, Face, Gender, Quality
from tests.browser.harness import served
from tests.conftest import BUILT_IN
from tests.services import environment

CPUINFO = """processor\t: 0
model name\t: A fine processor
flags\t\t: fpu avx2 fma avx512f avx512_bf16
"""


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def test_nothing_is_wrong_here(capsys: pytest.CaptureFixture[str], free_port: int) -> None:
    assert main(["doctor", "--port", str(free_port)]) == 0
    out = capsys.readouterr().out
    assert "WRONG" not in out
    assert str(BUILT_IN) in out
    assert out.endswith("Nothing is wrong.\n")


def test_json_says_the_same(capsys: pytest.CaptureFixture[str], free_port: int) -> None:
    assert main(["doctor", "--json", "--port", str(free_port)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is True
    names = [finding["name"] for finding in document["findings"]]
    assert {"python", "flask", "processor", "cores", "memory", "engine", "models", "address", "access"} <= set(names)
    assert {finding["state"] for finding in document["findings"]} <= {"ok", "note"}


def spoil_weights(pack: Path) -> list[str]:
    (pack / "age_net.caffemodel").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    return ["--models", str(pack)]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("FACEATTR_TOKENFILE", "FACEATTR_TOKEN_FILE"), ("FACEATTR_RATELIMIT", "FACEATTR_RATE_LIMIT")],
)
def test_a_misspelt_variable_is_noted(name: str, meant: str) -> None:
    others = ("FACEATTR_PORT", "FACEATTR_VENV", "FACEATTR_TEST_PHOTOS", "FACEATTR_SERVICE_HOST", "PATH", "FACEATTR_")
    (finding,) = look_at_variables((*others, name))
    assert (finding.state, finding.found) == ("note", f"{name} is not read; {meant} may be meant")


WRONG: dict[str, tuple[Callable[[Path], list[str]], str, str]] = {
    "weights": (spoil_weights, "models", "age_net.caffemodel is a Git LFS pointer"),
    "no models": (lambda pack: ["--models", str(pack / "none")], "models", "There is no model directory"),
    "engine": (lambda _: ["--engine", "abacus"], "settings", "--engine must be one of auto, onnxruntime"),
    "port": (lambda _: ["--port", "70000"], "settings", "must be from 0 to 65535"),
    "open": (lambda _: ["--host", "0.0.0.0"], "access", "--token-file FILE"),
    "tokens": (lambda pack: ["--token-file", str(pack / "none")], "access", "Cannot read the token file"),
    "hosts": (lambda _: ["--allowed-hosts", "kiosk:80"], "access", "names without ports, not 'kiosk:80'"),
    "origins": (lambda _: ["--allowed-origins", "kiosk"], "access", "origins like https://example.org"),
    "rate": (
        lambda _: ["--rate-limit", "often"],
        "access",
        "must be like 60/minute" if find_spec("flask_limiter") else "needs Flask-Limiter",
    ),
    "PIN": (lambda pack: ["--kiosk-pin-file", str(pack / "pack.toml")], "kiosk", "must hold one line of 4 to 12"),
    "compat": (lambda _: ["--compat", "other"], "compat", "no --compat 'other'"),
    "debug": (lambda pack: ["--debug", str(pack / "pack.toml")], "writing", "not a writable directory"),
    "host": (lambda _: ["--host", "192.0.2.1", "--open"], "address", "192.0.2.1"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_with_its_cause(
    capsys: pytest.CaptureFixture[str], pack: Path, free_port: int, case: str
) -> None:
    flags, name, cause = WRONG[case]
    assert main(["doctor", "--json", "--port", str(free_port), *flags(pack)]) == 78
    document = json.loads(capsys.readouterr().out)
    wrong = {finding["name"]: finding["found"] for finding in document["findings"] if finding["state"] == "wrong"}
    assert list(wrong) == [name]
    assert cause in wrong[name]


def test_an_occupied_port_is_wrong_unless_it_is_the_service_itself(app: Flask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        port = listener.getsockname()[1]
        assert service.look_at_address(Settings(port=port)).state == "wrong"
    with served(app) as address:
        port = int(address.rstrip("/").rpartition(":")[2])
        finding = service.look_at_address(Settings(port=port))
    assert (finding.state, "already" in finding.found) == ("note", True)


def test_missing_libraries_are_wrong_when_needed_and_noted_when_useful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(software, "_version_of", lambda _: None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    findings = by_name(list(software.look_at_libraries()))
    assert findings["flask"] == Finding("flask", "wrong", "missing: pip install flask")
    assert findings["opencv"].found.endswith("opencv-python-headless")
    assert findings["prometheus-client"].state == "note"


@pytest.mark.parametrize("name", ["flask", "cv2", "waitress"])
def test_a_library_that_cannot_be_imported_is_found_and_ends_no_look(name: str, free_port: int) -> None:
    program = f"import sys; sys.modules[{name!r}] = None; from faceattr.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "doctor", "--port", str(free_port)]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False, timeout=60)
    assert (ran.returncode, ran.stderr) == (78, "")
    assert re.search(rf"WRONG  libraries +one that is installed cannot be used: .*{name}", ran.stdout)
    assert ran.stdout.endswith("1 thing is wrong.\n")


def test_what_serve_understands_the_doctor_understands_too() -> None:
    words, doctors = (vars(parser().parse_args([command])) for command in ("serve", "doctor"))
    assert set(words) < set(doctors)


def test_an_old_python_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 9))
    assert software.look_at_python().state == "wrong"


def test_the_processor_is_known_by_its_features(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text(CPUINFO)
    features = ("avx2", "fma", "avx512f", "avx512_bf16")
    assert processor(tmp_path / "cpuinfo") == ("A fine processor", features)
    assert processor(tmp_path / "none")[1] == ()


@pytest.mark.parametrize(
    ("content", "cores"), [("150000 100000\n", 1.5), ("max 100000\n", None), ("", None), ("1 0", None)]
)
def test_a_container_may_have_less_than_its_cores(tmp_path: Path, content: str, cores: float | None) -> None:
    (tmp_path / "cpu.max").write_text(content)
    assert machine.cores_allowed(tmp_path) == cores


@pytest.mark.parametrize(
    ("free", "allowed", "state"), [(2**30, None, "ok"), (2**30, 2**28, "note"), (2**20, None, "note")]
)
def test_little_memory_is_noted(monkeypatch: pytest.MonkeyPatch, free: int, allowed: int | None, state: str) -> None:
    monkeypatch.setattr(machine, "memory_free", lambda: free)
    monkeypatch.setattr(machine, "memory_allowed", lambda: allowed)
    assert by_name(list(machine.look_at_machine()))["memory"].state == state


def test_settings_from_the_environment_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACEATTR_SLOTS", "many")
    findings: Any = by_name(examine({}))
    assert findings["settings"].state == "wrong"
    assert "FACEATTR_SLOTS" in findings["settings"].found


def face(box: Box = GOLDEN_BOX, gender: str = "Female", years: float = 30.0) -> Face:
    detection = Detection(box, 1.0)
    age = Age(years, 20, 39, "(20-39)", 0.5, (20, 39), None)
    return Face(detection, Gender(gender, 0.9, {gender: 0.9}), age, Quality(90, 0.5, 0.5, False), False)


def analysis(*faces: Face) -> Analysis:
    return Analysis(faces, 288, 288, 0, "pack", "1", "engine", {}, None)


MOVED = Box(GOLDEN_BOX.x_min + 60, GOLDEN_BOX.y_min, GOLDEN_BOX.x_max + 60, GOLDEN_BOX.y_max)


@pytest.mark.parametrize(
    ("given", "built_in", "state", "said"),
    [
        (analysis(face()), True, "ok", "Female, 30 years"),
        (analysis(face(gender="Male")), True, "wrong", "Male, 30 years, for a photo of a woman who looks 22 to 45"),
        (analysis(face(years=70.0)), True, "wrong", "Female, 70 years"),
        (analysis(face(gender="Male")), False, "note", "Male, 30 years"),
        (analysis(), False, "wrong", "0 faces in a photo of one, 0 of them where it is"),
        (analysis(face(MOVED)), False, "wrong", "1 faces in a photo of one, 0 of them"),
        (analysis(face(), face(MOVED)), True, "wrong", "2 faces in a photo of one, 1 of them"),
    ],
)
def test_an_answer_to_the_known_photo_is_judged(given: Analysis, built_in: bool, state: str, said: str) -> None:
    judged, found = judge(given, built_in=built_in)
    assert (judged, found.startswith(said)) == (state, True), found


def test_the_built_in_pack_answers_the_known_photo_as_it_should(analyzer: FaceAnalyzer) -> None:
    assert look_at_answer("default", analyzer).state == "ok"


def test_a_pack_whose_labels_are_exchanged_is_seen_by_its_answer(
    capsys: pytest.CaptureFixture[str], pack: Path, free_port: int
) -> None:
    manifest = (pack / "pack.toml").read_text()
    assert '["Male", "Female"]' in manifest
    (pack / "pack.toml").write_text(manifest.replace('["Male", "Female"]', '["Female", "Male"]'))
    assert main(["doctor", "--json", "--port", str(free_port), "--models", str(pack)]) == 0
    answers = [each for each in json.loads(capsys.readouterr().out)["findings"] if each["name"] == "answer"]
    assert [(each["state"], "Male, " in each["found"]) for each in answers] == [("note", True)]


@pytest.mark.parametrize(("gflops", "state"), [(1e6, "note"), (1e-3, "ok")])
def test_speed_is_judged_by_what_the_machine_can_multiply(
    analyzer: FaceAnalyzer, monkeypatch: pytest.MonkeyPatch, gflops: float, state: str
) -> None:
    monkeypatch.setattr("faceattr.doctor.analysis.multiplications_per_second", lambda: gflops * 1e9)
    monkeypatch.setattr("faceattr.doctor.analysis.fastest", lambda action: 0.01)
    finding = look_at_speed(analyzer)
    assert (finding.name, finding.state) == ("speed", state)
    assert finding.found.startswith("10.0 ms a photo; ")


def test_boxes_overlap_by_what_they_share() -> None:
    one = Box(0, 0, 10, 10)
    assert overlap(one, one) == 1.0
    assert overlap(one, Box(5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert overlap(one, Box(20, 20, 30, 30)) == 0.0
