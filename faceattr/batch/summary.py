"""Outcomes → counts → summary.json. Everything is counted as the tables show it, so that they can be recounted."""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faceattr.batch.outcome import Outcome
from faceattr.types import Face

GENDERS = ("Female", "Male")
AGES = ((0, 2), (3, 9), (10, 19), (20, 29), (30, 39), (40, 49), (50, 59), (60, 69), (70, None))
BINS = 20  # of confidences and probabilities, from 0 to 1
_TEN_THOUSANDTHS = 10_000  # confidences and probabilities have four decimals in the tables, years have one


class Tally:
    """Counts of everything seen so far; as large after a billion files as after ten."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.failed = 0
        self.bytes = 0
        self.per_photo: Counter[int] = Counter()  # faces in a photo → analysed photos
        self.faces = 0
        self.uncertain = 0
        self.groups: Counter[tuple[str, int]] = Counter()  # gender, index into AGES → faces
        self.uncertain_groups: Counter[tuple[str, int]] = Counter()
        self.confidence: Counter[int] = Counter()  # bin → faces
        self.gender_probability: Counter[int] = Counter()
        self._years: Counter[str] = Counter()  # gender → sum, in tenths: whole numbers add up the same in any order
        self._confidence = 0
        self._gender_probability = 0

    def add(self, outcome: Outcome) -> None:
        """Counts one file and its faces."""
        self.outcomes[outcome.outcome] += 1
        self.bytes += outcome.size or 0
        if outcome.failed:
            self.failed += 1
            return
        self.per_photo[len(outcome.faces)] += 1
        for face in outcome.faces:
            self._add_face(face)

    def _add_face(self, face: Face) -> None:
        tenths = _whole(face.age.years, 1)
        group = face.gender.value, age_group(tenths / 10)
        confidence = _whole(face.detection.confidence, 4)
        probability = _whole(face.gender.probability, 4)
        self.faces += 1
        self.groups[group] += 1
        self.uncertain += face.uncertain
        self.uncertain_groups[group] += face.uncertain
        self._years[face.gender.value] += tenths
        self.confidence[_bin(confidence)] += 1
        self.gender_probability[_bin(probability)] += 1
        self._confidence += confidence
        self._gender_probability += probability

    @property
    def files(self) -> int:
        """Files seen, whatever became of them."""
        return self.outcomes.total()

    def of_gender(self, gender: str) -> int:
        """Faces of that gender."""
        return sum(self.groups[gender, index] for index in range(len(AGES)))

    def mean_age(self, *genders: str) -> float | None:
        """Mean years of the faces of these genders, of all without any; None without faces."""
        chosen = genders or GENDERS
        return _mean(sum(self._years[gender] for gender in chosen) / 10, sum(map(self.of_gender, chosen)), 2)

    def mean_confidence(self) -> float | None:
        """Mean detector confidence; None without faces."""
        return _mean(self._confidence / _TEN_THOUSANDTHS, self.faces, 4)

    def mean_gender_probability(self) -> float | None:
        """Mean probability of the gender that was chosen; None without faces."""
        return _mean(self._gender_probability / _TEN_THOUSANDTHS, self.faces, 4)


class Summary:
    """Writes summary.json, with what made the outcomes (see Source.provenance). Raises OSError."""

    def __init__(self, path: Path, made_by: Mapping[str, Any]) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._tally = Tally()
        self._made_by = made_by

    def add(self, outcome: Outcome) -> None:
        """Counts one file."""
        self._tally.add(outcome)

    def finish(self) -> None:
        """Writes the counts and makes them durable."""
        with self._file as file:
            json.dump({"made_by": self._made_by, **summary(self._tally)}, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())

    def discard(self) -> None:
        """Closes the file as it is."""
        with contextlib.suppress(OSError):
            self._file.close()


def summary(tally: Tally) -> dict[str, Any]:
    """The counts as JSON-ready values; means are null without faces."""
    return {
        "files": tally.files,
        "bytes": tally.bytes,
        "analysed": tally.files - tally.failed,
        "failed": tally.failed,
        "outcomes": dict(sorted(tally.outcomes.items())),
        "faces_per_photo": {str(faces): photos for faces, photos in sorted(tally.per_photo.items())},
        "faces": {
            "total": tally.faces,
            "uncertain": tally.uncertain,
            "gender": {gender: tally.of_gender(gender) for gender in GENDERS},
            "age": {
                "mean_years": tally.mean_age(),
                "groups": [
                    {"low": low, "high": high}
                    | {gender: tally.groups[gender, index] for gender in GENDERS}
                    | {"uncertain": sum(tally.uncertain_groups[gender, index] for gender in GENDERS)}
                    for index, (low, high) in enumerate(AGES)
                ],
            },
            "confidence": _spread(tally.mean_confidence(), tally.confidence),
            "gender_probability": _spread(tally.mean_gender_probability(), tally.gender_probability),
        },
    }


def age_group(years: float) -> int:
    """The index into AGES of the group that these years fall into."""
    return max(index for index, (low, _) in enumerate(AGES) if years >= low or index == 0)


def _spread(mean: float | None, bins: Counter[int]) -> dict[str, Any]:
    """Faces per bin, each 1 / BINS wide from 0 on; exactly 1 is in the last one."""
    return {"mean": mean, "bin_width": 1 / BINS, "bins": [bins[index] for index in range(BINS)]}


def _whole(value: float, decimals: int) -> int:
    """The value as its table shows it, in units of its last decimal."""
    return round(round(value, decimals) * 10.0**decimals)


def _bin(ten_thousandths: int) -> int:
    return min(ten_thousandths * BINS // _TEN_THOUSANDTHS, BINS - 1)


def _mean(total: float, count: int, decimals: int) -> float | None:
    return round(total / count, decimals) if count else None
