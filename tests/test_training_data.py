from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tests.training_data import noise, record, write_labels, write_photos, write_tar
from training.detector_source import read_source
from training.face_photos import labelled, read_face_photos, typical_points
from training.tars import DataError, images_of, is_held, records_of


def test_images_come_in_the_order_of_the_tar_without_their_folders(tmp_path: Path) -> None:
    images = {"photos/b.png": noise(4, 5, 1), "a.webp": noise(6, 3, 2)}
    read = list(images_of(write_tar(tmp_path / "some.tar", images)))
    assert [name for name, _ in read] == ["b.png", "a.webp"]
    np.testing.assert_array_equal(read[0][1], images["photos/b.png"])
    assert read[1][1].shape == (6, 3, 3)


def test_a_missing_tar_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.tar cannot be read: No such file or directory\."):
        list(images_of(tmp_path / "none.tar"))


def test_a_file_that_is_no_tar_is_named(tmp_path: Path) -> None:
    (tmp_path / "page.tar").write_text("<!doctype html>")
    with pytest.raises(DataError, match=r"page\.tar is not a sound tar file"):
        list(images_of(tmp_path / "page.tar"))


@pytest.mark.parametrize("content", [b"", b"not an image"])
def test_an_image_that_cannot_be_decoded_is_named(tmp_path: Path, content: bytes) -> None:
    with tarfile.open(tmp_path / "some.tar", "w") as archive:
        member = tarfile.TarInfo("bad.webp")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    with pytest.raises(DataError, match=r"some\.tar: bad\.webp cannot be decoded"):
        list(images_of(tmp_path / "some.tar"))


@pytest.mark.parametrize("line", ["{", "[1]", "[" * 100_000, '"text"'])
def test_a_line_that_is_no_object_is_named_with_its_number(tmp_path: Path, line: str) -> None:
    (tmp_path / "labels.jsonl").write_text("{}\n" + line + "\n")
    with pytest.raises(DataError, match=r"labels\.jsonl, line 2"):
        list(records_of(tmp_path / "labels.jsonl"))


def test_a_tar_that_ends_early_is_named(tmp_path: Path) -> None:
    whole = write_tar(tmp_path / "some.tar", {"a.png": noise(40, 40)}).read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[:2000])
    with pytest.raises(DataError, match=r"cut\.tar"):
        list(images_of(tmp_path / "cut.tar"))


def test_three_in_ten_files_are_held_back_by_their_names_alone() -> None:
    held = [is_held(f"photo{number}.webp") for number in range(2000)]
    assert 0.27 < np.mean(held) < 0.33
    assert held == [is_held(f"photo{number}.webp") for number in range(2000)]


def test_teacher_boxes_are_faces_when_sure_ignored_when_not_and_dropped_when_labelled() -> None:
    labels = record(
        (10, 10, 30, 40),
        teacher=[(11, 11, 31, 40, 0.95), (60, 10, 80, 40, 0.71), (60, 60, 80, 90, 0.7), (12, 9, 30, 41, 0.4)],
    )
    photo = labelled({"file": "a.webp", **labels}, noise(100, 100))
    np.testing.assert_array_equal(photo.faces, np.array([[10, 10, 30, 40], [60, 10, 80, 40]], np.float32))
    np.testing.assert_array_equal(photo.ignored, np.array([[60, 60, 80, 90]], np.float32))
    assert photo.by_hand.tolist() == [True, False]
    assert len(photo.points) == len(photo.kinds) == 2


def test_landmarks_come_from_labels_and_are_guessed_without() -> None:
    points = [20.0, 20, 40, 20, 30, 30, 30, 40]
    labels = {"file": "a", "faces": [{"box": [10, 0, 50, 54], "points": points}, {"box": [10, 0, 50, 54]}]}
    photo = labelled(labels, noise(60, 60))
    assert photo.points[0].ravel().tolist() == points
    eyes, mouth = photo.points[1][:2].mean(axis=0), photo.points[1][3]
    assert eyes[0] == mouth[0] == 30
    assert 0 < eyes[1] < mouth[1] < 54
    np.testing.assert_array_equal(photo.points[1], typical_points(np.array([10, 0, 50, 54], np.float32)))


def test_a_photo_without_faces_or_teacher_has_empty_arrays() -> None:
    photo = labelled({"file": "a.webp", "faces": []}, noise(20, 20))
    assert (photo.faces.shape, photo.points.shape, photo.ignored.shape) == ((0, 4), (0, 4, 2), (0, 4))


def test_kinds_follow_the_faces(tmp_path: Path) -> None:
    tar = write_photos(tmp_path / "street.tar", {"a.png": (noise(50, 50), record((0, 0, 20, 20), kind="masked"))})
    assert read_face_photos(tar)[0].kinds == ("masked",)


@pytest.mark.parametrize(
    "labels", [{"file": "missing.png", "faces": []}, {"file": "a.png"}, {"file": "a.png", "faces": 3}]
)
def test_labels_that_fit_no_photo_are_named(tmp_path: Path, labels: dict[str, object]) -> None:
    tar = write_tar(tmp_path / "web.tar", {"a.png": noise(9, 9)})
    write_labels(tmp_path / "web.jsonl", [labels])
    with pytest.raises(DataError, match=r"web\.jsonl: no photo or no sound labels for (missing|a)\.png"):
        read_face_photos(tar)


def test_held_photos_are_never_a_background(tmp_path: Path) -> None:
    write_photos(tmp_path / "webfaces_train.tar", {"a.png": (noise(50, 50), record((0, 0, 20, 20)))})
    names = [f"{number}.png" for number in range(20)]
    write_tar(tmp_path / "nonface.tar", {name: noise(8 + index, 8) for index, name in enumerate(names)})
    source = read_source(tmp_path)
    heights = {background.size[1] - 8 for background in source.backgrounds}
    assert heights == {index for index, name in enumerate(names) if not is_held(name)}
    assert 0 < len(heights) < 20


def test_a_source_without_backgrounds_is_refused(tmp_path: Path) -> None:
    write_photos(tmp_path / "webfaces_train.tar", {"a.png": (noise(50, 50), record((0, 0, 20, 20)))})
    held = next(name for name in (f"{number}.png" for number in range(99)) if is_held(name))
    write_tar(tmp_path / "nonface.tar", {held: noise(8, 8)})
    with pytest.raises(DataError, match="found 1 and 0"):
        read_source(tmp_path)
