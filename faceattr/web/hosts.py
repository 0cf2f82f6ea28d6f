"""Under which names the service answers, and which pages may send to it: against DNS rebinding and forged posts."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from faceattr.errors import SettingsError

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
ANY = "*"
"""In the list of allowed hosts: answer to every name."""


@dataclass(frozen=True, slots=True)
class TrustedHosts:
    """The names of the service. `any_address`: also every IP address, as it listens on all of them.

    A page that rebinds its own name to this machine sends that name; with an address there is nothing to rebind.
    """

    names: frozenset[str]
    any_address: bool = False

    def trusts(self, host: str | None) -> bool:
        """Whether a Host header (`name`, `name:port`, `[address]:port`) names this service; the port may be any."""
        parsed = _split_host(host or "")
        if parsed is None:
            return False
        name = parsed[0]
        if ANY in self.names or name in self.names:
            return True
        address = _address(name)
        return address is not None and (self.any_address or address.is_loopback)


def trusted_hosts(bound: str, allowed: str) -> TrustedHosts:
    """The names to answer to: this machine's own, the address listened on, and `allowed` (comma-separated).

    Raises SettingsError naming an entry that is no host name.
    """
    names = {"localhost"}
    for entry in _entries(allowed):
        parsed = _split_host(f"[{entry}]" if entry.count(":") > 1 and not entry.startswith("[") else entry)
        if entry != ANY and (parsed is None or parsed[1] is not None):
            raise SettingsError(f"Setting 'allowed_hosts' must list names without ports, not {entry!r}.")
        names.add(parsed[0] if parsed else ANY)
    address = _address(bound)
    names.add(str(address) if address else bound.lower())
    return TrustedHosts(frozenset(names), any_address=not bound or (address is not None and address.is_unspecified))


def allowed_origins(listed: str) -> frozenset[str]:
    """Origins of other sites whose pages may use the service, as browsers send them.

    Raises SettingsError naming a wrong one.
    """
    origins = set()
    for entry in _entries(listed):
        origin = _origin(entry.rstrip("/"))
        if origin is None:
            raise SettingsError(f"Setting 'allowed_origins' must list origins like https://example.org, not {entry!r}.")
        scheme, name, port = origin
        shown = f"[{name}]" if ":" in name else name
        origins.add(f"{scheme}://{shown}" if port == _DEFAULT_PORTS[scheme] else f"{scheme}://{shown}:{port}")
    return frozenset(origins)


def is_own_page(origin: str, host: str | None) -> bool:
    """Whether an Origin header is that of a page which came from where the Host header says.

    The scheme is not compared: a proxy in front may speak TLS where this service does not.
    """
    page, own = _origin(origin), _split_host(host or "")
    if page is None or own is None:
        return False
    scheme, name, port = page
    return (name, port) == (own[0], own[1] if own[1] is not None else _DEFAULT_PORTS[scheme])


def may_send(origin: str | None, fetch_site: str | None, host: str | None, allowed: Collection[str]) -> bool:
    """Whether a request that changes or computes something may come from there.

    Browsers say from which page a request comes (Origin), or at least how it relates to its target (Sec-Fetch-Site);
    programs that are no browsers say neither.
    """
    if origin is not None:
        return origin in allowed or is_own_page(origin, host)
    return fetch_site in (None, "same-origin", "none")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a service that listens on this address or name."""
    address = _address(host)
    return host.lower() == "localhost" or (address is not None and address.is_loopback)


def _entries(listed: str) -> list[str]:
    return [entry for entry in (part.strip() for part in listed.split(",")) if entry]


# Asked of every request, before anything else of it is looked at; nearly always for the same name.
@lru_cache(maxsize=256)
def _split_host(host: str) -> tuple[str, int | None] | None:
    match = _HOST.fullmatch(host)
    if match is None:
        return None
    name = match[1].strip("[]").lower().rstrip(".")
    address = _address(name)
    if match[1].startswith("[") and (address is None or address.version != 6):
        return None
    return str(address) if address else name, int(match[2]) if match[2] else None


def _origin(text: str) -> tuple[str, str, int] | None:
    """Scheme, name and port of `scheme://host[:port]`."""
    scheme, separator, host = text.partition("://")
    parsed = _split_host(host)
    if not separator or scheme not in _DEFAULT_PORTS or parsed is None:
        return None
    return scheme, parsed[0], parsed[1] if parsed[1] is not None else _DEFAULT_PORTS[scheme]


@lru_cache(maxsize=256)
def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
