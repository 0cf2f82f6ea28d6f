"""A request as it arrives: when it began and was whole, what it is for, and why it is not to be passed on."""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass
from typing import Any

from waitress.parser import HTTPRequestParser

PROBES = ("/healthz", "/readyz")
"""Answered by the I/O loop itself: no queue and no busy thread is ever before them."""
BATCH = "/analyze/batch"
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
    is_admitted = False
    """Whether it holds one of the places for analyses."""

    def __init__(self, adj: Any) -> None:
        super().__init__(adj)
        self.begun = time.monotonic()
        self.queued = math.inf
        """When it was whole and first of its connection; from then on it waits for us."""

    def parse_header(self, header_plus: bytes) -> None:
        """Reads the head; a batch may be larger than other requests, and the limit is needed right after."""
        super().parse_header(header_plus)
        if self.is_batch:
            self.adj = copy.copy(self.adj)
            self.adj.max_request_body_size = self.adj.max_batch_body_size

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
        return bool(self.command == "POST" and self.path.startswith(ANALYSES))
