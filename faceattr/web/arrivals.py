"""A request as it arrives: when it began and was whole, what it is for, and why it is not to be passed on."""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass
from typing import Any

from flask import Request
from waitress.parser import HTTPRequestParser, ParsingError

PROBES = ("/healthz", "/readyz")
"""Answered by the I/O loop itself: no queue and no busy thread is ever before them. Always open: what watches over the
service has neither its names nor its tokens, and learns nothing else here."""
BATCH = "/analyze/batch"
LOGIN = "/session"
MAX_LOGIN_BYTES = 4096
"""The form with a token, which anybody may send."""
ANALYSES = ("/analyze", "/compreface/", "/deepface/")
"""What the addresses begin with whose POST requests need an inference slot."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Takes the place of waitress's own errors in `error`: a code of PROBLEMS and a sentence."""

    code: str
    detail: str
    close: bool = True
    """Whether the connection ends with it, as it must when the rest of a request is not read."""


OVERLOADED = Refusal("overloaded", "The service has more photos than it can analyse; try again soon.", close=False)
FULL = Refusal("overloaded", "The service is receiving more than it has memory for; try again soon.")
DRAINING = Refusal("draining", "The service is shutting down and takes no new requests.")


class Arrival(HTTPRequestParser):  # type: ignore[misc]
    """waitress's request, with its times on time.monotonic's clock."""

    adj: Any
    body_rcv: Any
    chunked: bool
    path: str
    is_admitted = False
    """Whether it holds one of the places for analyses."""
    is_cut = False
    """Whether its body is thrown away, as the door does not open for its headers: the application says why."""

    def __init__(self, adj: Any) -> None:
        super().__init__(adj)
        self.begun = time.monotonic()
        self.queued = math.inf
        """When it was whole and first of its connection; from then on it waits for us."""

    def received(self, data: bytes) -> int:
        """Takes what belongs to this request, of what came; the bytes taken."""
        taken: int = super().received(data)
        return len(data) if self.is_cut else taken

    def parse_header(self, header_plus: bytes) -> None:
        """Reads the head; how much may follow, and whether anything need, has to be known right after."""
        try:
            super().parse_header(header_plus)
        except ValueError:
            # Of an address like http://[name]/. As it is, it would end in the log, with what the client has sent.
            raise ParsingError("Bad URI") from None
        if "TRANSFER_ENCODING" in self.headers or (self.chunked and "CONTENT_LENGTH" in self.headers):
            # A proxy may have gone by one of the two, and taken what follows for another request (RFC 9112, 6.3).
            raise ParsingError("Transfer-Encoding beside Content-Length, or in HTTP/1.0")
        if self.path.startswith("//"):
            # As the application will see it: what is decided here by the address holds for every way to write it.
            self.path = "/" + self.path.lstrip("/")
        if self.is_batch or self.path == LOGIN:
            self.adj = copy.copy(self.adj)
            self.adj.max_request_body_size = self.adj.max_batch_body_size if self.is_batch else MAX_LOGIN_BYTES
        if self.body_rcv is not None and not self.adj.lets_in(self._head()):
            self.is_cut, self.expect_continue = True, False
            self.body_rcv, self.chunked, self.content_length = None, False, 0
            self.headers["CONTENT_LENGTH"] = "0"

    def _head(self) -> Request:
        headers = {f"HTTP_{name}": value for name, value in self.headers.items()}
        return Request({**headers, "REQUEST_METHOD": self.command, "PATH_INFO": self.path})

    @property
    def is_batch(self) -> bool:
        """Whether it brings several photos."""
        return bool(self.command == "POST" and self.path == BATCH)

    @property
    def is_probe(self) -> bool:
        """Whether somebody asks how the service is."""
        return bool(self.command in ("GET", "HEAD") and self.path in PROBES)

    @property
    def is_analysis(self) -> bool:
        """Whether it needs an inference slot."""
        return bool(self.command == "POST" and self.path.startswith(ANALYSES) and not self.is_cut)
