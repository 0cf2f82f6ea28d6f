"""`python -m faceattr analyze`: a few photos from the command line, for people or as JSON lines."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from faceattr.analyzer import FaceAnalyzer
from faceattr.answers import answer
from faceattr.console import printable
from faceattr.errors import FaceAttrError
from faceattr.files import write_whole
from faceattr.options import Options
from faceattr.settings import Settings
from faceattr.types import Analysis, Face, PictureFormat

EXIT_SOME_FAILED, EXIT_USAGE, EXIT_CANNOT_WRITE = 3, 64, 73
_FORMATS: dict[str, PictureFormat] = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}


def analyze_photos(
    photos: Sequence[str], models: str | None, options: Options, *, as_json: bool, annotated: Path | None
) -> int:
    """Prints each photo's faces; the exit code: 0, 3 some photos failed, 64 usage, 73 a picture cannot be written.

    Raises SettingsError, PackError or EngineError before the first photo.
    """
    target = _Target.choose(annotated, len(photos)) if annotated else None
    if annotated and target is None:
        print(
            f"faceattr: --annotate {annotated}: expected a .png or .jpg file for one photo, or a directory for several",
            file=sys.stderr,
        )
        return EXIT_USAGE
    if target and (fault := target.fault(photos)):
        print(printable(f"faceattr: --annotate {annotated}: {fault}"), file=sys.stderr)
        return EXIT_USAGE
    settings = Settings.load(models=models, slots=1)
    analyzer = FaceAnalyzer.from_settings(settings)
    failed = 0
    for name in photos:
        try:
            data = _read(name, settings.max_image_bytes + 1)
            analysis = analyzer.analyze(data, options, picture=target.format if target else None)
        except (OSError, FaceAttrError) as error:
            failed += 1
            _report_failure(name, error, as_json)
            continue
        print(json.dumps({"photo": name, **answer(analysis)}) if as_json else describe(name, analysis), flush=True)
        if target and analysis.picture is not None:
            path = target.path_for(name)
            try:
                write_whole(path, analysis.picture)
            except OSError as error:
                print(printable(f"faceattr: cannot write {path}: {error.strerror}"), file=sys.stderr)
                return EXIT_CANNOT_WRITE
    return EXIT_SOME_FAILED if failed else 0


def _read(name: str, most: int) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read(most)
    with Path(name).open("rb") as file:
        return file.read(most)


def describe(name: str, analysis: Analysis) -> str:
    """An analysis for people: a line for the photo and one per face."""
    count = len(analysis.faces)
    found = "no face" if count == 0 else f"{count} face{'s' if count > 1 else ''}"
    size, taken = f"{analysis.width}×{analysis.height}", analysis.timing_ms.get("total", 0)
    head = f"{printable(name)}: {found} in {size}, {taken:.0f} ms"
    return "\n".join([head, *(f"  {_line(face)}" for face in analysis.faces)])


def _line(face: Face) -> str:
    x_min, y_min, x_max, y_max = face.detection.box.rounded()
    low, high = face.age.likely
    return (
        f"{face.gender.value:6} {face.gender.probability:4.0%}   {face.age.years:4.1f} years, likely {low}–{high}"
        f"   box {x_min},{y_min} – {x_max},{y_max}   confidence {face.detection.confidence:.2f}"
        f"{'   uncertain' if face.uncertain else ''}"
    )


def _report_failure(name: str, error: Exception, as_json: bool) -> None:
    code = error.code if isinstance(error, FaceAttrError) else "unreadable"
    text = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
    if as_json:
        print(json.dumps({"photo": name, "error": text, "code": code}), flush=True)
    else:
        print(printable(f"{name}: {text}"), file=sys.stderr, flush=True)


@dataclasses.dataclass(frozen=True, slots=True)
class _Target:
    """Where annotated pictures go: one file, or a directory."""

    path: Path
    format: PictureFormat
    is_directory: bool

    @classmethod
    def choose(cls, path: Path, photos: int) -> _Target | None:
        if path.is_dir():
            return cls(path, "png", is_directory=True)
        if photos == 1 and path.suffix.lower() in _FORMATS:
            return cls(path, _FORMATS[path.suffix.lower()], is_directory=False)
        return None

    def fault(self, photos: Sequence[str]) -> str | None:
        """Why pictures cannot go there without a loss: one would replace a photo, or another picture."""
        paths = [self.path_for(photo) for photo in photos]
        if len(set(paths)) < len(paths):
            return "two photos have the same name"
        originals = {Path(photo).resolve() for photo in photos if photo != "-"}
        lost = next((path for path in paths if path.resolve() in originals), None)
        return f"it would overwrite the photo {lost}" if lost else None

    def path_for(self, photo: str) -> Path:
        stem = "stdin" if photo == "-" else Path(photo).name
        return self.path / f"{stem}.png" if self.is_directory else self.path
