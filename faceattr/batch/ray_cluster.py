"""The few calls of Ray that the batch needs, and nothing else. Ray is optional, and imported only here."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from faceattr.batch.photo import Work
from faceattr.batch.ray_actors import WorkerLost
from faceattr.batch.ray_worker import Answer, RayWorker
from faceattr.errors import EngineError, SettingsError

_WORDS = 300  # characters
_KNOCK = 10.0  # seconds
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def require() -> None:
    """Raises SettingsError, with the command that helps, when Ray is not installed."""
    try:
        import ray  # noqa: F401
    except ImportError as cause:
        raise SettingsError(
            f"--cluster needs Ray ({cause}). Install it, here and on every node, with: "
            "python -m pip install -r requirements-ray.txt"
        ) from cause


class RayCluster:
    """A connection to a running cluster. A reference is to an answer that is still to come."""

    def __init__(self, address: str) -> None:
        """Connects; `address` is that of the head node, or `auto`. Raises SettingsError, EngineError."""
        require()
        _knock(address)
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what Ray 3 does; Ray 2 warns about it
        import ray

        self._ray: Any = ray
        self._quiet = contextlib.ExitStack()
        self._actor = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(RayWorker)
        # Ray prints what it hears from the nodes, twenty lines for one lost worker, and has no option against it.
        self._quiet.enter_context(contextlib.redirect_stdout(io.StringIO()))
        try:
            with _own_signals():
                ray.init(address=address, log_to_driver=False, logging_level="ERROR", configure_logging=True)
        except Exception as cause:
            self._quiet.close()
            raise _nobody(address, cause) from cause

    def start(self, work: Work) -> Any:
        """A new actor, as soon as the cluster has a processor for it."""
        return self._actor.remote(work, node_name)

    def call(self, actor: Any, method: str, argument: object) -> Any:
        """Asks the actor to run a method after those that it was asked for before. Returns a reference."""
        return getattr(actor, method).remote(argument)

    def wait(self, references: Sequence[Any], timeout: float) -> list[Any]:
        """Those whose answers are there, waiting at most `timeout` seconds for the first. Raises EngineError."""
        if not references:
            time.sleep(timeout)
            return []
        with self._own_errors():
            ready, others = self._ray.wait(list(references), num_returns=1, timeout=timeout)
            if ready and others:
                ready += self._ray.wait(others, num_returns=len(others), timeout=0)[0]
        return list(ready)

    def answer(self, reference: Any) -> Answer:
        """The answer that is there. Raises WorkerLost."""
        try:
            answer: Answer = self._ray.get(reference)
        except self._ray.exceptions.RayError as cause:
            raise WorkerLost(_line(cause)) from cause
        return answer

    def kill(self, actor: Any) -> None:
        """Ends the actor at once, or takes back the wish for it."""
        with contextlib.suppress(self._ray.exceptions.RayError):
            self._ray.kill(actor, no_restart=True)

    def nodes(self) -> set[str]:
        """Names of the nodes that are there and have a processor for actors. Raises EngineError."""
        with self._own_errors():
            nodes = self._ray.nodes()
        return {node["NodeID"] for node in nodes if node["Alive"] and node["Resources"].get("CPU", 0) >= 1}

    def close(self) -> None:
        """Leaves the cluster; what was started there ends."""
        self._ray.shutdown()
        self._quiet.close()

    @contextlib.contextmanager
    def _own_errors(self) -> Iterator[None]:
        try:
            yield
        except self._ray.exceptions.RayError as cause:
            raise EngineError(f"The Ray cluster is gone ({_line(cause)}). The same command goes on.") from cause


def node_name() -> str:
    """What Ray calls the node that this runs on."""
    import ray

    return str(ray.get_runtime_context().get_node_id())


def _knock(address: str) -> None:
    """Raises EngineError when nobody listens there; Ray itself would go on trying for minutes, and then end us."""
    place = address
    if address == "auto":
        noted = Path(os.environ.get("RAY_TMPDIR", "/tmp")) / "ray" / "ray_current_cluster"  # noqa: S108 - as Ray does
        place = os.environ.get("RAY_ADDRESS") or (noted.read_text() if noted.exists() else "")
    host, _, port = place.strip().removeprefix("ray://").rpartition(":")
    if not (host and port.isdigit()):
        if address != "auto":
            raise SettingsError(f"--cluster must be auto or HOST:PORT, not '{address}'.")
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _KNOCK).close()
    except (OSError, OverflowError) as cause:
        raise _nobody(address, cause) from cause


def _nobody(address: str, cause: Exception) -> EngineError:
    return EngineError(
        f"No Ray cluster answers at '{address}' ({_line(cause)}). Start one with: ray start --head "
        "--disable-usage-stats"
    )


def _line(cause: Exception) -> str:
    """Ray's words on one line, without the pages that may follow."""
    words = " ".join(str(cause).split())
    return words if len(words) <= _WORDS else words[:_WORDS] + " …"


@contextlib.contextmanager
def _own_signals() -> Iterator[None]:
    """Ray takes SIGTERM for itself when it connects; the command has its own way to stop."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
