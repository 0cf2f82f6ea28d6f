"""The file of tokens: what is read from it, what is refused, and that no message ever holds a token."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Request, Response
from itsdangerous import TimestampSigner
from werkzeug.test import EnvironBuilder

from faceattr.errors import SettingsError
from faceattr.web.sessions import COOKIE, Sessions
from faceattr.web.tokens import Tokens

KIOSK = "Zq7-kiosk-4f9d1c77e2"
DESK = "desk/8831+aa==c:d:e.f"

WriteTokens = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> WriteTokens:
    def write(content: str | bytes, mode: int = 0o600) -> Path:
        path = tmp_path / "tokens"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    return write


def test_each_token_has_its_name(write: WriteTokens) -> None:
    known = Tokens(write(f"# of the hall\r\nkiosk:{KIOSK}\r\n\n  desk.2 : {DESK}  \n"))
    assert known.name_of(KIOSK) == "kiosk"
    assert known.name_of(DESK) == "desk.2"


@pytest.mark.parametrize(
    "presented", ["", "kiosk", KIOSK[:-1], KIOSK + "x", KIOSK.lower(), f"kiosk:{KIOSK}", "ä\udcff"]
)
def test_a_near_miss_is_a_strangers(write: WriteTokens, presented: str) -> None:
    assert Tokens(write(f"kiosk:{KIOSK}\ndesk:{DESK}\n")).name_of(presented) is None


def test_every_token_is_compared_whatever_matches(write: WriteTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    known = Tokens(write(f"kiosk:{KIOSK}\ndesk:{DESK}\n"))
    compared, real = [], hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert [known.name_of(presented) for presented in (KIOSK, DESK, "x")] == ["kiosk", "desk", None]
    assert len(compared) == 6


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("", "holds no token; expected lines like name:token"),
        ("# nothing\n\n", "holds no token"),
        (f"{KIOSK}\n", "line 1: expected name:token"),
        (f"kiosk:{KIOSK}\nthe desk:{DESK}\n", "line 2: expected name:token"),
        (f":{KIOSK}\n", "line 1: expected name:token"),
        ("kiosk:\n", "line 1: a token is 1 to 512 visible ASCII characters"),
        ("kiosk:Zq7 kiosk 4f9d1c77e2\n", "line 1: a token is"),
        ("kiosk:Zq7-kiösk-4f9d1c77e2\n", "line 1: a token is"),
        (f"#\n\nkiosk:{KIOSK[:15]}\n", "line 3: the token can be guessed; it needs at least 16 characters"),
        ("kiosk:abababababababababab\n", "line 1: the token can be guessed"),
        (f"kiosk:{KIOSK}\nkiosk:{DESK}\n", "line 2: this name stands in an earlier line"),
        (f"kiosk:{KIOSK}\ndesk:{KIOSK}\n", "line 2: this token stands in an earlier line"),
        (b"kiosk:\xff\xfe\n", "is not text in UTF-8"),
        ("#" * 70_000, "more than 65,536 bytes"),
    ],
)
def test_a_wrong_file_is_refused_by_its_line_and_without_its_tokens(
    write: WriteTokens, content: str | bytes, cause: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        Tokens(write(content))
    assert cause in str(raised.value)
    assert not any(part in str(raised.value) for part in (KIOSK[:8], DESK[:8], "abab"))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"Cannot read the token file .*missing: No such file"):
        Tokens(tmp_path / "missing")
    with pytest.raises(SettingsError, match="Is a directory"):
        Tokens(tmp_path)


def test_a_file_that_anybody_may_write_is_refused(write: WriteTokens) -> None:
    with pytest.raises(SettingsError, match="Anybody on this machine may write the token file .*: chmod 600"):
        Tokens(write(f"kiosk:{KIOSK}\n", 0o606))


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, False), (0o644, True), (0o444, True)])
def test_a_file_that_anybody_may_read_is_warned_of(
    write: WriteTokens, mode: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    Tokens(write(f"kiosk:{KIOSK}\n", mode))
    assert ("anybody on this machine may read the token file" in caplog.text) == warned


def test_reload_takes_new_tokens_and_keeps_the_old_ones_when_the_file_is_wrong(
    write: WriteTokens, caplog: pytest.LogCaptureFixture
) -> None:
    known = Tokens(write(f"kiosk:{KIOSK}\n"))
    write(f"desk:{DESK}\n")
    with caplog.at_level(logging.INFO):
        known.reload()
    assert (known.name_of(KIOSK), known.name_of(DESK)) == (None, "desk")
    assert "tokens read again: desk" in caplog.text
    write("desk\n")
    with pytest.raises(SettingsError, match="line 1"):
        known.reload()
    assert known.name_of(DESK) == "desk"
    assert DESK not in caplog.text


def request_with(cookie: str) -> Request:
    return Request(EnvironBuilder(environ_base={"HTTP_COOKIE": f"{COOKIE}={cookie}"}).get_environ())


def cookie_of(known: Sessions, name: str, *, secure: bool = False) -> tuple[str, str]:
    response = Response()
    known.begin(response, name, secure=secure)
    header = response.headers["Set-Cookie"]
    return header.partition(";")[0].partition("=")[2], header


def test_a_cookie_stands_for_its_token_and_does_not_hold_it(write: WriteTokens) -> None:
    known = Sessions(Tokens(write(f"kiosk:{KIOSK}\ndesk:{DESK}\n")), 8)
    value, header = cookie_of(known, "desk")
    assert known.name_of(request_with(value)) == "desk"
    assert DESK not in header
    assert {"HttpOnly", "SameSite=Strict", "Max-Age=28800", "Path=/"} <= set(header.split("; "))
    assert "Secure" not in header
    assert "Secure" in cookie_of(known, "desk", secure=True)[1]


def test_a_changed_cookie_is_a_strangers(write: WriteTokens) -> None:
    known = Sessions(Tokens(write(f"kiosk:{KIOSK}\ndesk:{DESK}\n")), 8)
    value, _ = cookie_of(known, "desk")
    for forged in ("", "x", value[:-1], value.replace("desk", "kiosk"), value + "x" * 400, "." * 20):
        assert known.name_of(request_with(forged)) is None, forged


def test_a_cookie_ends_with_its_time_its_token_but_not_with_the_service(
    write: WriteTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(f"kiosk:{KIOSK}\ndesk:{DESK}\n")
    known = Tokens(path)
    value, _ = cookie_of(Sessions(known, 1), "desk")
    assert Sessions(Tokens(path), 1).name_of(request_with(value)) == "desk"

    write(f"kiosk:{KIOSK}\ndesk:{DESK}-new\n")
    known.reload()
    assert Sessions(known, 1).name_of(request_with(value)) is None

    issued = TimestampSigner(b"any").get_timestamp()
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: issued + 3700)
    assert Sessions(Tokens(write(f"desk:{DESK}\n")), 1).name_of(request_with(value)) is None
    assert Sessions(Tokens(path), 2).name_of(request_with(value)) == "desk"
