from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from faceattr.errors import OptionError, SettingsError
from faceattr.options import Options
from faceattr.settings import Settings, usable_cores


def test_flags_override_the_environment_and_the_environment_the_defaults() -> None:
    environ = {"FACEATTR_PORT": "8080", "FACEATTR_HOST": "0.0.0.0", "FACEATTR_MODELS": ""}
    settings = Settings.load(environ, port=9090, models=None)
    assert (settings.port, settings.host, settings.models, settings.threads) == (9090, "0.0.0.0", "", 16)


def test_a_port_that_kubernetes_sets_is_not_ours() -> None:
    assert Settings.load({"FACEATTR_PORT": "tcp://10.0.0.1:5000"}).port == 5000


def test_every_setting_states_its_unit_and_its_reason() -> None:
    for field in dataclasses.fields(Settings):
        assert field.metadata["unit"], field.name
        assert len(field.metadata["reason"]) > 10, field.name


@pytest.mark.parametrize(
    ("environ", "flags", "cause"),
    [
        ({"FACEATTR_PORT": "http"}, {}, "FACEATTR_PORT must be a whole number \\(TCP port\\), not 'http'"),
        ({"FACEATTR_PORT": "70000"}, {}, "FACEATTR_PORT must be from 0 to 65535"),
        ({}, {"threads": 0}, "--threads must be from 1 to 512"),
        ({}, {"threads": "4"}, "--threads must be of type int, not str"),
        ({}, {"max_image_bytes": True}, "must be of type int, not bool"),
        ({}, {"colour": "red"}, "Unknown setting 'colour'. Known settings: models"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(environ: dict[str, str], flags: dict[str, Any], cause: str) -> None:
    with pytest.raises(SettingsError, match=cause):
        Settings.load(environ, **flags)


def test_slots_times_threads_make_the_cores() -> None:
    assert Settings().inference_slots == usable_cores()
    assert Settings(threads_per_inference=usable_cores()).inference_slots == 1
    assert Settings(threads_per_inference=200).inference_slots == 1
    assert Settings(slots=3).inference_slots == 3


def test_options_default_to_the_documented_values() -> None:
    assert Options.from_json({}) == Options(None, 12, 100)
    assert Options.from_json({"min_confidence": None, "min_face": None}) == Options()


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ({"colour": 1}, "Unknown option 'colour'. Known options: annotate, min_confidence"),
        ({"x" * 1000: 1}, "Unknown option a string of 1000 characters"),
        ({"min_confidence": "0.5"}, "'min_confidence' must be a number from 0 to 1, not '0.5'"),
        ({"min_confidence": True}, "must be a number from 0 to 1, not true"),
        ({"min_confidence": 1.5}, "must be a number from 0 to 1, not 1.5"),
        ({"min_confidence": float("nan")}, "must be a number from 0 to 1, not nan"),
        ({"min_confidence": 10**400}, "must be a number from 0 to 1"),
        ({"min_face": 12.5}, "'min_face' must be a whole number from 1 to 16384, not 12.5"),
        ({"min_face": 0}, "must be a whole number"),
        ({"max_faces": 101}, "'max_faces' must be a whole number from 1 to 100, not 101"),
        ({"max_faces": [1]}, "not an array"),
        ({"distribution": 1}, "'distribution' must be true or false, not 1"),
        ({"distribution": {}}, "not an object"),
    ],
)
def test_a_wrong_option_is_refused_by_name(values: dict[str, Any], cause: str) -> None:
    with pytest.raises(OptionError, match=cause):
        Options.from_json(values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ({"min_confidence": "0.25", "min_face": "40"}, Options(0.25, 40)),
        ({"distribution": "true"}, Options(distribution=True)),
        ({"distribution": "False"}, Options(distribution=False)),
    ],
)
def test_options_are_read_from_query_text(text: dict[str, str], expected: Options) -> None:
    assert Options.from_text(text) == expected


@pytest.mark.parametrize(
    "text", [{"distribution": "yes"}, {"min_face": "1.5"}, {"min_face": ""}, {"min_confidence": "x"}, {"colour": "1"}]
)
def test_wrong_query_text_is_refused(text: dict[str, str]) -> None:
    with pytest.raises(OptionError, match=next(iter(text))):
        Options.from_text(text)
