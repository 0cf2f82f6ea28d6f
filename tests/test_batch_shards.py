from __future__ import annotations

from pathlib import Path

import pytest

from faceattr.batch.cli import main
from faceattr.batch.lock import Lock
from faceattr.batch.shards import directories_in, directory_of
from tests import batch_fakes
from tests.test_batch_cli import batch

RESULTS = ("faces.csv", "images.csv", "faces.jsonl", "summary.json", "report.html")
PHOTOS = [b"faces 2", b"truncated", b"faces 0"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    directory = tmp_path / "folder"
    for number in range(30):
        path = directory / f"{number % 4}" / f"naïve\n{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PHOTOS[number % 3])
    return directory


def shard(folder: Path, out: Path, which: str, *words: str) -> int:
    return batch(folder, out, "--recursive", "--workers", "1", "--shard", which, *words)


def merge(out: Path, *words: object) -> int:
    return main(["merge", "--output_dir", str(out), *map(str, words)])


def test_merged_shards_are_a_single_run_to_the_byte(folder: Path, tmp_path: Path) -> None:
    assert batch(folder, tmp_path / "whole", "--recursive", "--format", "jsonl") == 3
    for which in ("2/3", "1/3", "3/3"):
        assert shard(folder, tmp_path / "out", which) == 3
    assert merge(tmp_path / "out", "--format", "jsonl") == 3
    for name in RESULTS:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name


def test_shards_may_lie_anywhere(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for which in ("1/2", "2/2"):
        assert shard(folder, tmp_path / which[0], which) == 3
    directories = [tmp_path / "2" / "shard-2-of-2", tmp_path / "1" / "shard-1-of-2"]
    assert merge(tmp_path / "merged", *directories) == 3
    assert capsys.readouterr().err.splitlines()[-1].startswith("2 shards: 30 files, 20 faces, 10 failed. Results: ")


def test_annotated_pictures_of_all_shards_are_in_one_place(folder: Path, tmp_path: Path) -> None:
    for which in ("1/2", "2/2"):
        assert shard(folder, tmp_path / "out", which, "--annotate") == 3
    drawn = [path for path in (tmp_path / "out" / "annotated").rglob("*") if path.is_file()]
    assert len(drawn) == 20


@pytest.mark.parametrize(
    ("shards", "sentence"),
    [
        ([], "There is no shard to merge"),
        (["shard-1-of-2"], "Of 2 shards these are lacking: 2"),
        (["shard-1-of-2", "shard-2-of-2", "copy"], "and 'copy' are both shard 1"),
        (["shard-1-of-2", "shard-1-of-2"], "'shard-1-of-2' and 'shard-1-of-2' are the same shard"),
        (["shard-1-of-2", "shard-2-of-3"], "do not have the same number of shards: 3, not 2"),
        (["shard-1-of-2", "other"], 'do not have the same choice of files: exclude ["x"], not []'),
        (["shard-1-of-2", "conf"], "do not have the same models or settings: options.min_confidence 0.25, not null"),
        (["shard-1-of-2", "unfinished"], "Shard 2 of 2, 'unfinished', is not finished: run its command again"),
        (["shard-1-of-2", "folder"], "'folder' is no shard: it holds no state of a batch"),
    ],
)
def test_what_is_no_complete_job_is_refused(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    shards: list[str],
    sentence: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    made = {
        "shard-1-of-2": ("1/2", ()),
        "shard-2-of-2": ("2/2", ()),
        "copy": ("1/2", ()),
        "shard-2-of-3": ("2/3", ()),
        "other": ("2/2", ("--exclude", "x")),
        "conf": ("2/2", ("--conf", "0.25")),
        "unfinished": ("2/2", ()),
    }
    for name in shards:
        if name in made and not (tmp_path / name).exists():
            which, words = made[name]
            shard(folder, tmp_path / "made", which, *words)
            (tmp_path / "made" / f"shard-{which.replace('/', '-of-')}").rename(tmp_path / name)
    if "unfinished" in shards:
        from faceattr.batch.state import State

        with State(tmp_path / "unfinished") as state:
            state.remember(finished=False)
    capsys.readouterr()
    assert merge(tmp_path / "merged", *shards) == 64
    message = capsys.readouterr().err
    assert sentence in message
    assert message.count("\n") == 1
    assert not (tmp_path / "merged" / "faces.csv").exists()


def test_a_shard_at_work_is_75(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shard(folder, tmp_path, "1/1")
    assert (tmp_path / "faces.csv").exists()  # the only shard is the run itself
    shard(folder, tmp_path, "1/2")
    with Lock(tmp_path / "shard-1-of-2"):
        assert merge(tmp_path / "merged", tmp_path / "shard-1-of-2") == 75
    assert "shard-1-of-2' is in use by process" in capsys.readouterr().err


def test_shards_are_found_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 9, 1):
        directory_of(tmp_path, (number, 10)).mkdir()
    (tmp_path / "shard-x-of-3").mkdir()
    assert [path.name for path in directories_in(tmp_path)] == ["shard-1-of-10", "shard-9-of-10", "shard-10-of-10"]


def test_wrong_words_for_merge_are_64(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="64"):
        main(["merge"], load=batch_fakes.load)
    assert capsys.readouterr().err == (
        "cli_batch.py merge: the following arguments are required: --output_dir/--output-dir. "
        "See cli_batch.py merge --help.\n"
    )
