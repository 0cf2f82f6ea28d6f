"""How near each engine comes to what the processor can do: `python -m benchmarks.engines [--rounds N]`.

For the built-in nets and for one of Levi–Hassner's topology: the operations counted from the imported graph, the median
time on one thread and on all cores, and that rate as a share of what NumPy multiplies matrices at on as many threads.
Rounds are interleaved. Where OpenCV can still read Caffe files, its own import runs beside ours.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from faceattr.caffe import Graph, fold, join, read_net, subgraph, to_onnx
from faceattr.doctor.analysis import multiplications_per_second
from faceattr.engines import CaffeEngine
from faceattr.engines.choice import ENGINES, choose_engine
from faceattr.settings import usable_cores
from tests.caffe_files import levi_hassner

MODELS = Path(__file__).resolve().parents[1] / "models"
PEAK = "from faceattr.doctor.analysis import multiplications_per_second as peak; print(peak())"
Files = tuple[bytes, bytes]


def giga_operations(graph: Graph) -> float:
    """GFLOP (2 × multiply–add) of the convolutions and inner products for one image."""
    total = 0
    for node in graph.nodes:
        if node.type in ("Convolution", "Deconvolution", "InnerProduct"):
            blob = node.inputs[0] if node.type == "Deconvolution" else node.outputs[0]
            places = int(np.prod(graph.shapes[blob][1:]))
            total += 2 * places * int(np.prod(node.weights[0].shape[1:]))
    return total / 1e9


def files(name: str) -> Files:
    """Prototxt and caffemodel of a net of the built-in pack."""
    return (MODELS / f"{name}.prototxt").read_bytes(), (MODELS / f"{name}.caffemodel").read_bytes()


def graphs() -> dict[str, tuple[Graph, Files | None]]:
    """The nets to run, as they are run; with the files from which OpenCV can make the same."""
    face, gender, age = (files(name) for name in ("deploy_face", "gender_net", "age_net"))
    text, weights = levi_hassner(8)
    articles = text.encode(), weights
    return {
        "detector": (subgraph(fold(read_net(*face)), ["mbox_loc", "mbox_conf"]), face),
        "gender and age": (join({"gender": fold(read_net(*gender)), "age": fold(read_net(*age))}), None),
        "Levi–Hassner, one": (fold(read_net(*articles)), articles),
    }


def runs(graph: Graph, net: Files | None, threads: int) -> dict[str, Callable[[], object]]:
    """One forward of one image on each engine that is installed."""
    blob = np.random.default_rng(0).normal(0, 1, (1, *next(iter(graph.inputs.values()))[1:])).astype(np.float32)
    ways: dict[str, Callable[[], object]] = {}
    for name in ENGINES:
        if name == "opencv" or importlib.util.find_spec(name):
            engine = choose_engine(name, "f32", 1, threads, onnx=True)
            ways[engine.name] = partial(engine.load(to_onnx(graph)), blob)
            if net and isinstance(engine, CaffeEngine) and hasattr(cv2.dnn, "readNetFromCaffe"):
                ways[f"{engine.name}, its own import"] = partial(engine.load_caffe(*net), blob)
    return ways


def peak(threads: int) -> float:
    """GFLOP/s of NumPy on so many threads, which it takes from the environment when it is imported."""
    if threads == usable_cores():
        return multiplications_per_second() / 1e9
    limits = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    asked = subprocess.run([sys.executable, "-c", PEAK], env={**os.environ, **limits}, capture_output=True, check=True)
    return float(asked.stdout) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    for threads in sorted({1, usable_cores()}):
        most = peak(threads)
        print(f"\n{threads} thread(s); NumPy multiplies matrices at {most:.0f} GFLOP/s\n")
        print("| net | GFLOP | engine | median ms | GFLOP/s | of the peak |\n|---|---|---|---|---|---|")
        for name, (graph, net) in graphs().items():
            cost, ways = giga_operations(graph), runs(graph, net, threads)
            times: dict[str, list[float]] = {way: [] for way in ways}
            for index in range(rounds + 3):
                for way, run in ways.items():
                    begin = time.perf_counter()
                    run()
                    if index >= 3:
                        times[way].append(time.perf_counter() - begin)
            for way, taken in times.items():
                middle = statistics.median(taken)
                rate = cost / middle
                print(f"| {name} | {cost:.2f} | {way} | {middle * 1000:.2f} | {rate:.0f} | {rate / most:.0%} |")


if __name__ == "__main__":
    main()
