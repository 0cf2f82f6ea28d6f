"""What a running service counts, for Prometheus: requests, times, faces, memory; nothing of any photo."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)

from faceattr.types import Analysis

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_FACES = (0, 1, 2, 5, 10, 20, 50, 100)
SHED = ("overloaded", "draining")
"""Codes of requests that were turned away because there was no room, or no time left, for them."""


class Metrics:
    """The counters of one application, in a registry of its own. Safe to use from many threads."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, slots: int, busy: Callable[[], int], waiting: Callable[[], int]) -> None:
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "faceattr_requests", "Answered requests.", ("route", "status", "code"), registry=registry
        )
        self._seconds = Histogram(
            "faceattr_request_seconds", "To make an answer.", ("route",), buckets=_SECONDS, registry=registry
        )
        self._stages = Histogram(
            "faceattr_stage_seconds", "Parts of an analysis.", ("stage",), buckets=_SECONDS, registry=registry
        )
        self._faces = Histogram("faceattr_faces", "Faces per analysed photo.", buckets=_FACES, registry=registry)
        self._shed = Counter("faceattr_shed", "Requests turned away for lack of room.", registry=registry)
        Gauge("faceattr_slots", "Photos that can be analysed at once.", registry=registry).set(slots)
        Gauge("faceattr_slots_busy", "Photos being analysed.", registry=registry).set_function(busy)
        Gauge("faceattr_queue_length", "Photos waiting for a slot.", registry=registry).set_function(waiting)
        self._reloads = Counter(
            "faceattr_pack_reloads", "Packs looked at again.", ("model", "outcome"), registry=registry
        )
        self._build = Info("faceattr_build", "What answers.", registry=registry)
        # process_resident_memory_bytes, process_open_fds, process_cpu_seconds_total; on Linux.
        ProcessCollector(registry=registry)

    def describe(self, build: dict[str, str]) -> None:
        """Names versions and the default pack, from now on."""
        self._build.info(build)

    def count_reload(self, model: str, outcome: str) -> None:
        """One pack that was looked at again, and what became of it."""
        self._reloads.labels(model, outcome).inc()

    def count(self, route: str, status: int, code: str, seconds: float | None, analyses: Sequence[Analysis]) -> None:
        """One answered request: its route, not its address; `seconds` None when it never reached the application."""
        self._requests.labels(route, str(status), code).inc()
        if code in SHED:
            self._shed.inc()
        if seconds is not None:
            self._seconds.labels(route).observe(seconds)
        for analysis in analyses:
            self._faces.observe(len(analysis.faces))
            for stage, milliseconds in analysis.timing_ms.items():
                self._stages.labels(stage).observe(milliseconds / 1000.0)

    def exposition(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)
