"""Outcomes → report.html: one page of charts and tables, which loads nothing, runs nothing and shows no photo."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faceattr.batch import names, report_sections
from faceattr.batch.outcome import Outcome
from faceattr.batch.report_style import STYLE
from faceattr.batch.report_words import amount, counted, number, share, visible
from faceattr.batch.summary import Tally

_EXAMPLES = 5  # names of each kind of failure

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


class Report:
    """Writes report.html, with what made the outcomes (see Source.provenance). Raises OSError."""

    def __init__(self, path: Path, made_by: Mapping[str, Any]) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._made_by = made_by
        self._tally = Tally()
        self._examples: dict[str, list[str]] = {}

    def add(self, outcome: Outcome) -> None:
        """Counts one file; keeps its name if it is one of the first of its kind to fail."""
        self._tally.add(outcome)
        if outcome.failed:
            kept = self._examples.setdefault(outcome.outcome, [])
            if len(kept) < _EXAMPLES:
                kept.append(visible(names.for_people(outcome.path)))

    def finish(self) -> None:
        """Writes the page and makes it durable."""
        with self._file as file:
            file.write(page(self._tally, self._examples, self._made_by))
            file.flush()
            os.fsync(file.fileno())

    def discard(self) -> None:
        """Closes the file as it is."""
        with contextlib.suppress(OSError):
            self._file.close()


def page(tally: Tally, examples: Mapping[str, Sequence[str]], made_by: Mapping[str, Any]) -> str:
    """The whole page; `examples` are names of files by outcome, as text."""
    parts = [report_sections.files(tally)] if tally.files else []
    if tally.faces:
        parts += [report_sections.age_and_gender(tally), report_sections.per_photo(tally)]
        parts.append(report_sections.confidence(tally))
    if tally.files:
        parts.append(report_sections.failures(tally, examples))
    parts.append(report_sections.provenance(made_by))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_faces(tally)} in {_photos(tally)} – faceattr</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
        f"{_header(tally)}<main>\n{''.join(parts)}</main>\n{_FOOTER}</body>\n</html>\n"
    )


def _header(tally: Tally) -> str:
    analysed = tally.files - tally.failed
    figures = [
        ("files", number(tally.files), amount(tally.bytes)),
        ("analysed", share(analysed, tally.files), counted(analysed, "photo", "photos")),
        ("not analysed", number(tally.failed), share(tally.failed, tally.files)),
        ("uncertain faces", number(tally.uncertain), share(tally.uncertain, tally.faces)),
    ]
    listed = "".join(
        f"<div><dt>{name}</dt><dd>{value} <small>{more}</small></dd></div>" for name, value, more in figures
    )
    return (
        '<header><div>\n<p class="eyebrow">faceattr, batch report</p>\n'
        f"<h1><b>{_faces(tally)}</b> in {_photos(tally)}</h1>\n<p>{_ABOUT}</p>\n"
        f'<dl class="figures">{listed}</dl>\n</div></header>\n'
    )


def _faces(tally: Tally) -> str:
    return counted(tally.faces, "face", "faces")


def _photos(tally: Tally) -> str:
    return counted(tally.files - tally.failed, "photo", "photos")


_ABOUT = (
    "Apparent gender and age: how a face looks to a model, not who somebody is. A face is counted once for every photo "
    "it is in."
)

_FOOTER = """\
<footer>
<h2>How to read this</h2>
<p>Every number here can be recounted from faces.csv and images.csv beside this page; summary.json has the same numbers
for programs. Ages are put into groups by age_years.</p>
<p>A face is uncertain when the likelier gender has less than 70 %, or when the age spans more than 30 years between its
10th and 90th percentile. The models are less sure of small, blurred, turned or hidden faces, and of small children;
shares of a group can be off for the same reasons. Do not use them to decide about people.</p>
<p>The page holds no photo. Names of files that failed are its only personal part.</p>
</footer>
"""
