"""What the clients of the benchmarks send: a good photo, and what careless and hostile clients send."""

from __future__ import annotations

import base64
import random

from benchmarks.traffic import Request

_DRIP_S = 0.5


def good_request(photo: bytes) -> Request:
    """A photo to analyse, without a picture in the answer."""
    return Request(_post("/analyze?annotate=none", "image/jpeg", photo))


def bad_requests(photo: bytes) -> tuple[Request, ...]:
    """What careless and hostile clients send, each with the codes that the service has for it."""
    half, cut = photo[: len(photo) // 2], base64.b64encode(photo[: len(photo) // 2]).decode()
    whole = _post("/analyze", "image/jpeg", photo)
    noise = random.Random(1).randbytes(20_000)
    return (
        _bad(whole[: len(whole) // 2]),
        _bad(whole),
        _bad(_post("/analyze", "image/jpeg", half), 422),
        _bad(_post("/analyze", "image/jpeg", b""), 400),
        _bad(_post("/analyze", "image/jpeg", b"%PDF-1.7\n"), 415),
        _bad(_post("/analyze", "image/jpeg", noise), 415),
        _bad(_post("/analyze", "image/png", b"\x89PNG\r\n\x1a\n" + noise), 422),
        _bad(_post("/analyze", "image/gif", b"GIF89a\xff\xff\xff\xff\0\0\0"), 422),
        _bad(_post("/analyze", "text/plain", photo), 415),
        _bad(_post("/analyze?colour=1", "image/jpeg", photo), 400),
        _bad(_post("/analyze", "application/json", f'{{"image":"{cut}"}}'.encode()), 422),
        _bad(_post("/analyze", "application/json", b'{"image":"not base64!"}'), 400),
        _bad(_post("/analyze", "application/json", b'{"image":' * 1000), 400),
        _bad(_post("/analyze", "application/json", b'{"image":"","a":[' + b"[]," * 300_000 + b"0]}"), 400),
        _bad(_post("/analyze", "multipart/form-data; boundary=x", b"--x\r\n\r\nhalf"), 400),
        _bad(_post("/analyze/batch", "application/json", b'{"images":[]}'), 400),
        _bad(_post("/nothing", "image/jpeg", photo), 404),
        _bad(b"DELETE /analyze HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        _bad(b"GET /health HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
        _bad(b"nonsense\r\n\r\n", 400),
        _bad(noise.replace(b"\r", b"") + b"\r\n\r\n", 400),
        _bad(b"GET / HTTP/1.1\r\nX: ".ljust(17_000, b"x"), 400),
        _bad(b"POST /analyze HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n", 413),
        _bad(b"POST /analyze HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
        _bad(b"POST /analyze HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
    )


def slow_requests(photo: bytes) -> tuple[Request, ...]:
    """Half a request that waits, a head and a body that drip: each holds its connection until it is cut off."""
    whole = _post("/analyze", "image/jpeg", photo)
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "
    return (
        Request(whole[: len(whole) // 2], frozenset({408})),
        Request(head.ljust(10_000, b"x"), frozenset({408}), drip=_DRIP_S, dripped=9_000),
        Request(whole, frozenset({408}), drip=_DRIP_S, dripped=1_000),
    )


def _bad(data: bytes, *codes: int) -> Request:
    return Request(data, frozenset(codes))


def _post(path: str, kind: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
