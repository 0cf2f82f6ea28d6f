"""Measures a pack on labelled photos: `python -m training.evaluate --data DIR [--models DIR] [--peers DIR]`.

DIR of --data holds utkface_val.tar (face chips named AGE_GENDER_ID.webp), webfaces_val.tar and street_val.tar with the
.jsonl of each, and nonface.tar, of which the 30 % that is never trained on is used. Prints Markdown. A face counts as
found when a box overlaps it with IoU > 0.4.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from faceattr.analyzer import FaceAnalyzer
from faceattr.settings import Settings
from training.evaluation import detectors, plots, tables
from training.evaluation.attributes import measure_attributes
from training.evaluation.detection import measure_detector, read_detector_data
from training.evaluation.photos import measure_photos
from training.reporting import status_of
from training.tars import DataError

PARTS = ("attributes", "detector", "photos")


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the figures; the exit status."""
    arguments = _parser().parse_args(argv)
    return status_of("evaluate", lambda: evaluate(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="labelled photos")
    parser.add_argument("--models", metavar="DIR", help="the pack; as for the service when not given")
    parser.add_argument("--only", choices=PARTS, help="measure one part: nets on chips, detector, or whole photos")
    parser.add_argument(
        "--peers", type=Path, metavar="DIR", help="also measure res10/deploy_face.* and yunet/yunet_n_*.onnx in DIR"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="write the curves there as SVG files")
    return parser


def evaluate(arguments: argparse.Namespace) -> None:
    """Measures, prints and writes what the arguments ask for. Raises FaceAttrError and OSError."""
    if arguments.json and not arguments.json.parent.is_dir():
        # Said before the minutes that measuring takes, not after.
        raise DataError(f"There is no directory {arguments.json.parent} to write {arguments.json.name} to.")
    analyzer = FaceAnalyzer.from_settings(Settings.load(models=arguments.models))
    models = analyzer.models
    figures: dict[str, Any] = {}
    pictures: dict[str, str] = {}
    print(f"# {models.pack.name} {models.pack.version}\n\nDigest {models.digest}; {analyzer.engine.name}.", flush=True)
    figures["pack"] = {"name": models.pack.name, "version": models.pack.version, "digest": models.digest}
    parts = (arguments.only,) if arguments.only else PARTS
    if "attributes" in parts:
        attributes = measure_attributes(models.pack, models.attributes, arguments.data)
        figures["attributes"] = asdict(attributes)
        pictures |= plots.attribute_plots(attributes)
        print(f"\n{tables.attribute_tables(attributes)}", flush=True)
    if "detector" in parts:
        contestants = [*detectors.of_pack(analyzer), *(detectors.peers(arguments.peers) if arguments.peers else ())]
        data = read_detector_data(arguments.data)
        measured = [measure_detector(contestant, data) for contestant in contestants]
        figures["detectors"] = [asdict(each) for each in measured]
        pictures |= plots.detector_plots(measured)
        print(f"\n{tables.detector_tables(measured, data)}", flush=True)
    if "photos" in parts:
        whole = measure_photos(analyzer, arguments.data)
        figures["photos"] = asdict(whole)
        print(f"\n{tables.photo_tables(whole)}", flush=True)
    _write(arguments, figures, pictures)


def _write(arguments: argparse.Namespace, figures: dict[str, Any], pictures: dict[str, str]) -> None:
    if arguments.json:
        content = json.dumps(_finite(figures), indent=1, ensure_ascii=False, allow_nan=False)
        arguments.json.write_text(content + "\n", encoding="utf-8")
    if arguments.plots:
        arguments.plots.mkdir(parents=True, exist_ok=True)
        for name, content in pictures.items():
            (arguments.plots / name).write_text(content, encoding="utf-8")


def _finite(value: Any) -> Any:
    """The value with null for every number that JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not isfinite(value) else value


if __name__ == "__main__":
    sys.exit(main())
