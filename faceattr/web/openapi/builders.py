"""Short words for writing JSON schemas (2020-12)."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def text(description: str, **more: Any) -> Schema:
    """A string."""
    return {"type": "string", "description": description, **more}


def whole(description: str, **more: Any) -> Schema:
    """A whole number."""
    return {"type": "integer", "description": description, **more}


def number(description: str, **more: Any) -> Schema:
    """A number."""
    return {"type": "number", "description": description, **more}


def share(description: str) -> Schema:
    """A number from 0 to 1."""
    return number(description, minimum=0, maximum=1)


def record(description: str, /, **properties: Schema) -> Schema:
    """An object with these properties; later versions may add some."""
    return {"type": "object", "description": description, "required": list(properties), "properties": properties}


def without_need(schema: Schema, *names: str) -> Schema:
    """The same object, of which these properties may be absent."""
    return schema | {"required": [name for name in schema["required"] if name not in names]}


def reference(name: str) -> Schema:
    """A schema of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def listing(of: Schema, description: str, **more: Any) -> Schema:
    """An array."""
    return {"type": "array", "description": description, "items": of, **more}
