from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from faceattr.engines.opencv import OpenCVEngine
from faceattr.errors import PackError
from faceattr.loader import load_models
from faceattr.packs import find_pack, load_pack, read_pack
from faceattr.packs.inspect import describe_wrong_weights
from faceattr.settings import Settings
from tests.caffe_files import classifier, write_articles_form
from tests.conftest import BUILT_IN, MANIFEST, PACK, ROOT

GENDER, AGE = (MANIFEST["sha256"][f"{net}_net.caffemodel"][:8] for net in ("gender", "age"))
CONFIDENCE = MANIFEST["detector"]["min_confidence"]

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 45661480\n"


def load(directory: Path) -> None:
    load_models(Settings(models=str(directory), slots=1), OpenCVEngine(1, 1))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def rehash(pack: Path, name: str) -> None:
    """States the digest that a file now has, as somebody who repacks would."""
    old = next(line for line in (pack / "pack.toml").read_text().splitlines() if line.startswith(f'"{name}" ='))
    edit(pack / "pack.toml", old, f'"{name}" = "{hashlib.sha256((pack / name).read_bytes()).hexdigest()}"')


def swap(first: Path, second: Path) -> None:
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


def truncate(path: Path, bytes_off: int) -> None:
    path.write_bytes(path.read_bytes()[:-bytes_off])


def replace_by_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


SPOILED: list[tuple[str, Callable[[Path], object], str]] = [
    ("missing file", lambda p: (p / "age_net.caffemodel").unlink(), "age_net.caffemodel is missing"),
    (
        "LFS pointer",
        lambda p: (p / "age_net.caffemodel").write_bytes(LFS_POINTER),
        r"age_net.caffemodel is a Git LFS pointer \(133 bytes\)",
    ),
    (
        "web page",
        lambda p: (p / "gender_net.caffemodel").write_text("\n<!DOCTYPE html><html>404</html>"),
        "gender_net.caffemodel is an HTML page",
    ),
    (
        "empty",
        lambda p: (p / "deploy_face.caffemodel").write_bytes(b""),
        r"face.caffemodel is empty \(0 bytes\)",
    ),
    (
        "zeros",
        lambda p: (p / "deploy_face.caffemodel").write_bytes(bytes(5000)),
        r"deploy_face.caffemodel is nothing but zero bytes \(5,000 bytes\)",
    ),
    (
        "text",
        lambda p: (p / "age_net.caffemodel").write_text("put the model here\n"),
        r"age_net.caffemodel is a text file \(19 bytes\)",
    ),
    (
        "truncated",
        lambda p: truncate(p / "age_net.caffemodel", 1000),
        "age_net.caffemodel is truncated .*: at least 1,000 bytes are missing",
    ),
    ("a directory", lambda p: replace_by_directory(p / "age_net.caffemodel"), "age_net.caffemodel is a directory"),
    (
        "one byte changed",
        lambda p: (p / "age_net.caffemodel").write_bytes((p / "age_net.caffemodel").read_bytes()[:-1] + b"\x77"),
        f"age_net.caffemodel: expected SHA-256 {AGE}.*, found .*: it was changed or damaged",
    ),
    (
        "swapped weights",
        lambda p: swap(p / "age_net.caffemodel", p / "gender_net.caffemodel"),
        f"gender_net.caffemodel: expected SHA-256 {GENDER}.*which is that of 'age_net.caffemodel': one was put",
    ),
    (
        "edited prototxt",
        lambda p: edit(p / "age_net.prototxt", "num_output: 101", "num_output: 4"),
        "age_net.prototxt: expected SHA-256 .* changed or damaged",
    ),
    ("prototxt is a page", lambda p: (p / "age_net.prototxt").write_text("<html></html>"), "is an HTML page"),
    ("prototxt is text", lambda p: (p / "age_net.prototxt").write_text("hello"), "not a Caffe prototxt"),
    ("manifest is a pointer", lambda p: (p / "pack.toml").write_bytes(LFS_POINTER), "pack.toml is a Git LFS pointer"),
    ("manifest is not TOML", lambda p: (p / "pack.toml").write_text("[pack\n"), "pack.toml is not valid TOML"),
    ("manifest is not text", lambda p: (p / "pack.toml").write_bytes(b"\xff\xfe"), "pack.toml is not valid TOML"),
    ("no table", lambda p: edit(p / "pack.toml", "[crop]", "[krop]"), r"the table \[crop\] is missing"),
    ("no key", lambda p: edit(p / "pack.toml", "resize", "resise"), r"\[detector\] has no 'resize'"),
    (
        "wrong word",
        lambda p: edit(p / "pack.toml", '"stretch"', '"squash"'),
        r"\[detector\] resize must be 'stretch' or 'letterbox', not 'squash'",
    ),
    (
        "wrong type",
        lambda p: edit(p / "pack.toml", f"min_confidence = {CONFIDENCE}", 'min_confidence = "0.7"'),
        r"min_confidence must be a number from 0 to 1, not '0.7'",
    ),
    ("wrong length", lambda p: edit(p / "pack.toml", "[320, 320]", "[320]"), "input must be a list of 2 values"),
    ("mean no number", lambda p: edit(p / "pack.toml", "[127.5, 127.5", "[nan, 127.5"), "three values from 0 to 255"),
    ("huge input", lambda p: edit(p / "pack.toml", "[320, 320]", "[320, 99999]"), "from 16 to 4096 pixels"),
    (
        "path out of the pack",
        lambda p: edit(p / "pack.toml", 'weights = "age_net', 'weights = "../age_net'),
        "must be a plain file name, not '../age_net.caffemodel'",
    ),
    ("labels", lambda p: edit(p / "pack.toml", '["Male", "Female"]', '["M", "F"]'), "'Male' and 'Female'"),
    ("years", lambda p: edit(p / "pack.toml", '"0..100"', '"100..0"'), "years must rise"),
    ("both ages", lambda p: edit(p / "pack.toml", 'years = "', 'ranges = [[0, 2]]\nyears = "'), "and not both"),
    ("bad range", lambda p: edit(p / "pack.toml", 'years = "0..100"', "ranges = [[2, 0]]"), "pairs of years"),
    (
        "no digest",
        lambda p: edit(p / "pack.toml", '"age_net.caffemodel" =', '"other" ='),
        r"\[sha256\] has no digest for 'age_net.caffemodel'",
    ),
]


@pytest.mark.parametrize(("spoil", "cause"), [row[1:] for row in SPOILED], ids=[row[0] for row in SPOILED])
def test_a_spoiled_pack_is_refused_naming_file_and_cause(
    pack: Path, spoil: Callable[[Path], object], cause: str
) -> None:
    spoil(pack)
    with pytest.raises(PackError, match=cause):
        load(pack)


def test_the_built_in_pack_is_sound(pack: Path) -> None:
    models = load_models(Settings(models=str(pack), slots=1), OpenCVEngine(1, 1))
    assert (models.pack.name, len(models.digest)) == (PACK, 64)


def test_nets_swapped_with_their_digests_are_found_by_what_they_answer(pack: Path) -> None:
    for kind in ("prototxt", "caffemodel"):
        swap(pack / f"age_net.{kind}", pack / f"gender_net.{kind}")
        rehash(pack, f"age_net.{kind}")
        rehash(pack, f"gender_net.{kind}")
    with pytest.raises(PackError, match="the gender net answers with 101 classes, expected 2"):
        load(pack)


def test_weights_of_another_net_are_found_by_running_them(pack: Path) -> None:
    (pack / "age_net.caffemodel").write_bytes((pack / "deploy_face.caffemodel").read_bytes())
    rehash(pack, "age_net.caffemodel")
    with pytest.raises(PackError, match="age_net"):
        load(pack)


def test_a_digest_covers_names_and_contents(pack: Path) -> None:
    before = read_pack(load_pack(pack)).digest
    assert before == read_pack(load_pack(BUILT_IN)).digest
    with (pack / "age_net.prototxt").open("a") as file:
        file.write("# changed\n")
    rehash(pack, "age_net.prototxt")
    assert read_pack(load_pack(pack)).digest != before


def test_a_digest_covers_how_the_nets_are_fed(pack: Path) -> None:
    before = read_pack(load_pack(pack)).digest
    edit(pack / "pack.toml", "min_confidence = 0.5", "min_confidence = 0.6")
    assert read_pack(load_pack(pack)).digest != before


def test_a_directory_in_the_articles_form_is_read_by_their_conventions(tmp_path: Path) -> None:
    models = load_models(Settings(models=str(write_articles_form(tmp_path / "models")), slots=1), OpenCVEngine(1, 1))
    assert models.pack.name == "levi-hassner"
    assert models.pack.detector.input == (300, 300)
    assert models.pack.detector.mean == (104.0, 177.0, 123.0)
    assert models.pack.crop_scale == 1.3
    assert models.pack.age.ranges[7] == (60, 100)
    assert len(models.digest) == 64


def test_swapped_nets_in_the_articles_form_are_found_by_their_classes(tmp_path: Path) -> None:
    directory = write_articles_form(tmp_path / "models", gender_classes=8, age_classes=2)
    with pytest.raises(PackError, match="gender net answers with 8 classes, expected 2"):
        load(directory)


def test_other_nets_without_a_manifest_are_refused(tmp_path: Path) -> None:
    directory = write_articles_form(tmp_path / "models")
    (directory / "gender_net.prototxt").write_text(classifier(2, 96)[0])
    with pytest.raises(PackError, match="gender_net.prototxt is a net for 96×96 input, expected 227×227"):
        load(directory)


def test_a_detector_with_two_heads_is_refused_by_name(tmp_path: Path) -> None:
    pytest.importorskip("google.protobuf", reason="only our importer decodes the boxes itself")
    directory = write_articles_form(tmp_path / "models")
    prototxt = directory / "deploy_face.prototxt"
    last = prototxt.read_text()[prototxt.read_text().rindex("layer {") :]
    prototxt.write_text(prototxt.read_text() + last.replace('"out"', '"again"'))
    with pytest.raises(PackError, match=r"deploy_face\.prototxt with .*2 DetectionOutput layers, expected one"):
        load(directory)


def test_an_incomplete_directory_in_the_articles_form_names_what_is_missing(tmp_path: Path) -> None:
    directory = write_articles_form(tmp_path / "models")
    (directory / "age_net.caffemodel").unlink()
    with pytest.raises(PackError, match=r"age_net\.caffemodel is missing"):
        load(directory)


def test_a_defect_of_the_detector_is_corrected_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    directory = write_articles_form(tmp_path / "models", step=300)
    with caplog.at_level("WARNING"):
        load(directory)
    assert "deploy_face.prototxt: prior: step 300 corrected to 60" in caplog.text


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (lambda p: None, "There is no model directory"),
        (lambda p: p.write_text("x"), "is not a directory of models"),
        (lambda p: p.mkdir(), "holds no models"),
    ],
)
def test_a_directory_without_models_is_refused(tmp_path: Path, make: Callable[[Path], object], cause: str) -> None:
    make(tmp_path / "models")
    with pytest.raises(PackError, match=cause):
        load_pack(tmp_path / "models")


def test_the_source_is_the_named_then_the_systems_then_the_built_in(tmp_path: Path) -> None:
    system, built_in = tmp_path / "system", tmp_path / "built-in"
    assert find_pack("/named", system, built_in) == Path("/named")
    assert find_pack("", system, built_in) == built_in
    system.mkdir()
    assert find_pack("", system, built_in) == built_in
    (system / "anything").touch()
    assert find_pack("", system, built_in) == system


def test_a_present_source_that_is_broken_is_not_passed_over(tmp_path: Path) -> None:
    system = tmp_path / "system"
    system.mkdir()
    (system / "notes.txt").touch()
    with pytest.raises(PackError, match="holds no models"):
        load_pack(find_pack("", system, BUILT_IN))


def test_an_unreadable_source_is_broken_and_an_unreachable_one_absent(tmp_path: Path, unprivileged: list[str]) -> None:
    closed, system = tmp_path / "closed", tmp_path / "closed" / "models"
    system.mkdir(parents=True)
    (system / "pack.toml").touch()
    script = (
        "from pathlib import Path; from faceattr.packs import find_pack;"
        f"print(find_pack('', Path({str(system)!r}), Path('built-in')))"
    )

    def found() -> str:
        command = [*unprivileged, sys.executable, "-c", script]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True).stdout.strip()

    try:
        assert found() == str(system)
        system.chmod(0)
        assert found() == str(system)
        closed.chmod(0)
        assert found() == "built-in"
    finally:
        closed.chmod(0o755)
        system.chmod(0o755)


@pytest.mark.parametrize("cut", [1, 2, 3, 100, 4000])
def test_every_truncation_of_weights_is_seen(cut: int) -> None:
    weights = classifier(8, 227)[1]
    assert describe_wrong_weights(weights) is None
    wrong = describe_wrong_weights(weights[: -min(cut, len(weights) - 2)])
    assert wrong is not None
    assert "truncated" in wrong or "not a caffemodel" in wrong
