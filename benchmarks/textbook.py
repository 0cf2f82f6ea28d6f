"""The textbook pipeline beside ours, interleaved in one process: `python -m benchmarks.textbook --res10 DIR`.

The textbook pipeline is what published articles do: OpenCV's DNN on two threads, the res10 SSD, then for each face a
crop and one forward through each Levi–Hassner net, boxes drawn, PNG, base64. DIR holds the res10 detector as
`deploy_face.*`; the Levi–Hassner nets have their topology and random weights, which take the same time.
"""

from __future__ import annotations

import argparse
import base64
import importlib.util
import itertools
import json
import statistics
import tempfile
import time
import timeit
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from faceattr import FaceAnalyzer, Settings
from faceattr.answers import answer
from faceattr.engines.choice import ENGINES
from faceattr.settings import usable_cores
from faceattr.types import BGRImage
from tests.caffe_files import levi_hassner, write_articles_form
from tests.photo_bytes import decoded, encoded

ASTRONAUT = Path(__file__).resolve().parents[1] / "tests" / "data" / "astronaut.jpg"
STAGES = ("decode", "detect", "attributes", "annotate", "base64", "total")
LEVI_HASSNER_MEAN = (78.4263377603, 87.7689143744, 114.895847746)
AGES = ("(0-2)", "(4-6)", "(8-12)", "(15-20)", "(25-32)", "(38-43)", "(48-53)", "(60-100)")

Times = dict[str, float]


class Textbook:
    """The articles' service, written out plainly."""

    def __init__(self, res10: Path, threads: int) -> None:
        self.threads = threads
        read: Any = getattr(cv2.dnn, "readNetFromCaffe", None)
        if read is None:
            raise SystemExit("The textbook pipeline needs OpenCV 4: pip install 'opencv-python-headless<5'")
        self.detector = read(str(res10 / "deploy_face.prototxt"), str(res10 / "deploy_face.caffemodel"))
        self.gender, self.age = (
            read(np.frombuffer(p.encode(), np.uint8), np.frombuffer(w, np.uint8))
            for p, w in (levi_hassner(2), levi_hassner(8))
        )

    def analyze(self, photo: bytes, picture: str | None) -> Times:
        cv2.setNumThreads(self.threads)
        marks = [time.perf_counter()]
        image = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        marks.append(time.perf_counter())
        height, width = image.shape[:2]
        self.detector.setInput(cv2.dnn.blobFromImage(image, 1.0, (300, 300), (104, 177, 123)))
        rows = np.asarray(self.detector.forward())[0, 0]
        boxes = (rows[rows[:, 2] > 0.7, 3:7] * (width, height, width, height)).astype(int)
        marks.append(time.perf_counter())
        labels = []
        for x_min, y_min, x_max, y_max in boxes:
            face = image[max(0, y_min - 20) : y_max + 20, max(0, x_min - 20) : x_max + 20]
            if not face.size:  # a ghost outside the photo; what the articles do then is to crash
                labels.append("")
                continue
            blob = cv2.dnn.blobFromImage(face, 1.0, (227, 227), LEVI_HASSNER_MEAN, swapRB=False)
            self.gender.setInput(blob)
            gender = ("Male", "Female")[int(np.argmax(self.gender.forward()))]
            self.age.setInput(blob)
            labels.append(f"{gender} {AGES[int(np.argmax(self.age.forward()))]}")
        marks.append(time.perf_counter())
        answer = {"faces": labels}
        if picture:
            for (x_min, y_min, x_max, y_max), label in zip(boxes.tolist(), labels, strict=True):
                cv2.rectangle(image, (x_min, y_min), (x_max, y_max), (0, 255, 0), 2)
                cv2.putText(image, label, (x_min, y_min - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 255, 255), 2)
            png = cv2.imencode(f".{picture}", image)[1]
            marks.append(time.perf_counter())
            answer["result"] = base64.b64encode(png.tobytes()).decode()  # type: ignore[assignment]
        else:
            marks.append(time.perf_counter())
        json.dumps(answer)
        marks.append(time.perf_counter())
        steps = [(b - a) * 1000 for a, b in itertools.pairwise(marks)]
        return dict(zip(STAGES, [*steps, (marks[-1] - marks[0]) * 1000], strict=True))


@dataclass
class Ours:
    """Our analyzer from photo bytes to answer bytes, as the service runs it, without the sockets."""

    settings: Settings

    def __post_init__(self) -> None:
        self.analyzer = FaceAnalyzer.from_settings(self.settings)

    def analyze(self, photo: bytes, picture: str | None) -> Times:
        # The textbook pipeline beside us sets OpenCV's threads for the whole process.
        cv2.setNumThreads(self.settings.threads_per_inference or 1)
        begin = time.perf_counter()
        analysis = self.analyzer.analyze(photo, picture=picture)  # type: ignore[arg-type]
        body = json.dumps(answer(analysis)).encode()
        if analysis.picture is not None:
            body += base64.b64encode(analysis.picture)
        total = (time.perf_counter() - begin) * 1000
        return {**analysis.timing_ms, "base64": total - analysis.timing_ms["total"], "total": total}


def our_ways(threads: int, levi_hassner_pack: Path) -> dict[str, Ours]:
    """Our analyzer on every installed engine, with the built-in pack and with nets of the articles' topology."""
    ways = {}
    for models, name in (("", "built-in"), (str(levi_hassner_pack), "Levi–Hassner")):
        for engine in ENGINES:
            for precision in ("f32", "bf16") if engine == "openvino" else ("f32",):
                if engine == "opencv" or importlib.util.find_spec(engine):
                    slots = max(1, usable_cores() // max(1, threads))
                    settings = Settings.load(
                        models=models or None,
                        engine=engine,
                        precision=precision,
                        slots=slots,
                        threads_per_inference=threads,
                    )
                    ways[f"{name}, {engine}{' bf16' if precision == 'bf16' else ''}"] = Ours(settings)
    return ways


def vga_photo() -> bytes:
    """One face in 640×480."""
    image = np.asarray(cv2.resize(decoded(ASTRONAUT.read_bytes()), (640, 640)), np.uint8)
    return encoded(np.ascontiguousarray(image[:480]))


def large_photo() -> bytes:
    """Two faces in 2,310×1,560 (3.6 megapixels), with grain so that it is no easier to compress than a photo."""
    one: BGRImage = np.asarray(cv2.resize(decoded(ASTRONAUT.read_bytes()), (1560, 1560)), np.uint8)[:, :1155]
    image = np.hstack([one, one]).astype(np.int16)
    image += np.random.default_rng(0).normal(0, 4, image.shape).astype(np.int16)
    return encoded(image.clip(0, 255).astype(np.uint8))


def interleaved(ways: Sequence[Callable[[], Times]], rounds: int) -> list[Times]:
    """Median milliseconds of each way per stage, all ways in turn so that a noisy machine is unfair to none."""
    runs: list[list[Times]] = [[] for _ in ways]
    for index in range(rounds + 3):
        for way, kept in zip(ways, runs, strict=True):
            times = way()
            if index >= 3:
                kept.append(times)
    return [{stage: statistics.median(times[stage] for times in kept) for stage in STAGES} for kept in runs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--res10", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=25)
    default = Settings().threads_per_inference
    parser.add_argument("--threads", type=int, default=default, help="threads per inference; 0: all that are free")
    parser.add_argument("--only", default="", help="only ways whose name contains this")
    parsed = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        pack = write_articles_form(Path(directory) / "models", parsed.res10)
        for name, classes in (("gender_net", 2), ("age_net", 8)):
            prototxt, weights = levi_hassner(classes)
            (pack / f"{name}.prototxt").write_text(prototxt)
            (pack / f"{name}.caffemodel").write_bytes(weights)
        ours = our_ways(parsed.threads, pack)
    ways: dict[str, Textbook | Ours] = {"textbook": Textbook(parsed.res10, threads=2)}
    ways |= {name: way for name, way in ours.items() if parsed.only in name}
    square = np.random.default_rng(0).random((2048, 2048), dtype=np.float32)
    peak = 2 * 2048**3 / min(timeit.repeat(lambda: square @ square, number=1, repeat=8)) / 1e9
    print(f"matrix-multiply peak {peak:.0f} GFLOP/s; ours with {parsed.threads} thread(s) per inference")
    for name, photo in (("VGA, one face", vga_photo()), ("3.6 Mpx, two faces", large_photo())):
        for picture in (None, "jpeg", "png"):
            medians = interleaved([partial(way.analyze, photo, picture) for way in ways.values()], parsed.rounds)
            print(f"\n{name}, {f'with {picture}' if picture else 'without a picture'}; median ms")
            print("| | " + " | ".join(STAGES) + " | ratio |")
            print("|---" * (len(STAGES) + 2) + "|")
            for way, times in zip(ways, medians, strict=True):
                ratio = medians[0]["total"] / times["total"]
                print(f"| {way} | " + " | ".join(f"{times[stage]:.1f}" for stage in STAGES) + f" | {ratio:.1f}× |")


if __name__ == "__main__":
    main()
