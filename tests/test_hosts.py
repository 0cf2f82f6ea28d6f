"""Under which names the service answers, and whose pages may send to it."""

from __future__ import annotations

import pytest

from faceattr.errors import SettingsError
from faceattr.web.hosts import allowed_origins, is_loopback, is_own_page, may_send, trusted_hosts


@pytest.mark.parametrize(
    ("bound", "allowed", "host", "trusted"),
    [
        ("127.0.0.1", "", "127.0.0.1:5000", True),
        ("127.0.0.1", "", "127.0.0.1", True),
        ("127.0.0.1", "", "localhost:5000", True),
        ("127.0.0.1", "", "LocalHost", True),
        ("127.0.0.1", "", "localhost.", True),
        ("127.0.0.1", "", "[::1]:5000", True),
        ("127.0.0.1", "", "[0:0:0:0:0:0:0:1]", True),
        ("127.0.0.1", "", "evil.example", False),
        ("127.0.0.1", "", "localhost.evil.example", False),
        ("127.0.0.1", "", "192.168.1.7:5000", False),
        ("127.0.0.1", "", None, False),
        ("127.0.0.1", "", "", False),
        ("127.0.0.1", "", "::1", False),
        ("127.0.0.1", "", "[127.0.0.1]", False),
        ("127.0.0.1", "", "localhost:x", False),
        ("127.0.0.1", "", "localhost/../x", False),
        ("127.0.0.1", "", "user@localhost", False),
        ("192.168.1.7", "", "192.168.1.7:5000", True),
        ("192.168.1.7", "", "192.168.1.8:5000", False),
        ("kiosk", "", "kiosk:5000", True),
        ("0.0.0.0", "", "192.168.1.8:5000", True),
        ("::", "", "[2001:db8::1]:5000", True),
        ("", "", "10.0.0.1", True),
        ("0.0.0.0", "", "kiosk:5000", False),
        ("0.0.0.0", "kiosk, Faces.Example.org ,", "faces.example.org:443", True),
        ("127.0.0.1", "2001:db8::1", "[2001:db8::1]:80", True),
        ("127.0.0.1", "*", "anything.example", True),
        ("127.0.0.1", "*", "not a name", False),
    ],
)
def test_only_the_services_own_names_are_trusted(bound: str, allowed: str, host: str | None, trusted: bool) -> None:
    assert trusted_hosts(bound, allowed).trusts(host) == trusted


@pytest.mark.parametrize("entry", ["https://kiosk", "kiosk:5000", "a b", "kiosk/"])
def test_a_wrong_host_in_the_list_is_named(entry: str) -> None:
    with pytest.raises(SettingsError, match=f"without ports, not '{entry}'"):
        trusted_hosts("127.0.0.1", f"good,{entry}")


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ("", set()),
        ("https://example.org", {"https://example.org"}),
        ("https://Example.org:443/, http://[::1]:80", {"https://example.org", "http://[::1]"}),
        ("http://kiosk:8080", {"http://kiosk:8080"}),
    ],
)
def test_origins_are_listed_as_browsers_send_them(listed: str, found: set[str]) -> None:
    assert allowed_origins(listed) == found


@pytest.mark.parametrize("entry", ["*", "example.org", "ftp://example.org", "null", "https://example.org/path"])
def test_a_wrong_origin_in_the_list_is_named(entry: str) -> None:
    with pytest.raises(SettingsError, match="must list origins like https://example.org, not "):
        allowed_origins(entry)


@pytest.mark.parametrize(
    ("origin", "host", "own"),
    [
        ("http://127.0.0.1:5000", "127.0.0.1:5000", True),
        ("http://localhost", "localhost", True),
        ("http://localhost", "localhost:80", True),
        ("https://faces.example.org", "faces.example.org", True),
        ("https://faces.example.org", "faces.example.org:443", True),
        ("http://[::1]:5000", "[::1]:5000", True),
        ("http://127.0.0.1:8000", "127.0.0.1:5000", False),
        ("http://localhost:5000", "127.0.0.1:5000", False),
        ("http://evil.example", "127.0.0.1:5000", False),
        ("null", "127.0.0.1:5000", False),
        ("", "127.0.0.1:5000", False),
        ("file://", "127.0.0.1:5000", False),
        ("http://127.0.0.1:5000", None, False),
    ],
)
def test_a_page_is_the_services_own_when_it_came_from_there(origin: str, host: str | None, own: bool) -> None:
    assert is_own_page(origin, host) == own


@pytest.mark.parametrize(
    ("origin", "fetch_site", "may"),
    [
        (None, None, True),
        (None, "none", True),
        (None, "same-origin", True),
        (None, "same-site", False),
        (None, "cross-site", False),
        ("http://localhost:5000", "same-origin", True),
        ("https://listed.example", "cross-site", True),
        ("https://other.example", "cross-site", False),
        ("https://other.example", "same-origin", False),
        ("null", None, False),
    ],
)
def test_who_may_send(origin: str | None, fetch_site: str | None, may: bool) -> None:
    assert may_send(origin, fetch_site, "localhost:5000", {"https://listed.example"}) == may


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("kiosk", False),
        ("10.0.0.1", False),
    ],
)
def test_which_addresses_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback
