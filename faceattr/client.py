"""A client for the faceattr service: one file, Python 3.11 and its standard library. Copy it to where it is needed.

from client import Client

service = Client("http://127.0.0.1:5000")
for face in service.analyze("photo.jpg").faces:
    print(face.gender.value, face.age.years)
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack
from urllib.parse import urlencode, urlsplit

Photo = bytes | str | os.PathLike[str]
"""A photo: its bytes, or the path of its file."""
_WORTH_RETRYING = (429, 503)
_DEFAULT_WAIT_S = 1.0
_TOKEN = re.compile(r"[!-~]+")


class Options(TypedDict, total=False):
    """What may be asked of the service, as its /docs have it; None is as if not given.

    `annotate`: send the photo with boxes drawn in, too."""

    min_confidence: float | None
    min_face: int | None
    max_faces: int | None
    detail: Literal["normal", "high"] | None
    rotate: Literal["exif", "auto"] | None
    tta: bool | None
    distribution: bool | None
    annotate: Literal["png", "jpeg", "none"] | None
    model: str | None


class ClientError(Exception):
    """Base of all errors of this client."""


class Unreachable(ClientError):
    """There is no answer: the service is not there, or was too slow."""


class ServiceError(ClientError):
    """The service refused. `code` is stable, `detail` a sentence; `request_id` finds the request in the service's log.

    `retry_after` has the seconds after which it may do better, None when asking again would not help.
    """

    def __init__(
        self, status: int, code: str, detail: str, request_id: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{detail} ({status} {code})")
        self.status, self.code, self.detail = status, code, detail
        self.request_id, self.retry_after = request_id, retry_after


@dataclass(frozen=True, slots=True)
class Box:
    """In pixels of the full-size upright photo; `probability` is the detector's confidence."""

    x_min: int
    y_min: int
    x_max: int
    y_max: int
    probability: float


@dataclass(frozen=True, slots=True)
class Gender:
    """The likelier label with its probability, and every label's."""

    value: str
    probability: float
    probabilities: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Age:
    """Years; the most probable range with its probability; 10th to 90th percentile, if known; each class, if asked."""

    years: float
    low: int
    high: int
    label: str
    probability: float
    interval: tuple[int, int] | None
    distribution: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class Quality:
    """What the face gave to work with: shorter side in pixels, sharpness and brightness (0–1), cut or not."""

    size_px: int
    sharpness: float
    brightness: float
    touches_edge: bool


@dataclass(frozen=True, slots=True)
class Face:
    """`uncertain` marks an answer that should not be relied on alone."""

    box: Box
    gender: Gender
    age: Age
    quality: Quality
    uncertain: bool


@dataclass(frozen=True, slots=True)
class Analysis:
    """The faces of a photo, largest first. `picture`: the photo with boxes, encoded, when it was asked for."""

    faces: tuple[Face, ...]
    width: int
    height: int
    rotation: int
    pack: str
    version: str
    engine: str
    timing_ms: Mapping[str, float]
    request_id: str
    picture: bytes | None


class Client:
    """Asks one service. Keeps no connection, so that it may be used from many threads at once."""

    def __init__(
        self, address: str, token: str | None = None, *, timeout: float = 60.0, patience: float = 30.0
    ) -> None:
        """For the service at an address like http://127.0.0.1:5000. Raises ValueError for what is none.

        `timeout`: seconds for each step of one exchange. `patience`: seconds in which a busy service is asked again,
        each time when it says.
        """
        if token is not None and not _TOKEN.fullmatch(token):
            # Without the token: what is raised ends in logs.
            raise ValueError("the token has a line break, or a character that no token has")
        try:
            parts = urlsplit(address)
            is_address = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            is_address = False
        if not is_address:
            raise ValueError(f"expected an address like http://127.0.0.1:5000, not {address!r}")
        self._parts, self._token, self._timeout, self._patience = parts, token, timeout, patience

    def analyze(self, photo: Photo, **options: Unpack[Options]) -> Analysis:
        """The faces of a photo; its picture only when `annotate` asks for it.

        Raises OSError when the file cannot be read, ServiceError or Unreachable.
        """
        query = {name: _text(value) for name, value in ({"annotate": "none"} | _given(options)).items()}
        return _analysis(self._ask("POST", f"/analyze?{urlencode(query)}", _read(photo), "image/*"))

    def analyze_batch(self, photos: Sequence[Photo], **options: Unpack[Options]) -> list[Analysis | ServiceError]:
        """An analysis for each photo, in their order, or the error of one that could not be analysed.

        Raises OSError, ServiceError when the request as a whole was refused, or Unreachable.
        """
        images = [{"image": base64.b64encode(_read(photo)).decode()} for photo in photos]
        body = json.dumps({"images": images, **_given(options)}).encode()
        answer = self._ask("POST", "/analyze/batch", body, "application/json")
        try:
            results, request_id = answer["results"], answer["request_id"]
            return [_result(result, request_id) for result in results]
        except (KeyError, TypeError) as error:
            raise _not_understood(answer) from error

    def models(self) -> list[dict[str, Any]]:
        """The packs that can be asked for, as the service describes them; the default one first."""
        answer = self._ask("GET", "/models")
        models = answer.get("models")
        if not isinstance(models, list):
            raise _not_understood(answer)
        return models

    def health(self) -> dict[str, Any]:
        """Version, pack and engine, as the service describes them."""
        return self._ask("GET", "/health")

    def _ask(self, method: str, target: str, body: bytes | None = None, kind: str | None = None) -> dict[str, Any]:
        until = time.monotonic() + self._patience
        while True:
            try:
                return self._ask_once(method, target, body, kind)
            except ServiceError as error:
                wait = error.retry_after
                if wait is None or time.monotonic() + wait > until:
                    raise
            time.sleep(wait)

    def _ask_once(self, method: str, target: str, body: bytes | None, kind: str | None) -> dict[str, Any]:
        headers = {"Accept": "application/json"}
        if kind:
            headers["Content-Type"] = kind
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        connection = self._connection()
        try:
            try:
                connection.request(method, self._parts.path.rstrip("/") + target, body, headers)
            except (BrokenPipeError, ConnectionResetError):
                # It may have refused the request before all of it was sent: then its answer is there.
                if connection.sock is None:
                    raise
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"no answer from {self._parts.netloc.rpartition('@')[2]}: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise _refusal(response, content)
        return _object(response.status, content)

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=context)
        return http.client.HTTPConnection(host, port, timeout=self._timeout)


def _read(photo: Photo) -> bytes:
    return photo if isinstance(photo, bytes) else Path(photo).read_bytes()


def _given(options: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in options.items() if value is not None}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _object(status: int, content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ServiceError(status, "not_understood", "What answers there is not faceattr, or a proxy answers for it.")
    return value


def _not_understood(answer: Mapping[str, Any]) -> ServiceError:
    members = ", ".join(map(str, answer))[:200]
    return ServiceError(200, "not_understood", f"The answer is not as expected; it has: {members}.")


def _refusal(response: http.client.HTTPResponse, content: bytes) -> ServiceError:
    wait = _retry_after(response.getheader("Retry-After")) if response.status in _WORTH_RETRYING else None
    try:
        problem = _object(response.status, content)
    except ServiceError as error:
        return ServiceError(response.status, error.code, f"{response.reason}. {error.detail}", retry_after=wait)
    return _problem(response.status, problem, response.getheader("X-Request-ID"), wait)


def _problem(
    status: int, problem: Mapping[str, Any], request_id: str | None, retry_after: float | None = None
) -> ServiceError:
    code, detail = str(problem.get("code", "unknown")), str(problem.get("detail", "The service gave no reason."))
    return ServiceError(status, code, detail, problem.get("request_id", request_id), retry_after)


def _retry_after(header: str | None) -> float:
    try:
        return min(max(0.0, float(header or "")), 3600.0)
    except ValueError:
        # None, or a date, which this service does not send.
        return _DEFAULT_WAIT_S


def _result(result: Mapping[str, Any], request_id: str) -> Analysis | ServiceError:
    status = result["status"]
    return _analysis({**result, "request_id": request_id}) if status == 200 else _problem(status, result, request_id)


def _analysis(answer: Mapping[str, Any]) -> Analysis:
    try:
        image, model = answer["image"], answer["model"]
        return Analysis(
            faces=tuple(_face(face) for face in answer["faces"]),
            width=image["width"],
            height=image["height"],
            rotation=image["rotation"],
            pack=model["pack"],
            version=model["version"],
            engine=model["engine"],
            timing_ms=answer["timing_ms"],
            request_id=answer["request_id"],
            picture=base64.b64decode(answer["result"]) if "result" in answer else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _not_understood(answer) from error


def _face(face: Mapping[str, Any]) -> Face:
    # Only the members that are known: later versions of the service may answer with more.
    age, interval, distribution = face["age"], face["age"]["interval"], face["age"].get("distribution")
    return Face(
        Box(*(face["box"][name] for name in Box.__dataclass_fields__)),
        Gender(*(face["gender"][name] for name in Gender.__dataclass_fields__)),
        Age(
            years=age["years"],
            low=age["low"],
            high=age["high"],
            label=age["label"],
            probability=age["probability"],
            interval=(interval[0], interval[1]) if interval else None,
            distribution=tuple(distribution) if distribution is not None else None,
        ),
        Quality(*(face["quality"][name] for name in Quality.__dataclass_fields__)),
        face["uncertain"],
    )
