"""The named tokens that open the service: read from a file, compared in constant time, read again on request."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from collections.abc import Mapping
from pathlib import Path

from faceattr.errors import SettingsError
from faceattr.web.private_files import read_private

log = logging.getLogger(__name__)

LEAST_LENGTH, LEAST_VARIETY = 16, 6
"""Characters of a token, and different ones among them: fewer can be guessed."""
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TOKEN = re.compile(r"[!-~]{1,512}")


class Tokens:
    """The tokens of a file with a line `name:token` each; empty lines and lines that begin with `#` are skipped.

    Only digests are kept. Raises SettingsError that names file and line, never what is in it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digests = _read(path)

    def reload(self) -> None:
        """Reads the file again. Raises SettingsError when it is wrong; then the tokens stay as they were."""
        self._digests = _read(self._path)
        log.info("tokens read again: %s", ", ".join(self._digests))

    def name_of(self, presented: str) -> str | None:
        """The name of a token, None for a stranger's. Takes as long for a near miss as for nonsense."""
        digest = _digest(presented)
        found = None
        for name, known in self._digests.items():
            # No early exit: the time must not tell which token it was.
            if hmac.compare_digest(digest, known):
                found = name
        return found

    def digests(self) -> Mapping[str, bytes]:
        """SHA-256 of each token by its name, as of now."""
        return self._digests


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _read(path: Path) -> dict[str, bytes]:
    text = read_private(path, "token file")
    tokens: dict[str, bytes] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            name, digest = _parse(line, f"{path}, line {number}")
            if name in tokens or digest in tokens.values():
                what = "name" if name in tokens else "token"
                raise SettingsError(f"{path}, line {number}: this {what} stands in an earlier line as well.")
            tokens[name] = digest
    if not tokens:
        raise SettingsError(f"The token file {path} holds no token; expected lines like name:token.")
    return tokens


def _parse(line: str, where: str) -> tuple[str, bytes]:
    name, colon, token = (part.strip() for part in line.partition(":"))
    if not colon or not _NAME.fullmatch(name):
        raise SettingsError(
            f"{where}: expected name:token, the name of at most 64 letters, digits, dots, dashes and underscores."
        )
    if not _TOKEN.fullmatch(token):
        raise SettingsError(f"{where}: a token is 1 to 512 visible ASCII characters without spaces.")
    if len(token) < LEAST_LENGTH or len(set(token)) < LEAST_VARIETY:
        raise SettingsError(
            f"{where}: the token can be guessed; it needs at least {LEAST_LENGTH} characters, {LEAST_VARIETY} of them "
            "different. Make one with: openssl rand -hex 32"
        )
    return name, _digest(token)
