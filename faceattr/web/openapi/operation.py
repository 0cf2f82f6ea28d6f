"""What is said of one operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from faceattr.web.openapi.builders import Schema

ANYWHERE = ("bad_request", "request_timeout", "body_too_large", "overloaded", "draining", "out_of_memory", "internal")
"""Problems of every address: of HTTP itself, of a busy service and of a broken one."""
AT_THE_DOOR = ("unauthorized", "bad_host", "rate_limited")
"""Problems of every address but the probes: who asks, and for whom."""
PHOTO_PROBLEMS = (
    *("bad_json", "bad_base64", "empty_image", "image_too_large", "unsupported_media_type", "unsupported_image"),
    *("truncated_image", "invalid_image", "too_many_pixels", "bad_dimensions", "bad_origin"),
)
HTML, JSON, PROBLEM = "text/html", "application/json", "application/problem+json"

BYTES: Schema = {"type": "string", "format": "binary", "description": "The photo itself."}

Content = Mapping[str, Schema]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address. `answers`: the media types of a success; `request`: those of the body, if any.

    `problems`: codes beside those of every address. `error`: another service's form for errors.
    `is_probe`: open to everybody, whatever the service asks for.
    """

    name: str
    summary: str
    description: str
    answers: Content = field(default_factory=dict)
    request: Content = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    parameters: tuple[Schema, ...] = ()
    success: int = 200
    headers: tuple[str, ...] = ()
    error: Schema | None = None
    is_probe: bool = False

    def codes(self) -> tuple[str, ...]:
        """Every problem it may be answered with."""
        door = ("not_ready",) if self.is_probe else AT_THE_DOOR
        return (*ANYWHERE, *door, *self.problems)
