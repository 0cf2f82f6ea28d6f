"""Every setting in one table: name, default, unit, reason. Flags override FACEATTR_* variables, these the defaults."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from faceattr.errors import SettingsError

PREFIX = "FACEATTR_"


_TRUTH = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def _setting(
    default: Any,
    unit: str,
    reason: str,
    low: float | None = None,
    high: float | None = None,
    words: tuple[str, ...] | None = None,
) -> Any:
    metadata = {"unit": unit, "reason": reason, "low": low, "high": high, "words": words}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Settings:
    """What an installation may decide. Raises SettingsError for a value outside its range."""

    models: str = _setting(
        "",
        "directory",
        "model pack; empty: /root/models when it holds anything, else the built-in pack; for the service also several "
        "as NAME=DIR, joined as paths are (by ':', on Windows ';')",
    )
    host: str = _setting("127.0.0.1", "address", "only this machine reaches the service unless told otherwise")
    port: int = _setting(5000, "TCP port", "the port of the published articles, so that their clients fit", 0, 65535)
    threads: int = _setting(
        16, "threads", "answer what is no photo: pages, errors; photos have threads of their own, two per slot", 1, 512
    )
    slots: int = _setting(0, "photos", "photos analysed at once; 0: cores ÷ threads_per_inference", 0, 256)
    threads_per_inference: int = _setting(
        0, "threads", "0: all cores for a photo that is alone, one each for photos that come together", 0, 256
    )
    engine: str = _setting(
        "auto",
        "name",
        "auto: the fastest installed of onnxruntime, openvino, opencv",
        words=("auto", "onnxruntime", "openvino", "opencv"),
    )
    precision: str = _setting(
        "f32", "name", "bf16 is faster on processors with AMX, and a little less exact", words=("f32", "bf16")
    )
    waiting: int = _setting(4, "photos per slot", "more that wait would only be answered too late", 0, 1000)
    wait_seconds: int = _setting(2, "seconds", "a person at a kiosk still looks; later it is better told", 1, 600)
    connections: int = _setting(
        512, "connections", "a browser opens up to six; lowered when fewer files may be open", 8, 20_000
    )
    idle_seconds: int = _setting(15, "seconds", "an idle connection that is kept longer is seldom used again", 1, 3600)
    read_seconds: int = _setting(
        20, "seconds", "a whole request, however it drips: a 10 MB photo in base64 at 6 Mbit/s", 1, 3600
    )
    max_uploads_bytes: int = _setting(
        256 * 2**20, "bytes", "requests that are still arriving, all together: sixteen of the largest", 1024
    )
    drain_seconds: int = _setting(
        20, "seconds", "requests that are there at SIGTERM; orchestrators kill after 10 or 30 (docker stop -t)", 0, 3600
    )
    max_body_bytes: int = _setting(16 * 2**20, "bytes", "a 10 MB photo in base64, and room for the options", 1024)
    max_batch_bytes: int = _setting(
        64 * 2**20, "bytes", "one request of several photos: four of the largest in base64, or sixteen of 3 MB", 1024
    )
    max_batch_images: int = _setting(16, "photos", "of one such request; it is answered when the last is done", 1, 64)
    max_image_bytes: int = _setting(10_000_000, "bytes", "above what cameras write as JPEG", 1)
    max_pixels: int = _setting(50_000_000, "pixels", "a 50-megapixel photo takes 150 MB once decoded", 256)
    min_side: int = _setting(16, "pixels", "a smaller photo cannot hold a face of min_face pixels", 1)
    max_side: int = _setting(16_384, "pixels", "the longest side that image formats and browsers agree on", 16)

    compat: str = _setting("", "names", "answer as compreface, deepface (with commas) too, for their clients")
    token_file: str = _setting("", "file", "lines name:token; who has none of them is not let in; empty: no tokens")
    open: bool = _setting(False, "yes or no", "that everybody may come in from other machines has to be said")
    session_hours: int = _setting(168, "hours", "a browser that has shown a token is asked again after a week", 1, 8760)
    kiosk: bool = _setting(False, "yes or no", "what hangs on a wall is a kiosk at `/`, whatever its start address is")
    kiosk_pin_file: str = _setting("", "file", "4 to 12 digits that open a kiosk's staff corner; empty: anybody may")
    allowed_hosts: str = _setting("", "names", "names of this service besides its address, against DNS rebinding")
    allowed_origins: str = _setting("", "origins", "pages of other sites may use the service only when listed")
    rate_limit: str = _setting("", "requests/time", "for each client, like 60/minute; empty: what there is room for")
    log_format: str = _setting("text", "name", "text for people, json for what collects logs", words=("text", "json"))
    debug: str = _setting("", "directory", "where to write diagnostics for every request; empty: none are written")
    debug_days: int = _setting(7, "days", "diagnostics of a week show what changed; older ones are deleted", 1, 3650)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check(field, getattr(self, field.name), f"Setting '{field.name}'")

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **flags: Any) -> Settings:
        """Settings from flags (None: not given), then `FACEATTR_<NAME>` variables, then defaults.

        Raises SettingsError that names the flag or variable, what was expected and what was found.
        """
        environ = os.environ if environ is None else environ
        known = {field.name: field for field in dataclasses.fields(cls)}
        for name in flags:
            if name not in known:
                raise SettingsError(f"Unknown setting '{name}'. Known settings: {', '.join(known)}.")
        values: dict[str, Any] = {}
        for name, field in known.items():
            variable = PREFIX + name.upper()
            if flags.get(name) is not None:
                values[name] = flags[name]
                _check(field, values[name], f"--{name.replace('_', '-')}")
            elif variable == "FACEATTR_PORT" and environ.get(variable, "").startswith("tcp://"):
                # Kubernetes sets this in every container beside a service called faceattr; it is not meant for us.
                continue
            elif environ.get(variable):
                values[name] = _parse(field, environ[variable], variable)
                _check(field, values[name], variable)
        return cls(**values)

    @property
    def inference_slots(self) -> int:
        """How many photos are analysed at once: slots × threads per inference = usable cores."""
        return self.slots or max(1, usable_cores() // max(1, self.threads_per_inference))


def misspelt(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Names of environment variables that nobody reads, each with the one of a setting that is nearly the same."""
    known = [PREFIX + field.name.upper() for field in dataclasses.fields(Settings)]
    for name in sorted(set(names) - set(known)):
        meant = difflib.get_close_matches(name, known, 1, 0.9) if name.startswith(PREFIX) else []
        if meant:
            yield name, meant[0]


def usable_cores() -> int:
    """Cores this process may run on (its CPU affinity), not those of the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _parse(field: dataclasses.Field[Any], text: str, where: str) -> Any:
    if isinstance(field.default, bool):
        if text.lower() not in _TRUTH:
            raise SettingsError(f"{where} must be one of {', '.join(_TRUTH)}, not {text!r}.")
        return _TRUTH[text.lower()]
    if not isinstance(field.default, int):
        return text
    try:
        return int(text)
    except ValueError:
        raise SettingsError(f"{where} must be a whole number ({field.metadata['unit']}), not {text!r}.") from None


def _check(field: dataclasses.Field[Any], value: Any, where: str) -> None:
    if type(value) is not type(field.default):
        expected = type(field.default).__name__
        raise SettingsError(f"{where} must be of type {expected}, not {type(value).__name__}.")
    words = field.metadata["words"]
    if words and value not in words:
        raise SettingsError(f"{where} must be one of {', '.join(words)}, not {value!r}.")
    low, high = field.metadata["low"], field.metadata["high"]
    if (low is not None and value < low) or (high is not None and value > high):
        bounds = f"from {low} to {high}" if high is not None else f"at least {low}"
        raise SettingsError(f"{where} must be {bounds} ({field.metadata['unit']}), not {value}.")
