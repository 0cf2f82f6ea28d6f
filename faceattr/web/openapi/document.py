"""The service described in OpenAPI 3.1: a document of those of its routes that are there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from flask import Flask

from faceattr.settings import Settings
from faceattr.version import __version__
from faceattr.web.openapi.builders import Schema
from faceattr.web.openapi.components import component_schemas, problem_schema
from faceattr.web.openapi.operation import JSON, PROBLEM, Content, Operation
from faceattr.web.openapi.operations import operations
from faceattr.web.problems import PROBLEMS
from faceattr.web.sessions import COOKIE

_ABOUT = (
    "Finds the faces in a photo and says an apparent gender and age for each. Photos never leave the machine, and "
    "never touch its disk or its log. Errors are `application/problem+json` with a stable `code`; an unknown "
    "address is `not_found`, a wrong method `method_not_allowed`. Answers may gain members; none is taken away."
)
_HEADERS: dict[str, Schema] = {
    "RequestId": {
        "description": "The id that the request was given in `X-Request-ID`, else a new one; the log has it, too.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
    },
    "RetryAfter": {
        "description": "Seconds after which to try again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "Location": {"description": "The page.", "schema": {"type": "string"}},
    "Set-Cookie": {"description": "The session of a browser.", "schema": {"type": "string"}},
}
_SCHEMES: dict[str, Schema] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer TOKEN`."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same token as a header."},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "What a browser gets for a token."},
}


def routes(app: Flask) -> Iterator[tuple[str, str]]:
    """Method and route of everything the application answers; HEAD and OPTIONS go without saying."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, rule.rule


def openapi_document(app: Flask, settings: Settings) -> dict[str, Any]:
    """OpenAPI 3.1 for the routes that the application has."""
    known, there = operations(), set(routes(app))
    paths: dict[str, Any] = {}
    for (method, route), operation in known.items():
        if (method, route) in there:
            paths.setdefault(route, {})[method.lower()] = _operation(operation)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "faceattr",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "./", "description": "Where this document is from."}],
        "paths": paths,
        "components": {"schemas": component_schemas(settings), "headers": _HEADERS, "securitySchemes": _SCHEMES},
    }
    return document | {"security": [{name: []} for name in _SCHEMES] if settings.token_file else []}


def _operation(operation: Operation) -> Schema:
    described: Schema = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "responses": {str(operation.success): _success(operation), **_problems(operation)},
    }
    if operation.parameters:
        described["parameters"] = list(operation.parameters)
    if operation.request:
        described["requestBody"] = {"required": True, "content": _content(operation.request)}
    if operation.is_probe:
        described["security"] = []
    return described


def _success(operation: Operation) -> Schema:
    headers = {"X-Request-ID": _header("RequestId")} | {name: _header(name) for name in operation.headers}
    description = "To the page." if operation.success == 303 else "Done."
    response: Schema = {"description": description, "headers": headers}
    return response | {"content": _content(operation.answers)} if operation.answers else response


def _problems(operation: Operation) -> dict[str, Schema]:
    by_status = itertools.groupby(sorted(operation.codes(), key=_status), key=_status)
    other = {} if operation.error is None else {JSON: {"schema": operation.error}}
    return {str(status): _problem(status, tuple(codes), other) for status, codes in by_status}


def _problem(status: int, codes: tuple[str, ...], other: Content) -> Schema:
    headers = {"X-Request-ID": _header("RequestId")}
    if status in (429, 503):
        headers["Retry-After"] = _header("RetryAfter")
    return {
        "description": "; ".join(f"`{code}`: {PROBLEMS[code][1]}" for code in codes) + ".",
        "headers": headers,
        "content": {**other, PROBLEM: {"schema": problem_schema(codes)}},
    }


def _status(code: str) -> int:
    return PROBLEMS[code][0]


def _header(name: str) -> Schema:
    return {"$ref": f"#/components/headers/{name}"}


def _content(content: Content) -> Schema:
    return {kind: {"schema": schema} for kind, schema in content.items()}
