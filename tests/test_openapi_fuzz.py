"""Requests made out of the OpenAPI document by Schemathesis: whatever is sent, the answer is one that is described.

A longer run, with as many examples of each operation as wanted:

    FACEATTR_TEST_EXAMPLES=1000 scripts/test tests/test_openapi_fuzz.py
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as run_with

from faceattr.analyzer import FaceAnalyzer
from faceattr.settings import Settings
from faceattr.web.app import create_app
from tests.conftest import BUILT_IN

EXAMPLES = int(os.environ.get("FACEATTR_TEST_EXAMPLES", "5"))
NOT_ASKED = {
    # A text that is base64 is still no photo.
    "positive_data_acceptance",
    # 12 may be said as "012", and a list of one word as the word: what is wrong in JSON may be right in an address.
    "negative_data_rejection",
}
"""Checks of Schemathesis that do not hold for photos."""


@pytest.mark.parametrize("kind", ["positive", "negative"])
def test_whatever_is_sent_the_answer_is_one_that_is_described(analyzer: FaceAnalyzer, kind: str) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="pip install -r requirements-dev.txt")
    from schemathesis.checks import CHECKS

    app = create_app(Settings(models=str(BUILT_IN), slots=2, compat="compreface,deepface"), analyzer=analyzer)
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    # Without a document's address, nothing is relative to it.
    schema.raw_schema["servers"] = [{"url": "/"}]
    checks = [CHECKS.get_one(name) for name in CHECKS.get_all_names() if name not in NOT_ASKED]
    mode = schemathesis.GenerationMode(kind)
    seen = set()
    for found in schema.get_all_operations():
        operation = found.ok()
        if kind == "negative" and not (operation.query or operation.body):
            continue
        seen.add(operation.path)

        @run_with(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=EXAMPLES < 100,
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def hold(case: Any) -> None:
            case.call_and_validate(checks=checks)

        hold()
    assert {"/analyze", "/analyze/batch", "/deepface/analyze"} <= seen
