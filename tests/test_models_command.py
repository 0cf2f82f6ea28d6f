from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from faceattr.__main__ import main
from faceattr.errors import PackError, SettingsError
from faceattr.models_command import fetch_pack
from faceattr.packs.download import Patience
from faceattr.packs.known import KNOWN_PACKS, KnownFile, KnownPack
from faceattr.packs.levi_hassner import AGE, GENDER, RES10, levi_hassner_manifest
from tests.caffe_files import classifier, ssd, write_articles_form
from tests.conftest import BUILT_IN
from tests.file_server import FileServer, ranged, serving, status

NETS = {
    "deploy_face.prototxt": ssd(300),
    "gender_net.prototxt": classifier(2, 227),
    "age_net.prototxt": classifier(8, 227),
}
WEIGHTS = {name: weights for name, (_, weights) in zip((RES10, GENDER, AGE), NETS.values(), strict=True)}
PACK = KnownPack(
    name="levi-hassner",
    summary="small nets in place of the published ones",
    licence="none",
    files=tuple(
        KnownFile(
            name,
            len(content),
            "git blob id",
            hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(),
            f"https://models.example/{name}",
        )
        for name, content in WEIGHTS.items()
    ),
    prototxts=lambda: {name: prototxt for name, (prototxt, _) in NETS.items()},
    manifest=levi_hassner_manifest,
)
ALL = sorted([*NETS, *WEIGHTS, "pack.toml"])


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        server.answers |= {name: [ranged(content)] for name, content in WEIGHTS.items()}
        yield server


def fetch(base: str, to: Path | None) -> int:
    return fetch_pack("levi-hassner", to, packs=[PACK], base=base, patience=Patience(5, (0,)))


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def test_a_fetched_pack_is_complete_and_proved(
    server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = tmp_path / "some where" / "pack"
    before = os.umask(0o077)
    try:
        assert fetch(server.base, directory) == 0
    finally:
        os.umask(before)
    assert names(directory) == ALL
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o644}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o755
    out = capsys.readouterr().out
    assert f"Written: {RES10}, {GENDER}, {AGE}, deploy_face.prototxt" in out
    assert f"OK  {AGE}" in out
    assert out.endswith(f"Use it with: python -m faceattr serve --models '{directory}'\n")
    assert main(["models", "verify", str(directory)]) == 0


def test_the_directory_is_named_after_the_pack(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert fetch(server.base, None) == 0
    assert names(tmp_path / "models-levi-hassner") == ALL


def test_a_second_run_verifies_without_a_network(
    server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch(server.base, tmp_path) == 0
    asked = len(server.asked)
    assert fetch(server.base, tmp_path) == 0
    assert len(server.asked) == asked
    assert "Everything was there already." in capsys.readouterr().out


def test_without_a_network_it_says_what_to_copy_where_and_takes_what_was_copied(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = "http://127.0.0.1:1"
    (tmp_path / GENDER).write_bytes(WEIGHTS[GENDER])
    assert fetch(nowhere, tmp_path) == 69
    error = capsys.readouterr().err
    assert "Connection refused" in error
    assert f"into\n  {tmp_path}\n" in error
    for file in PACK.files:
        assert (f"{file.name}, {file.size:,} bytes, git blob id {file.digest}" in error) == (file.name != GENDER)
        assert (file.address in error) == (file.name != GENDER)
    assert names(tmp_path) == [GENDER]
    for name in (RES10, AGE):
        (tmp_path / name).write_bytes(WEIGHTS[name])
    assert fetch(nowhere, tmp_path) == 0
    assert names(tmp_path) == ALL


def test_a_failure_leaves_no_manifest(server: FileServer, tmp_path: Path) -> None:
    server.answers[AGE] = [ranged(WEIGHTS[GENDER])]
    with pytest.raises(PackError, match=f"{AGE} sends is another file: .* expected {len(WEIGHTS[AGE]):,}"):
        fetch(server.base, tmp_path)
    assert names(tmp_path) == sorted([RES10, GENDER])
    server.answers[AGE] = [status(404)]
    assert fetch(server.base, tmp_path) == 69
    assert names(tmp_path) == sorted([RES10, GENDER])
    server.answers[AGE] = [ranged(WEIGHTS[AGE])]
    assert fetch(server.base, tmp_path) == 0
    assert [name for name, _, _ in server.asked].count(RES10) == 1


def test_a_wrong_file_that_was_copied_is_named_and_left_alone(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / AGE).write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(PackError, match=rf"{AGE} is a Git LFS pointer \(43 bytes\).*Move it away"):
        fetch(server.base, tmp_path)
    assert names(tmp_path) == [AGE]
    assert server.asked == []


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("notes.txt", "", r"holds something else \('notes.txt'\)"),
        ("deploy_face.caffemodel", "", r"holds something else \('deploy_face.caffemodel'\)"),
        ("age_net.prototxt", "layer {}", "age_net.prototxt is not as this command writes it, and is left alone"),
        ("pack.toml", "[pack]\nname = 'mine'\n", "pack.toml is not as this command writes it, and is left alone"),
    ],
)
def test_a_directory_of_something_else_is_not_written_to(
    server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, cause: str
) -> None:
    (tmp_path / name).write_text(content)
    assert fetch(server.base, tmp_path) == 73
    assert re.search(cause, capsys.readouterr().err)
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_text() == content
    assert server.asked == []


def test_an_edited_manifest_is_left_alone(
    server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch(server.base, tmp_path) == 0
    text = (tmp_path / "pack.toml").read_text().replace("min_confidence = 0.5", "min_confidence = 0.7")
    (tmp_path / "pack.toml").write_text(text)
    assert fetch(server.base, tmp_path) == 73
    assert (tmp_path / "pack.toml").read_text() == text
    assert "pack.toml is not as this command writes it" in capsys.readouterr().err


def test_a_hidden_file_does_not_make_a_directory_something_else(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / ".gitkeep").touch()
    assert fetch(server.base, tmp_path) == 0


@pytest.mark.parametrize("to", ["file", "file/below"])
def test_what_is_no_directory_is_not_written_to(
    server: FileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], to: str
) -> None:
    (tmp_path / "file").touch()
    assert fetch(server.base, tmp_path / to) == 73
    assert "irectory" in capsys.readouterr().err


def test_a_fetched_pack_whose_nets_do_not_work_is_refused(server: FileServer, tmp_path: Path) -> None:
    texts = dict(PACK.prototxts()) | {"age_net.prototxt": classifier(7, 227)[0]}
    wrong = replace(PACK, prototxts=lambda: texts)
    with pytest.raises(PackError, match="age"):
        fetch_pack("levi-hassner", tmp_path, packs=[wrong], base=server.base)


def test_an_unknown_name_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "fetch", "yolo"]) == 64
    assert "There is no public pack 'yolo' to fetch. Known: levi-hassner." in capsys.readouterr().err
    with pytest.raises(SettingsError):
        fetch_pack("levi-hassner", None, packs=[])


@pytest.mark.parametrize("arguments", [["models"], ["models", "fetch"], ["models", "melt"], ["models", "list", "x"]])
def test_wrong_words_are_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 64
    assert "usage: python -m faceattr" in capsys.readouterr().err


def test_the_list_has_the_built_in_pack_and_everything_about_the_public_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models", "list"]) == 0
    out = capsys.readouterr().out
    assert "(built in)" in out
    assert str(BUILT_IN) in out
    for pack in KNOWN_PACKS:
        assert f"models fetch {pack.name}" in out
        assert pack.licence in out
        for file in pack.files:
            assert f"{file.name}, {file.size:,} bytes, {file.digest_kind} {file.digest}" in out
            assert file.address in out


def test_a_list_without_a_built_in_pack_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("faceattr.models_command.BUILT_IN_DIRECTORY", tmp_path / "gone")
    assert main(["models", "list"]) == 0
    assert "There is no model directory" in capsys.readouterr().out


def test_verify_proves_the_pack_that_the_service_would_use(
    pack: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FACEATTR_MODELS", str(pack))
    assert main(["models", "verify"]) == 0
    out = capsys.readouterr().out
    assert str(pack) in out
    for path in pack.iterdir():
        if path.suffix in (".prototxt", ".caffemodel"):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            assert f"{path.stat().st_size:,} bytes  sha256 {digest}" in out
    assert "as pack.toml states" in out


def test_verify_names_what_is_wrong(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (pack / "age_net.caffemodel").unlink()
    assert main(["models", "verify", str(pack)]) == 78
    assert "age_net.caffemodel is missing" in capsys.readouterr().err
    shutil.rmtree(pack)
    assert main(["models", "verify", str(pack)]) == 78


def test_verify_says_when_no_digests_are_stated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "verify", str(write_articles_form(tmp_path / "models"))]) == 0
    assert "without a pack.toml, nothing states their digests" in capsys.readouterr().out
