"""File names as bytes → as the tables and the annotated pictures spell them. Pure functions, any byte sequence."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote

_NAME_MAX = 255  # bytes; the limit of Linux file systems for one component
_PICTURE = b".jpg"

# What makes a spreadsheet read a cell as a formula (full-width forms too, as some locales do), where a cell may begin:
# at the start, and after characters that programs with another separator or no idea of quoting split at.
_FORMULA = re.compile(r"(?:\A|(?<=[;\t\r\n]))(?=[=+\-@\t\r\n＝＋－＠])")


def exact(path: bytes) -> str:
    """The path, percent-encoded (RFC 3986: all but letters, digits, `_ . ~ -` and `/`); never starts with `-`.

    `urllib.parse.unquote_to_bytes` gives the bytes back.
    """
    text = quote(path, safe="/")
    return "%2D" + text[1:] if text.startswith("-") else text


def for_people(path: bytes) -> str:
    """The path as text: bytes that are not UTF-8 as U+FFFD, an apostrophe before what a spreadsheet would run.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return _FORMULA.sub("'", path.decode("utf-8", "replace"))


def picture(path: bytes) -> bytes:
    """Where a photo's annotated picture goes, relative to their directory: `<path>.jpg`.

    No two photos share a place: the photo's own extension stays in the name, a component that would be longer than
    255 bytes ends in its hash instead, and so does a directory whose name could be a picture's.
    """
    *parents, name = path.split(b"/")
    directories = [_hashed(part) if part.endswith(_PICTURE) else part for part in parents]
    file = name + _PICTURE
    if len(file) > _NAME_MAX:
        file = _hashed(name, _NAME_MAX - len(_PICTURE)) + _PICTURE
    return b"/".join([*directories, file])


def _hashed(name: bytes, limit: int = _NAME_MAX) -> bytes:
    """`name`, cut at a whole character, with a hash of all of it; at most `limit` bytes."""
    suffix = b"~" + hashlib.sha256(name).hexdigest()[:16].encode()
    return name[: limit - len(suffix)].decode("utf-8", "ignore").encode() + suffix
