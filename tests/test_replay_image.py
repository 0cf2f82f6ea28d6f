"""scripts/replay-image: that it reads the Dockerfile rather than repeat it, and leaves nothing of it out."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.replay.context import Ignored, copy_step
from scripts.replay.dockerfile import DockerfileError, Step, parse
from scripts.replay.machine import pip_variables
from scripts.replay.proofs import Proof, table
from tests.conftest import ROOT


def test_the_projects_own_dockerfile_is_understood() -> None:
    image = parse((ROOT / "Dockerfile").read_text())
    assert image.user is not None
    assert image.user[0] != 0
    assert image.command[-1] == "serve"
    assert image.healthcheck[-1] == "healthcheck"
    assert image.ports == [5000]
    assert {step.user for step in image.steps} == {None}
    copied = " ".join(step.value for step in image.steps if step.name == "COPY")
    assert all(name in copied for name in ("requirements.txt", "faceattr/", "models/", "templates/", "cli_batch.py"))


def test_steps_have_what_held_when_their_turn_came() -> None:
    image = parse(
        'FROM python:3.12-slim-trixie\nWORKDIR /a\nENV ONE=1 TWO="2 3"\nRUN first \\\n  # a remark\n  && second\n'
        'WORKDIR b\nUSER 7:8\nRUN third\nHEALTHCHECK --interval=3s CMD ["x", "y"]\nEXPOSE 80/tcp 81\nCMD ["z"]\n'
    )
    first, third = image.steps
    assert first == Step(4, "RUN", "first && second", "/a", {"ONE": "1", "TWO": "2 3"}, None)
    assert (third.workdir, third.user) == ("/a/b", (7, 8))
    assert (image.python, image.suite, image.ports) == ("3.12", "trixie", [80, 81])
    assert (image.healthcheck, image.command) == (["x", "y"], ["z"])


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("VOLUME /data", "line 2: VOLUME: this instruction is not replayed"),
        ("CMD python serve", "line 2: CMD"),
        ("CMD []", "line 2: CMD: a list"),
        ("USER nobody", "line 2: USER"),
        ("ENV ONE 1", "line 2: ENV: NAME=VALUE is expected"),
        ("FROM python:3.12-slim", "line 2: FROM: one stage"),
        ("HEALTHCHECK NONE", "line 2: HEALTHCHECK"),
    ],
)
def test_what_is_not_understood_is_named_and_not_left_out(line: str, cause: str) -> None:
    with pytest.raises(DockerfileError, match=cause):
        parse(f"FROM python:3.12-slim\n{line}\n")
    with pytest.raises(DockerfileError, match="it has no FROM"):
        parse("# nothing\n")


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("a.txt", True),
        ("kept/b.py", False),
        ("kept/deep/c.py", False),
        ("kept/__pycache__/b.pyc", True),
        ("kept/deep/__pycache__/c.pyc", True),
        ("one.txt", False),
    ],
)
def test_dockerignore_decides_as_docker_does(path: str, ignored: bool) -> None:
    assert (path in Ignored("*\n# a remark\n!kept/\n!one.txt\n**/__pycache__/\n")) == ignored


def copy(value: str) -> Step:
    return Step(3, "COPY", value, "/app", {}, None)


def test_files_are_copied_as_a_checkout_for_its_owner_alone_has_them(tmp_path: Path) -> None:
    checkout, root = tmp_path / "checkout", tmp_path / "root"
    (checkout / "kept/__pycache__").mkdir(parents=True)
    for name in ("kept/b.py", "kept/__pycache__/b.pyc", "one.txt"):
        (checkout / name).write_text(name)
    (root / "app").mkdir(parents=True)
    ignored = Ignored("**/__pycache__/")
    copy_step(copy("kept/ code/"), checkout, ignored, root)
    copy_step(copy("one.txt ."), checkout, ignored, root)
    copied = {path.relative_to(root).as_posix(): path.stat().st_mode & 0o777 for path in root.rglob("*")}
    assert copied == {"app": 0o755, "app/code": 0o700, "app/code/b.py": 0o600, "app/one.txt": 0o600}
    with pytest.raises(DockerfileError, match=r"line 3: a build would not find kept/__pycache__: see .dockerignore"):
        copy_step(copy("kept/__pycache__ x"), checkout, ignored, root)


def test_pip_in_the_root_finds_packages_where_pip_here_does() -> None:
    listed = (
        ":env:.cert='/a/b.crt'\nglobal.cert='/other'\nglobal.extra-index-url='file:///x file:///y'\ninstall.no='1'\n"
    )
    assert pip_variables(listed) == {"PIP_CERT": "/a/b.crt", "PIP_EXTRA_INDEX_URL": "file:///x file:///y"}


def test_what_did_not_hold_stands_out() -> None:
    rows = table([Proof("one", "fine", True), Proof("two", "broken", False)]).splitlines()
    assert rows[2:] == ["| one | fine | ok |", "| two | broken | WRONG |"]
