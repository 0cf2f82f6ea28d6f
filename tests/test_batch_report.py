from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from faceattr.batch.outcome import Outcome, error
from faceattr.batch.report import Report
from faceattr.batch.report_words import MEANINGS, amount, share, visible
from faceattr.types import Age, Face, Gender
from tests import batch_fakes

VOID = {"meta"}


class Page(HTMLParser):
    """Checks that every tag is closed in turn, and collects what the tests ask about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def face(gender: str, years: float, uncertain: bool = False) -> Face:
    return dataclasses.replace(
        batch_fakes.face(0, 0.98765),
        gender=Gender(gender, 0.9, {}),
        age=Age(years, 0, 2, "(0-2)", 0.5),
        uncertain=uncertain,
    )


def written(path: Path, *outcomes: Outcome) -> str:
    report = Report(path, batch_fakes.MADE_BY)
    for outcome in outcomes:
        report.add(outcome)
    report.finish()
    return path.read_text(encoding="utf-8")


@pytest.fixture
def text(tmp_path: Path) -> str:
    return written(
        tmp_path / "t",
        Outcome(b"a", "ok", 1_500_000, 640, 480, (face("Female", 25), face("Female", 27, True), face("Male", 71))),
        Outcome(b"b", "no_face", 500, 640, 480),
        *(error(b"c%d" % number, "truncated_image") for number in range(8)),
        Outcome(b'<script>alert(1)</script>&".jpg', "missing"),
    )


def rows(text: str, caption: str) -> list[list[str]]:
    """The cells of the table with that caption, as text."""
    table = text[text.index(f"<caption>{caption}</caption>") :].split("</table>")[0]
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in table.split("<tr>")[1:]]
    return [[re.sub(r"<[^>]+>", "", cell) for cell in row] for row in cells]


def test_page_is_well_formed_and_has_one_heading_of_each_section(text: str) -> None:
    page = Page(text)
    assert len(page.all("h1")) == 1
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    headings = [attributes["id"] for attributes in page.all("h2") if "id" in attributes]
    assert [attributes["aria-labelledby"] for attributes in page.all("section")] == headings


def test_page_loads_nothing_and_runs_nothing(text: str) -> None:
    page = Page(text)
    assert not {"script", "img", "link", "iframe", "object", "embed", "image", "use", "a"} & {
        tag for tag, _ in page.tags
    }
    assert not {"src", "href", "xlink:href", "srcset", "style"} & {name for _, found in page.tags for name in found}
    assert not [name for _, found in page.tags for name in found if name.startswith("on")]
    assert not re.search(r"url\(|@import|https?:", text)
    assert {"http-equiv": "Content-Security-Policy", "content": "default-src 'none'; style-src 'unsafe-inline'"} in (
        page.all("meta")
    )


def test_every_chart_has_a_title_a_description_and_a_table(text: str) -> None:
    page = Page(text)
    charts = [attributes for attributes in page.all("svg") if attributes.get("role") == "img"]
    assert len(charts) == 6
    assert len(page.all("table")) == 5  # both histograms of confidence have one
    titles = {attributes.get("id") for attributes in page.all("title")}
    descriptions = {attributes.get("id") for attributes in page.all("desc")}
    for chart in charts:
        assert chart["aria-labelledby"] in titles
        assert chart["aria-describedby"] in descriptions


def test_numbers_are_those_of_the_outcomes(text: str) -> None:
    assert "<title>3 faces in 2 photos – faceattr</title>" in text
    assert rows(text, "Files")[1:] == [
        ["with faces", "1", "9.1 %"],
        ["without a face", "1", "9.1 %"],
        ["not analysed", "9", "81.8 %"],
        ["all files", "11", "100.0 %"],
    ]
    ages = {row[0]: row[1:] for row in rows(text, "Faces")}
    assert ages["20–29"] == ["2", "0", "1"]
    assert ages["70+"] == ["0", "1", "0"]
    assert ages["all ages"] == ["2", "1", "1"]
    assert rows(text, "Photos")[1:] == [
        ["0", "1", "50.0 %"],
        ["1", "0", "0.0 %"],
        ["2", "0", "0.0 %"],
        ["3", "1", "50.0 %"],
        ["all analysed photos", "2", "100.0 %"],
    ]
    assert rows(text, "Faces by confidence")[-1] == ["mean", "98.8 %", "90.0 %"]
    assert "1.5 MB" in text


def test_failures_come_by_kind_with_their_meaning_and_a_few_names(text: str) -> None:
    failures = text[text.index('id="not-analysed"') :]
    assert failures.index("truncated image") < failures.index("missing")
    assert MEANINGS["error:truncated_image"] in failures
    assert re.findall(r"<bdi>(c\d)</bdi>", failures) == ["c0", "c1", "c2", "c3", "c4"]
    assert "and 3 more" in failures


def test_names_are_text_and_never_markup(text: str) -> None:
    assert "<script" not in text
    assert "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;.jpg</bdi>" in text


def test_names_that_turn_the_writing_direction_or_break_the_line_show_it() -> None:
    assert visible("a\u202egpj.exe\n\x00") == "a\\u202egpj.exe\\u000a\\u0000"
    assert visible("名 é.jpg") == "名 é.jpg"
    assert len(visible("x" * 5000)) == 101


def test_an_unknown_kind_of_failure_is_shown_under_its_code(tmp_path: Path) -> None:
    text = written(tmp_path / "t", error(b"a", "new_code"))
    assert "<code>error:new_code</code>" in text


def test_a_run_without_failures_says_so(tmp_path: Path) -> None:
    text = written(tmp_path / "t", Outcome(b"a", "ok", 1, 2, 3, (face("Male", 40),)))
    assert "Every file was analysed." in text
    assert "1 face</b> in 1 photo</h1>" in text


@pytest.mark.parametrize("outcomes", [[], [Outcome(b"a", "no_face", 1, 2, 3)], [Outcome(b"a", "missing")]])
def test_runs_without_faces_are_pages_too(tmp_path: Path, outcomes: list[Outcome]) -> None:
    text = written(tmp_path / "t", *outcomes)
    Page(text)
    assert "0 faces" in text
    assert "Age and gender" not in text


def test_what_made_the_answers_is_named_even_when_there_are_none(tmp_path: Path) -> None:
    report = Report(tmp_path / "t", {**batch_fakes.MADE_BY, "engine": "<b>"})
    report.finish()
    text = (tmp_path / "t").read_text(encoding="utf-8")
    Page(text)
    assert re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", text[text.index('id="what-made-this"') :]) == [
        ("program", "faceattr 0.0"),
        ("models", "fake 1"),
        ("digest of their files", "d1"),
        ("digest of how they are fed", "m"),
        ("engine", "&lt;b&gt;, f32"),
        ("options", "min_confidence as the pack has it, min_face 12, tta on"),
        ("limits of a photo", "100.0 MB, 200,000,000 pixels, 8 to 16,384 pixels a side"),
    ]


def test_same_outcomes_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = (
        written(tmp_path / name, Outcome(b"a", "ok", 1, 2, 3, (face("Male", 40),)), error(b"b", "timeout"))
        for name in ("one", "other")
    )
    assert one == other


def test_names_kept_are_few_however_many_files_fail(tmp_path: Path) -> None:
    report = Report(tmp_path / "t", batch_fakes.MADE_BY)
    for number in range(1000):
        report.add(error(b"%d" % number, "timeout"))
    assert report._examples == {"error:timeout": ["0", "1", "2", "3", "4"]}
    report.discard()


def test_photos_with_many_faces_share_a_column(tmp_path: Path) -> None:
    text = written(
        tmp_path / "t",
        Outcome(b"a", "ok", 1, 2, 3, (face("Male", 40),) * 10),
        Outcome(b"b", "ok", 1, 2, 3, (face("Male", 40),) * 57),
    )
    assert rows(text, "Photos")[-2] == ["10+", "2", "100.0 %"]
    assert "The photo with the most has 57 faces." in text


@pytest.mark.parametrize(
    ("part", "whole", "decimals", "words"),
    [
        (0, 0, 1, "–"),
        (0, 9, 1, "0.0 %"),
        (1, 10**6, 1, "< 0.1 %"),
        (10**6 - 1, 10**6, 1, "> 99.9 %"),
        (9, 9, 1, "100.0 %"),
        (1, 3, 1, "33.3 %"),
        (1, 1000, 0, "< 1 %"),
        (999, 1000, 0, "> 99 %"),
    ],
)
def test_shares_never_claim_none_or_all_of_what_is_neither(part: int, whole: int, decimals: int, words: str) -> None:
    assert share(part, whole, decimals) == words


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_960, "1.0 MB"), (2_427_819_635, "2.4 GB")]
)
def test_bytes_have_the_unit_that_suits_them(count: int, words: str) -> None:
    assert amount(count) == words


def test_full_disk_is_an_os_error_and_the_file_can_still_be_closed() -> None:
    report = Report(Path("/dev/full"), batch_fakes.MADE_BY)
    with pytest.raises(OSError, match="No space left"):
        report.finish()
    report.discard()
    report.discard()
