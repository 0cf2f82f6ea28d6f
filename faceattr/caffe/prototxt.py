"""Reads protobuf text format, as `.prototxt` files use it, into fields that remember where they stand in the text.

Spec: https://protobuf.dev/reference/protobuf/textformat-spec/ (the subset without extensions and Any).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from faceattr.errors import CaffeError

_TOKEN = re.compile(
    r"""(?P<space>(?:[\s,;]|\#[^\n]*)+)
      | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
      | (?P<word>[-+]?[A-Za-z0-9_.][-+A-Za-z0-9_.]*)
      | (?P<mark>[{}<>:\[\]])""",
    re.VERBOSE,
)
_CLOSING = {"{": "}", "<": ">"}
MAX_DEPTH = 32
"""Caffe's own files nest four deep; the limit keeps hostile files from exhausting the stack."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name, its value (text, or the fields of a message), and the value's place [start, end)."""

    name: str
    value: str | Message
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Message:
    """The fields of one message, in file order."""

    fields: tuple[Field, ...]

    def values(self, name: str) -> tuple[str, ...]:
        """All scalar values of a repeated field."""
        return tuple(f.value for f in self.fields if f.name == name and isinstance(f.value, str))

    def value(self, name: str, default: str = "") -> str:
        """The last scalar value of a field, as protobuf's own parsers take it."""
        return (self.values(name) or (default,))[-1]

    def messages(self, name: str) -> tuple[Message, ...]:
        return tuple(f.value for f in self.fields if f.name == name and isinstance(f.value, Message))

    def message(self, name: str) -> Message:
        """The last message of that name, empty when there is none."""
        return (self.messages(name) or (Message(()),))[-1]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def parse(text: str) -> Message:
    """Parses a whole prototxt. Raises CaffeError with the line of the first thing that is not text format."""
    tokens = list(_tokens(text))
    fields, position = _fields(text, tokens, 0, "", 0)
    if position != len(tokens):
        raise _error(text, tokens[position].start, f"unexpected {tokens[position].text!r}")
    return Message(tuple(fields))


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _error(text, position, f"unexpected {text[position]!r}")
        if match.lastgroup != "space":
            yield _Token(str(match.lastgroup), match.group(), match.start(), match.end())
        position = match.end()


def _fields(text: str, tokens: list[_Token], at: int, closing: str, depth: int) -> tuple[list[Field], int]:
    if depth > MAX_DEPTH:
        raise _error(text, tokens[at - 1].start, f"more than {MAX_DEPTH} messages inside each other")
    found: list[Field] = []
    while at < len(tokens) and tokens[at].text != closing:
        name = tokens[at]
        if name.kind != "word":
            raise _error(text, name.start, f"expected a field name, found {name.text!r}")
        at += 1
        if at < len(tokens) and tokens[at].text == ":":
            at += 1
        if at >= len(tokens):
            raise _error(text, len(text), f"the file ends after '{name.text}'")
        if tokens[at].text == "[":
            at += 1
            while at < len(tokens) and tokens[at].text != "]":
                field, at = _value(text, tokens, at, name.text, depth)
                found.append(field)
            if at >= len(tokens):
                raise _error(text, len(text), "the file ends inside a list")
            at += 1
        else:
            field, at = _value(text, tokens, at, name.text, depth)
            found.append(field)
    if closing and at >= len(tokens):
        raise _error(text, len(text), f"the file ends before a closing '{closing}'")
    return found, at


def _value(text: str, tokens: list[_Token], at: int, name: str, depth: int) -> tuple[Field, int]:
    token = tokens[at]
    if token.text in _CLOSING:
        fields, end = _fields(text, tokens, at + 1, _CLOSING[token.text], depth + 1)
        return Field(name, Message(tuple(fields)), token.start, tokens[end].end), end + 1
    if token.kind == "mark":
        raise _error(text, token.start, f"expected a value for '{name}', found {token.text!r}")
    content = token.text[1:-1] if token.kind == "string" else token.text
    return Field(name, content, token.start, token.end), at + 1


def _error(text: str, position: int, what: str) -> CaffeError:
    return CaffeError(f"line {text.count(chr(10), 0, position) + 1}: {what}")
