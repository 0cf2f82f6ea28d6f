from __future__ import annotations

import csv
from pathlib import Path
from urllib.parse import unquote_to_bytes

from faceattr.batch.outcome import Outcome, error
from faceattr.batch.write import Faces, Images, rows_in
from tests import batch_fakes


def put(directory: Path, *outcomes: Outcome) -> None:
    for name, table in (("faces.csv", Faces), ("images.csv", Images)):
        writer = table(directory / name)
        for outcome in outcomes:
            writer.add(outcome)
        writer.finish()


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def test_tables_without_rows_have_designs_columns(tmp_path: Path) -> None:
    put(tmp_path)
    assert (tmp_path / "faces.csv").read_bytes() == (
        b"file,path,face,x_min,y_min,x_max,y_max,confidence,gender,gender_probability,age_years,age_low,age_high,"
        b"age_label,age_probability,size_px,sharpness,brightness,touches_edge,uncertain\r\n"
    )
    assert (tmp_path / "images.csv").read_bytes() == b"file,path,outcome,bytes,width,height,faces\r\n"


def test_faces_are_rows_of_fixed_decimals_counted_from_one(tmp_path: Path) -> None:
    put(tmp_path, Outcome(b"a.jpg", "ok", 7, 640, 480, batch_fakes.analysis(2).faces))
    assert (tmp_path / "faces.csv").read_bytes().split(b"\r\n")[1:] == [
        b"a.jpg,a.jpg,1,10,20,111,142,0.9877,Female,0.6667,31.4,30,39,(30-39),0.5000,100,0.7000,0.2500,false,true",
        b"a.jpg,a.jpg,2,110,20,211,142,0.9877,Female,0.6667,31.4,30,39,(30-39),0.5000,100,0.7000,0.2500,false,true",
        b"",
    ]


def test_every_outcome_is_a_row_with_what_is_known(tmp_path: Path) -> None:
    put(
        tmp_path,
        Outcome(b"a", "ok", 7, 640, 480, batch_fakes.analysis(1).faces),
        Outcome(b"b", "no_face", 7, 640, 480),
        Outcome(b"c", "missing"),
        error(b"d", "truncated_image", 9),
        error(b"e/", "unreadable", note="not for the table"),
    )
    assert (tmp_path / "images.csv").read_bytes().split(b"\r\n")[1:] == [
        b"a,a,ok,7,640,480,1",
        b"b,b,no_face,7,640,480,0",
        b"c,c,missing,,,,",
        b"d,d,error:truncated_image,9,,,",
        b"e/,e/,error:unreadable,,,,",
        b"",
    ]


def test_hostile_names_come_back_from_the_csv_module(tmp_path: Path) -> None:
    paths = [b"=cmd|' /C calc'!A0.jpg", b'a,"b".jpg', "naïve\n名.jpg".encode(), b"\r\n.jpg", b"\xff\xfe.jpg"]
    put(tmp_path, *(Outcome(path, "ok", 1, 2, 3, batch_fakes.analysis(1).faces) for path in paths))
    for table in ("faces.csv", "images.csv"):
        found = rows(tmp_path / table)
        assert [unquote_to_bytes(row["path"]) for row in found] == paths
        assert [row["file"] for row in found] == [
            "'=cmd|' /C calc'!A0.jpg",
            'a,"b".jpg',
            "naïve\n名.jpg",
            "'\r'\n.jpg",
            "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}.jpg",
        ]


def test_rows_are_counted_as_readers_count_them(tmp_path: Path) -> None:
    put(tmp_path, *(Outcome(path, "ok", 1, 2, 3, batch_fakes.analysis(2).faces) for path in (b"a\n\r\nb", b'"', b"c")))
    assert (rows_in(tmp_path / "images.csv"), rows_in(tmp_path / "faces.csv")) == (3, 6)
