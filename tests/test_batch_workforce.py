from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

import pytest

from faceattr.batch import workforce
from faceattr.batch.arguments import parser, require_input
from faceattr.batch.photo import Work
from faceattr.errors import SettingsError
from faceattr.options import Options
from faceattr.settings import Settings, usable_cores
from tests import batch_fakes

WORK = Work(Path(), Settings(), Options(), batch_fakes.load)


def remember(*arguments: Any) -> Any:
    return arguments


@pytest.mark.parametrize(("text", "found"), [("1", (1, 1)), ("12", (12, 12)), ("1:8", (1, 8)), ("3:3", (3, 3))])
def test_workers_are_a_number_or_a_range(text: str, found: tuple[int, int]) -> None:
    assert workforce.workers(text) == found


@pytest.mark.parametrize("text", ["", "0", "0:4", "-1", "1.5", "4:2", "4:", ":4", "1:2:3", "٣", "99999999"])
def test_other_numbers_of_workers_are_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="must be"):
        workforce.workers(text)


@pytest.mark.parametrize(("chosen", "count"), [((3, 3), 3), (None, usable_cores())])
def test_without_a_cluster_the_workers_are_processes_here(
    monkeypatch: pytest.MonkeyPatch, chosen: workforce.Range | None, count: int
) -> None:
    monkeypatch.setattr(workforce, "Pool", remember)
    found: Any = workforce.runner(WORK, chosen, None)
    assert found == (WORK, count)


@pytest.mark.parametrize(("chosen", "span"), [((2, 64), (2, 64)), (None, (1, 1_000_000))])
def test_with_a_cluster_the_workers_are_there(
    monkeypatch: pytest.MonkeyPatch, chosen: workforce.Range | None, span: workforce.Range
) -> None:
    monkeypatch.setattr(workforce, "on_cluster", remember)
    found: Any = workforce.runner(WORK, chosen, "head:6379")
    assert found == ("head:6379", WORK, *span)


def test_a_range_of_workers_needs_a_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--input_dir", "in", "--output_dir", "out", "--workers", "1:4"]
    one = parser()
    with pytest.raises(SystemExit, match="64"):
        require_input(one, one.parse_args(words))
    assert "MIN:MAX only with --cluster" in capsys.readouterr().err
    require_input(one, one.parse_args([*words, "--cluster", "auto"]))


def test_a_cluster_needs_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    workforce.require(None)
    with pytest.raises(SettingsError, match="requirements-ray.txt"):
        workforce.require("auto")
