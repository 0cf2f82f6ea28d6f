"""Holds answers against the OpenAPI document, more strictly than clients should: nothing may be in them unsaid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
from werkzeug.test import TestResponse

Document = Mapping[str, Any]


def resolved(document: Document, schema: Any, *, closed: bool = False, is_part: bool = False) -> Any:
    """A schema with all references replaced by what they refer to; `closed`: without members that it does not name."""
    if isinstance(schema, list):
        return [resolved(document, part, closed=closed, is_part=is_part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        found: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return resolved(document, found, closed=closed, is_part=is_part)
    inner = {key: resolved(document, value, closed=closed, is_part=key == "allOf") for key, value in schema.items()}
    is_whole = not is_part and ("allOf" in schema or isinstance(schema.get("properties"), dict))
    return inner | {"unevaluatedProperties": False} if closed and is_whole else inner


def described(document: Document) -> Iterator[tuple[str, str]]:
    """Method and path of every operation."""
    for path, methods in document["paths"].items():
        for method in methods:
            yield method.upper(), path


def codes_of(operation: Mapping[str, Any]) -> set[str]:
    """Every code that an operation may be answered with."""
    found = set()
    for answer in operation["responses"].values():
        problem = answer.get("content", {}).get("application/problem+json")
        if problem:
            found.update(problem["schema"]["allOf"][1]["properties"]["code"]["enum"])
    return found


def hold(document: Document, method: str, path: str, response: TestResponse) -> None:
    """Fails unless status, headers, media type and body are as the document says."""
    answers = document["paths"][path][method.lower()]["responses"]
    assert str(response.status_code) in answers, response.text
    said = resolved(document, answers[str(response.status_code)], closed=True)
    for name, header in said["headers"].items():
        if header.get("required") or name in response.headers:
            value: Any = response.headers[name]
            kind = header["schema"]["type"]
            jsonschema.validate(int(value) if kind == "integer" else value, header["schema"])
    if "content" in said:
        kind = str(response.mimetype)
        assert kind in said["content"], kind
        body = response.get_json() if kind.endswith("json") else response.text
        jsonschema.validate(body, said["content"][kind]["schema"], cls=jsonschema.Draft202012Validator)
