"""What LibreOffice makes of the tables. Skipped where it is not installed."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest

from faceattr.batch import names
from faceattr.batch.outcome import Outcome
from faceattr.batch.write import Images

AS_TEXT = "CSV:44,34,76,1,1/2/2/2"  # comma, quotation mark, UTF-8, from the first line on, columns 1 and 2 are text
TO_CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true"
FORMULAS = [b"=cmd|' /C calc'!A0.jpg", b"=1+1", b"+1", b"-1+2", b"@SUM(1)", b"\t=1+1"]
OTHERS = ["naïve\n名.jpg".encode(), b"\xff\xfe.jpg", b'a,b".jpg']
NUMBERS = [b"00123", b"1e5", b"2024-01-02", b"TRUE"]  # a spreadsheet takes them for something else unless told not to


@pytest.fixture(scope="module")
def office() -> str:
    found = shutil.which("soffice") or shutil.which("libreoffice")
    if found is None:
        pytest.skip("LibreOffice is not installed")
    return found


def converted(office: str, directory: Path, to: str, *, columns: str | None = None) -> dict[str, Path]:
    """Name → the file that LibreOffice makes of each table in a directory."""
    # A profile of its own, so that another one may be running.
    profile = f"-env:UserInstallation={(directory / 'profile').as_uri()}"
    chosen = [f"--infilter={columns}"] if columns else []
    tables = [str(path) for path in directory.glob("*.csv")]
    command = [office, profile, "--headless", *chosen, "--convert-to", to, "--outdir", str(directory / "new"), *tables]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    return {path.stem: path for path in (directory / "new").iterdir()}


def write_images(directory: Path, paths: list[bytes]) -> None:
    table = Images(directory / "images.csv")
    for path in paths:
        table.add(Outcome(path, "no_face", 1, 2, 3))
    table.finish()


def formulas(workbook: Path) -> list[str]:
    """Every formula in a .xlsx or .ods file."""
    with zipfile.ZipFile(workbook) as archive:
        pages = [archive.read(name).decode() for name in archive.namelist() if name.endswith(".xml")]
    return [found for page in pages for found in re.findall(r'<f[ >][^<]*</f>|table:formula="[^"]*"', page)]


@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_no_name_becomes_a_formula(office: str, tmp_path: Path, kind: str) -> None:
    write_images(tmp_path, FORMULAS + OTHERS)
    (tmp_path / "careless.csv").write_text("file\r\n=1+1\r\n")
    made = converted(office, tmp_path, kind)
    assert formulas(made["images"]) == []
    assert len(formulas(made["careless"])) == 1  # this is how one would be found


def test_every_name_comes_back_when_both_columns_are_read_as_text(office: str, tmp_path: Path) -> None:
    paths = FORMULAS + OTHERS + NUMBERS
    write_images(tmp_path, paths)
    back = converted(office, tmp_path, TO_CSV, columns=AS_TEXT)["images"]
    with back.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert [unquote_to_bytes(row["path"]) for row in rows] == paths
    assert [row["file"] for row in rows] == [names.for_people(path) for path in paths]


def test_a_path_that_is_not_all_number_comes_back_without_any_choice(office: str, tmp_path: Path) -> None:
    paths = FORMULAS + OTHERS
    write_images(tmp_path, paths)
    with converted(office, tmp_path, "csv")["images"].open(encoding="latin-1", newline="") as file:
        assert [unquote_to_bytes(row["path"]) for row in csv.DictReader(file, strict=True)] == paths
