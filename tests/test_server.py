from __future__ import annotations

import base64
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from faceattr.errors import SettingsError
from faceattr.settings import Settings
from faceattr.web.server import Server
from tests.conftest import MANIFEST, PACK, ROOT
from tests.opencv_caffe import needs_opencv_4
from tests.photo_bytes import encoded, flat
from tests.services import Service, environment, start, stop


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    service = start(TMPDIR="/nonexistent")
    yield service
    stop(service)


def test_the_service_answers_and_logs(service: Service, astronaut: bytes) -> None:
    body = json.dumps({"image": base64.b64encode(astronaut).decode()}).encode()
    status, answer = service.request("POST", "/analyze", body, Content_Type="application/json")
    assert status == 200
    assert json.loads(answer)["faces"][0]["gender"]["value"] == "Female"
    assert b"<html" in service.request("GET", "/")[1].lower()
    log = "".join(service.log)
    assert f"pack {PACK} {MANIFEST['pack']['version']} from" in log
    assert f"sha256 {MANIFEST['sha256']['age_net.caffemodel']}" in log


def test_what_native_libraries_say_of_a_photo_stays_out_of_the_log(service: Service) -> None:
    photo = bytearray(encoded(flat(64, 64), ".png"))
    photo[photo.index(b"IDAT") + 10] ^= 0xFF
    assert service.request("POST", "/analyze", bytes(photo), Content_Type="image/png")[0] == 422
    assert service.request("GET", "/healthz")[0] == 200
    assert all(" INFO " in line or " WARNING " in line for line in service.log), service.log


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"nonsense\r\n\r\n", b"400", "bad_request"),
        (b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400", "bad_request"),
        (b"GET http://[::1 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400", "bad_request"),
        (b"POST /analyze HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n", b"413", "body_too_large"),
        (b"POST /analyze HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", b"400", "bad_request"),
        (b"GET / HTTP/1.1\r\nX: ".ljust(16_384, b"x"), b"400", "bad_request"),
    ],
)
def test_what_never_reaches_the_application_is_a_problem_too(
    service: Service, data: bytes, status: bytes, code: str
) -> None:
    head, _, body = service.send_raw(data).partition(b"\r\n\r\n")
    assert head.split()[1] == status
    assert b"application/problem+json" in head
    assert json.loads(body)["code"] == code
    assert json.loads(body)["status"] == int(status)
    assert service.request("GET", "/healthz")[0] == 200


def test_a_client_that_sends_too_much_gets_its_answer_all_the_same(service: Service) -> None:
    status, body = service.request("POST", "/analyze", bytes(20_000_000), Content_Type="image/jpeg")
    assert (status, json.loads(body)["code"]) == (413, "body_too_large")
    assert json.loads(body)["detail"] == "A request may have at most 16,777,216 bytes."
    assert service.request("GET", "/healthz")[0] == 200


def test_sigterm_ends_the_service_with_exit_code_0() -> None:
    service = start()
    assert service.request("GET", "/readyz")[0] == 200
    assert stop(service) == 0


def test_healthcheck_tells_a_ready_service_from_none(service: Service) -> None:
    def check(port: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "faceattr", "healthcheck", "--port", str(port)]
        return subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)

    ready = check(service.port)
    assert (ready.returncode, json.loads(ready.stdout)) == (0, {"status": "ready"})
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        absent = check(unused.getsockname()[1])
    assert absent.returncode == 1
    assert "no answer from 127.0.0.1" in absent.stderr


def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "faceattr", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment(**extra), check=False, timeout=60)


def test_a_broken_pack_exits_78_before_anything_listens(tmp_path: Path, service: Service) -> None:
    ran = run("serve", "--port", str(service.port), "--models", str(tmp_path))
    assert (ran.returncode, ran.stdout) == (78, "")
    assert "holds no models" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_port_in_use_is_said_in_a_sentence(service: Service) -> None:
    ran = run("serve", "--port", str(service.port))
    assert ran.returncode == 64
    assert f"Cannot listen on 127.0.0.1:{service.port}" in ran.stderr
    assert "Traceback" not in ran.stderr + ran.stdout


def test_threads_that_cannot_start_are_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch, app: Flask) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("faceattr.web.lanes.ThreadedTaskDispatcher.start_new_thread", refuse)
    with pytest.raises(SettingsError, match=r"Cannot start 16 threads: can't start new thread\. Try fewer --threads"):
        Server(app, Settings.load(port=0))


@pytest.mark.parametrize(
    ("arguments", "extra", "cause"),
    [
        (["serve", "--port", "http"], {}, "invalid int value"),
        (["serve", "--threads", "0"], {}, "--threads must be from 1 to 512"),
        (["serve"], {"FACEATTR_PORT": "99999"}, "FACEATTR_PORT must be from 0 to 65535"),
        (["fly"], {}, "invalid choice: 'fly'"),
        ([], {}, "required"),
        (["analyze"], {}, "PHOTO"),
        (["analyze", "--conf", "2", "x.jpg"], {}, "--conf/--min-confidence: must be a number from 0 to 1"),
        (["analyze", "--annotate", "x.gif", "x.jpg"], {}, "expected a .png or .jpg file"),
    ],
)
def test_wrong_usage_exits_64_with_its_cause(arguments: list[str], extra: dict[str, str], cause: str) -> None:
    ran = run(*arguments, **extra)
    assert ran.returncode == 64
    assert cause in ran.stderr
    assert "Traceback" not in ran.stderr


def test_analyze_prints_faces_for_people_and_draws_them(tmp_path: Path) -> None:
    drawn = tmp_path / "drawn.jpg"
    ran = run("analyze", str(ROOT / "tests/data/astronaut.jpg"), "--annotate", str(drawn))
    assert ran.returncode == 0, ran.stderr
    assert "1 face in 512×512" in ran.stdout
    assert "Female" in ran.stdout
    assert drawn.read_bytes().startswith(b"\xff\xd8")


def test_analyze_never_draws_over_a_photo(tmp_path: Path) -> None:
    photo = (ROOT / "tests/data/astronaut.jpg").read_bytes()
    (tmp_path / "a").mkdir()
    for path in (tmp_path / "x.jpg", tmp_path / "a" / "x.jpg"):
        path.write_bytes(photo)
    ran = run("analyze", str(tmp_path / "x.jpg"), "--annotate", str(tmp_path / "a" / ".." / "x.jpg"))
    assert (ran.returncode, "it would overwrite the photo" in ran.stderr) == (64, True)
    ran = run("analyze", str(tmp_path / "x.jpg"), str(tmp_path / "a" / "x.jpg"), "--annotate", str(tmp_path))
    assert (ran.returncode, "two photos have the same name" in ran.stderr) == (64, True)
    assert (tmp_path / "x.jpg").read_bytes() == photo


def test_analyze_reads_no_more_than_a_photo_may_have() -> None:
    ran = run("analyze", "/dev/zero")
    assert ran.returncode == 3
    assert "/dev/zero: The photo has 10,000,001 bytes" in ran.stderr


def test_analyze_goes_on_after_a_photo_that_fails(tmp_path: Path) -> None:
    (tmp_path / "cut.jpg").write_bytes((ROOT / "tests/data/astronaut.jpg").read_bytes()[:20_000])
    names = ["cut.jpg", "missing.jpg", str(ROOT / "tests/data/astronaut.jpg")]
    ran = run("analyze", "--json", str(tmp_path / names[0]), *names[1:])
    assert ran.returncode == 3, ran.stderr
    cut, missing, good = (json.loads(line) for line in ran.stdout.splitlines())
    assert (cut["code"], missing["code"]) == ("truncated_image", "unreadable")
    assert good["faces"][0]["gender"]["value"] == "Female"


@needs_opencv_4
def test_the_four_core_packages_are_enough(tmp_path: Path) -> None:
    """Everything else is hidden from the interpreter, as in an environment that has just these four."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jpg").write_bytes((ROOT / "tests/data/astronaut.jpg").read_bytes())
    script = f"""
import sys
allowed = {{"flask", "werkzeug", "jinja2", "markupsafe", "itsdangerous", "click", "blinker"}}
allowed |= {{"cv2", "numpy", "waitress", "faceattr", "_distutils_hack"}}
class Hide:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in allowed:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Hide())
from faceattr.web.app import create_app
client = create_app().test_client()
photo = open({str(ROOT / "tests/data/astronaut.jpg")!r}, "rb").read()
answer = client.post("/analyze", data=photo, content_type="image/jpeg").get_json()
assert len(answer["faces"]) == 1, answer
from faceattr.batch.cli import main
if __name__ == "__main__":
    folders = ["--input_dir", {str(tmp_path / "in")!r}, "--output_dir", {str(tmp_path / "out")!r}]
    sys.exit(main([*folders, "--workers", "1"]))
"""
    (tmp_path / "core.py").write_text(script)
    command = [sys.executable, str(tmp_path / "core.py")]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert "a.jpg" in (tmp_path / "out" / "faces.csv").read_text()
