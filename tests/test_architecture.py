from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.conftest import ROOT

LAYERS = (
    ("version", "types", "errors", "exhaustion", "files", "stopwatch", "client"),
    (
        "geometry",
        "settings",
        "options",
        "flags",
        "slots",
        "logs",
        "diagnostics",
        "memory",
        "processor",
        "console",
        "files",
        "stopwatch",
    ),
    ("headers", "pixels", "png", "images", "packs", "caffe"),
    ("annotate", "answers", "engines"),
    ("detector", "attributes", "tiling"),
    ("nets", "views", "turns"),
    ("loader",),
    ("analyzer",),
    ("convert_command", "oneoff", "models_command", "batch", "web"),
    ("doctor",),
    ("commands",),
    ("arguments",),
    ("__init__", "__main__"),
)
"""Imports go to an earlier layer, or within a part; `batch` and `web` never reach each other."""

LIBRARIES = {
    "cv2": {"images", "pixels", "png", "annotate", "geometry", "engines"},
    "flask": {"web"},
    "werkzeug": {"web"},
    "waitress": {"web"},
    "prometheus_client": {"web"},
    "flask_limiter": {"web"},
    "tqdm": {"batch"},
    "pyarrow": {"batch"},
    "ray": {"batch"},
}
"""What each third-party library may be imported by; NumPy by all."""


def modules() -> Iterator[tuple[str, Path]]:
    package = ROOT / "faceattr"
    for path in sorted(package.rglob("*.py")):
        yield path.relative_to(package).parts[0].removesuffix(".py"), path


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer_of(part: str) -> int:
    return next(index for index, layer in enumerate(LAYERS) if part in layer)


def test_every_module_has_its_place_and_imports_run_downward() -> None:
    for part, path in modules():
        for name in imports(path):
            top, _, rest = name.partition(".")
            if top != "faceattr":
                continue
            used = rest.split(".")[0]
            if used.startswith("__version__") or used == part:
                continue
            same_layer = layer_of(used) == layer_of(part)
            may_share = same_layer and layer_of(part) in (1, 2)
            assert layer_of(used) < layer_of(part) or may_share, f"{path}: {part} imports {used}"


def test_libraries_stay_where_they_belong() -> None:
    for part, path in modules():
        for name in imports(path):
            top = name.split(".")[0]
            if top in LIBRARIES:
                assert part in LIBRARIES[top], f"{path}: {part} imports {top}"


def test_the_public_surface_is_what_it_says() -> None:
    import faceattr

    for name in faceattr.__all__:
        assert getattr(faceattr, name) is not None
    assert set(faceattr._HOMES) | {"__version__"} == set(faceattr.__all__)
