"""The report's sections: what became of the files, age and gender, faces per photo, confidence, failures, origin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from faceattr.batch import report_svg
from faceattr.batch.outcome import NO_FACE, OK
from faceattr.batch.report_svg import Group, Part
from faceattr.batch.report_words import ages, amount, counted, kind, meaning, number, option, share
from faceattr.batch.summary import AGES, BINS, GENDERS, Tally

_MANY_FACES = 10  # and more are one column
_WIDTH = 100 // BINS  # percent


def files(tally: Tally) -> str:
    """What became of every file."""
    parts = [
        Part("with faces", tally.outcomes[OK], "ok"),
        Part("without a face", tally.outcomes[NO_FACE], "none"),
        Part("not analysed", tally.failed, "failed"),
    ]
    shares = ", ".join(f"{part.label} {share(part.value, tally.files)}" for part in parts)
    chart = report_svg.strip("files", "What became of the files", f"One bar in three parts: {shares}.", parts)
    rows = [(_swatch(part.style) + part.label, number(part.value), share(part.value, tally.files)) for part in parts]
    total = ("all files", number(tally.files), share(tally.files, tally.files))
    return _section("What became of the files", "", chart, _table("Files", ("outcome", "files", "share"), rows, total))


def age_and_gender(tally: Tally) -> str:
    """The pyramid."""
    sides = GENDERS
    pale = tally.uncertain_groups
    groups = [
        Group(
            ages(*span),
            *(count[side, index] for side in sides for count in (tally.groups, pale)),
        )
        for index, span in enumerate(AGES)
    ]
    (gender, index), largest = max(tally.groups.items(), key=lambda item: (item[1], item[0]))
    description = (
        f"Bars to the left are {sides[0]}, to the right {sides[1]}, from 70+ at the top to 0–2 at the bottom. "
        f"The largest group is {gender}, {ages(*AGES[index])}, with {share(largest, tally.faces)} of all faces."
    )
    chart = report_svg.pyramid("ages", "Faces by apparent age and gender", description, groups, sides)
    rows = [
        (group.label, number(group.left), number(group.right), number(group.left_uncertain + group.right_uncertain))
        for group in reversed(groups)
    ]
    total = ("all ages", *(number(tally.of_gender(side)) for side in sides), number(tally.uncertain))
    head = ("years", _swatch("left") + sides[0], _swatch("right") + sides[1], "uncertain")
    means = " and ".join(f"{mean:.1f} ({side})" for side in sides if (mean := tally.mean_age(side)) is not None)
    words = (
        f"The mean apparent age is {tally.mean_age():.1f} years: {means}. The pale end of a bar is its uncertain part: "
        "faces whose gender or age should not be relied on alone."
    )
    return _section("Age and gender", words, chart, _table("Faces", head, rows, total))


def per_photo(tally: Tally) -> str:
    """How many faces the photos have."""
    most = max(tally.per_photo)
    last = min(most, _MANY_FACES)
    counts = Counter({min(faces, last): 0 for faces in range(last + 1)})
    for faces, photos in tally.per_photo.items():
        counts[min(faces, last)] += photos
    names = [f"{faces}+" if faces == last < most else str(faces) for faces in range(last + 1)]
    parts = [Part(name, counts[faces]) for faces, name in enumerate(names)]
    analysed = tally.files - tally.failed
    spoken = ", ".join(f"{part.label}: {share(part.value, analysed)}" for part in parts)
    chart = report_svg.columns("photos", "Photos by number of faces", f"Faces and share of photos. {spoken}.", parts)
    rows = [(part.label, number(part.value), share(part.value, analysed)) for part in parts]
    total = ("all analysed photos", number(analysed), share(analysed, analysed))
    words = f"The photo with the most has {counted(most, 'face', 'faces')}."
    return _section("Faces per photo", words, chart, _table("Photos", ("faces", "photos", "share"), rows, total))


def confidence(tally: Tally) -> str:
    """How sure the models are: two histograms and one table."""
    first = min(BINS // 2, *tally.confidence, *tally.gender_probability)
    bins = range(first, BINS)
    detection, gender = (
        [Part(f"{index * _WIDTH}–{(index + 1) * _WIDTH} %", counts[index]) for index in bins]
        for counts in (tally.confidence, tally.gender_probability)
    )
    edges = [f"{index * _WIDTH} %" if (BINS - index) % 2 == 0 or len(bins) < 4 else "" for index in (*bins, BINS)]
    charts = "".join(
        f"<div><h3>{heading}</h3>{report_svg.columns(key, heading, description, parts, edges=edges)}</div>"
        for key, heading, parts, description in (
            ("found", "That it is a face", detection, f"Mean confidence {_percent(tally.mean_confidence())}."),
            ("sure", "Of the gender", gender, f"Mean probability {_percent(tally.mean_gender_probability())}."),
        )
    )
    rows = [(one.label, number(one.value), number(two.value)) for one, two in zip(detection, gender, strict=True)][::-1]
    total = ("mean", _percent(tally.mean_confidence()), _percent(tally.mean_gender_probability()))
    words = "What the models themselves say, from 0 to 100 %; faces below the least confidence asked for are not here."
    table = _table("Faces by confidence", ("probability", "a face", "the gender"), rows, total)
    return _section("Confidence", words, charts, table)


def failures(tally: Tally, examples: Mapping[str, Sequence[str]]) -> str:
    """Files without an analysis, by kind, most frequent first, with the first few names of each."""
    if not tally.failed:
        return _section("Not analysed", "Every file was analysed.", "", "")
    kinds = sorted(
        (item for item in tally.outcomes.items() if item[0] not in (OK, NO_FACE)), key=lambda item: (-item[1], item[0])
    )
    parts = [Part(kind(outcome), count, "failed") for outcome, count in kinds]
    spoken = ", ".join(f"{part.label} {number(part.value)}" for part in parts)
    chart = report_svg.bars("failures", "Files that were not analysed, by kind", f"{spoken}.", parts)
    table = _table(
        "Files",
        ("kind", "files"),
        [(part.label, number(part.value)) for part in parts],
        ("not analysed", number(tally.failed)),
    )
    items = "".join(_kind(outcome, count, examples.get(outcome, ())) for outcome, count in kinds)
    words = "Each of them is a row of images.csv, with its kind under outcome."
    return _section("Not analysed", words, chart, table, f'<dl class="kinds">{items}</dl>')


def provenance(made_by: Mapping[str, Any]) -> str:
    """What made the answers: the same again gives the same again."""
    pack, options, limits = made_by["pack"], made_by["options"], made_by["limits"]
    sides = f"{number(limits['min_side'])} to {number(limits['max_side'])} pixels a side"
    rows = {
        "program": f"faceattr {made_by['faceattr']}",
        "models": f"{pack['name']} {pack['version']}",
        "digest of their files": pack["digest"],
        "digest of how they are fed": pack["manifest"],
        "engine": f"{made_by['engine']}, {made_by['precision']}",
        "options": ", ".join(f"{name} {option(value)}" for name, value in options.items()),
        "limits of a photo": f"{amount(limits['max_image_bytes'])}, {number(limits['max_pixels'])} pixels, {sides}",
    }
    listed = "".join(f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in rows.items())
    words = (
        "The same photos, models and options give the same answers, whatever the number of workers and interruptions."
    )
    return _section("What made this", words, "", "", f'<dl class="made">{listed}</dl>')


def _kind(outcome: str, count: int, names: Sequence[str]) -> str:
    listed = "".join(f"<li><bdi>{escape(name)}</bdi></li>" for name in names)
    more = f"<li>and {number(count - len(names))} more</li>" if count > len(names) else ""
    return (
        f"<div><dt>{escape(kind(outcome))}<code>{escape(outcome)}</code></dt>"
        f"<dd>{escape(meaning(outcome))}<ul>{listed}{more}</ul></dd></div>"
    )


def _section(heading: str, words: str, charts: str, beside: str, below: str = "") -> str:
    key = heading.lower().replace(" ", "-")
    pair = f'<div class="pair"><div class="charts">{charts}</div>{beside}</div>' if charts else ""
    said = f"<p>{escape(words)}</p>" if words else ""
    return f'<section aria-labelledby="{key}"><h2 id="{key}">{heading}</h2>{said}{pair}{below}</section>\n'


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], total: Sequence[str]) -> str:
    """`head`, `rows` and `total` are ready HTML, the first cell of each row its heading."""
    columns = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(_row(row) for row in rows)
    return (
        f"<table><caption>{caption}</caption><thead><tr>{columns}</tr></thead>"
        f"<tbody>{body}</tbody><tfoot>{_row(total)}</tfoot></table>"
    )


def _row(cells: Sequence[Any]) -> str:
    first, *others = cells
    return f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in others)}</tr>'


def _swatch(style: str) -> str:
    return f'<span class="swatch {style}"></span>'


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"
