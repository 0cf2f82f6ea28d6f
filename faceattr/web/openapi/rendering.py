"""From the OpenAPI document to the values that its page shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from faceattr.web.openapi.builders import Schema

_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Listed:
    """One operation of the page. `anchor` is its place there."""

    method: str
    path: str
    anchor: str
    described: Schema


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an object by its path, like `box.x_min`; what it may be, and whether it is always there."""

    path: str
    kind: Markup
    required: bool
    description: str


def listed_operations(document: Schema) -> list[Listed]:
    """Every operation in the document's order."""
    return [
        Listed(method.upper(), path, described["operationId"], described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    ]


def code_marked(text: str) -> Markup:
    """Text as HTML, with what stands between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def shape(document: Schema, schema: Schema) -> list[Member]:
    """The members of an object's schema, those of objects inside it after it; none of other schemas."""
    return list(_members(document, schema, ""))


def type_name(schema: Schema) -> Markup:
    """What a value of a schema may be, as HTML: its type or words, its range and default, or a link to its schema."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Markup('<a href="#schema-{0}">{0}</a>').format(name)
    if "allOf" in schema:
        return Markup(" and ").join(type_name(part) for part in schema["allOf"])
    if "const" in schema:
        return Markup("<code>{}</code>").format(schema["const"])
    kinds = schema.get("type", "object")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "enum" in schema:
        kind = Markup(" or ").join(Markup("<code>{}</code>").format(_json_word(word)) for word in schema["enum"])
    elif "items" in schema:
        kind = Markup("array of {}").format(type_name(schema["items"]))
    else:
        kind = escape(" or ".join(kinds))
    return kind + _limits(schema)


def _limits(schema: Schema) -> Markup:
    words = []
    if "minimum" in schema and "maximum" in schema:
        words.append(f"{schema['minimum']:,} to {schema['maximum']:,}")
    elif "minimum" in schema:
        words.append(f"at least {schema['minimum']:,}")
    if "maxItems" in schema:
        words.append(f"{schema.get('minItems', 0):,} to {schema['maxItems']:,} items")
    if "default" in schema:
        words.append(f"default\u00a0{_json_word(schema['default'])}")
    return escape("".join(f", {word}" for word in words))


def _json_word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _members(document: Schema, schema: Schema, prefix: str) -> Iterator[Member]:
    if "allOf" in schema:
        for part in schema["allOf"]:
            yield from _members(document, _resolved(document, part), prefix)
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        path = f"{prefix}{name}"
        yield Member(path, type_name(inner), name in required, inner.get("description", ""))
        yield from _members(document, inner, f"{path}.")


def _resolved(document: Schema, schema: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    found: Schema = document
    for step in schema["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found
