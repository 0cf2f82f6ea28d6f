"""The files of diagnostics: an hour each, packed and deleted in time, and no harm when the disk fails."""

from __future__ import annotations

import calendar
import errno
import gzip
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from faceattr.diagnostics import NAME, HourlyFile


def at(text: str) -> float:
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


def line(created: float, message: str) -> logging.LogRecord:
    record = logging.LogRecord("faceattr.diagnostics", logging.DEBUG, "", 0, message, None, None)
    record.created = created
    return record


def unpacked(path: Path) -> str:
    return gzip.decompress(path.read_bytes()).decode()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Holds the file of an hour that began long ago."""
    file = tmp_path / NAME
    file.write_text("first\n")
    os.utime(file, (at("2031-03-09 10:05:00"),) * 2)
    return tmp_path


@pytest.fixture
def handler(directory: Path) -> Iterator[HourlyFile]:
    handler = HourlyFile(directory, days=2)
    yield handler
    handler.tidying.join()
    handler.close()


def test_an_hour_that_is_over_is_packed_under_its_name(handler: HourlyFile, directory: Path) -> None:
    handler.handle(line(at("2031-03-09 10:59:59"), "second"))
    assert (directory / NAME).read_text() == "first\nsecond\n"
    handler.handle(line(at("2031-03-09 11:00:00"), "third"))
    handler.tidying.join()
    assert (directory / NAME).read_text() == "third\n"
    assert unpacked(directory / f"{NAME}.2031-03-09-10.gz") == "first\nsecond\n"
    assert sorted(path.name for path in directory.iterdir()) == [NAME, f"{NAME}.2031-03-09-10.gz"]


def test_hours_without_lines_leave_no_files(handler: HourlyFile, directory: Path) -> None:
    handler.handle(line(at("2031-03-09 23:30:00"), "late"))
    handler.handle(line(at("2031-03-10 00:00:01"), "later"))
    handler.tidying.join()
    names = sorted(path.name for path in directory.iterdir())
    assert names == [NAME, f"{NAME}.2031-03-09-10.gz", f"{NAME}.2031-03-09-23.gz"]


def test_a_line_that_comes_late_stays_in_the_open_file(handler: HourlyFile, directory: Path) -> None:
    handler.handle(line(at("2031-03-09 11:00:00"), "new"))
    handler.handle(line(at("2031-03-09 10:59:59"), "old"))
    assert (directory / NAME).read_text() == "new\nold\n"


def test_files_older_than_the_days_are_deleted_and_others_left_alone(handler: HourlyFile, directory: Path) -> None:
    for name in ("2031-03-07-10.gz", "2031-03-07-11.gz", "2031-03-07-09", "2031-03-01-00.gz.bak"):
        (directory / f"{NAME}.{name}").write_bytes(gzip.compress(b"x\n"))
    (directory / "other.log").touch()
    handler.handle(line(at("2031-03-09 11:00:00"), "now"))
    handler.tidying.join()
    names = {path.name.removeprefix(f"{NAME}.") for path in directory.iterdir()}
    assert names == {NAME, "other.log", "2031-03-07-11.gz", "2031-03-09-10.gz", "2031-03-01-00.gz.bak"}


def test_what_an_earlier_run_left_unpacked_is_packed_and_no_line_lost(directory: Path) -> None:
    left = directory / f"{NAME}.2131-03-09-09"
    left.write_text("b\n")
    Path(f"{left}.gz").write_bytes(gzip.compress(b"a\n"))
    Path(f"{left}.gz.part").write_bytes(b"half")
    handler = HourlyFile(directory, days=3650)
    handler.tidying.join()
    handler.close()
    assert unpacked(Path(f"{left}.gz")) == "a\nb\n"
    assert not left.exists()
    assert not Path(f"{left}.gz.part").exists()


def test_a_full_disk_costs_lines_but_no_request_and_is_said_once(
    handler: HourlyFile, directory: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Full:
        def write(self, _: str) -> NoReturn:
            raise OSError(errno.ENOSPC, "No space left on device")

        def flush(self) -> None: ...

        def close(self) -> None: ...

    real = handler.stream
    monkeypatch.setattr(handler, "stream", Full())
    for number in range(3):
        handler.handle(line(at("2031-03-09 10:30:00"), f"lost {number}"))
    assert caplog.text.count("diagnostics cannot be written") == 1
    monkeypatch.setattr(handler, "stream", real)
    handler.handle(line(at("2031-03-09 10:31:00"), "back"))
    assert (directory / NAME).read_text() == "first\nback\n"


def test_a_directory_that_is_gone_costs_lines_but_no_request(
    handler: HourlyFile, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (directory / NAME).unlink()
    directory.rmdir()
    for hour in ("11", "12", "13"):
        handler.handle(line(at(f"2031-03-09 {hour}:00:00"), "lost"))
        handler.handle(line(at(f"2031-03-09 {hour}:30:00"), "lost"))
    assert "diagnostics cannot be written" in caplog.text
    directory.mkdir()
    handler.handle(line(at("2031-03-09 13:31:00"), "back"))
    assert (directory / NAME).read_text() == "back\n"
