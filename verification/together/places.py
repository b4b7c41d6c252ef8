"""Finds where each copy has to stand, so that a restored Grafana finds its data sources where they were.

Pure.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from backups.panels.boards import DataSource

_PORTS = {"mysql": 3306, "http": 80}
_INVENTED = ipaddress.IPv4Address("198.18.0.1")
"""The first of the addresses that are nobody's on the internet (RFC 2544): for names whose address is not known."""
_LOCAL = ("localhost", "localhost.localdomain")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?", re.ASCII)
_SHOWER = ("127.0.0.1", 3000)
"""Where the restored Grafana itself listens."""
_MOST = 64
"""Addresses of one service."""


@dataclass(frozen=True)
class Place:
    """Where a service's copy listens: IP addresses, a port, and the path before its API."""

    addresses: tuple[str, ...]
    port: int
    path: str = ""


@dataclass(frozen=True)
class Places:
    """Where all stand. of: by service. names: host name -> address. beyond: data source -> why it cannot be asked there."""

    of: Mapping[str, Place] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    beyond: Mapping[tuple[int, str], str] = field(default_factory=dict)


class _Beyond(Exception):
    """Why a data source cannot be asked there."""


@dataclass
class _Names:
    """Gives each name an address: the configured one of its service, or one that is nobody's."""

    configured: Mapping[str, str]
    given: dict[str, str] = field(default_factory=dict)

    def address(self, host: str, service: str) -> str:
        try:
            return str(ipaddress.ip_address(host))
        except ValueError:
            pass
        name = host.lower().rstrip(".")
        if name in _LOCAL:
            return "127.0.0.1"
        if not _NAME.fullmatch(name):
            raise _Beyond("its address is no host name")
        if name not in self.given:
            own = self.configured.get(service, "")
            self.given[name] = own if _is_ip(own) and not ipaddress.ip_address(own).is_loopback else self.invented()
        return self.given[name]

    def invented(self) -> str:
        return str(_INVENTED + len(self.given))


def places(sources: Sequence[tuple[DataSource, str]], configured: Mapping[str, str], shower: str = "") -> Places:
    """Find them. sources: the data sources that are asked, each with its service. configured: each service's host.

    shower: the host where the source's Grafana is, which accounts may be bound to; its name has an address, too
    """
    names = _Names(configured)
    of: dict[str, Place] = {}
    beyond: dict[tuple[int, str], str] = {}
    taken: dict[tuple[str, int], str] = {_SHOWER: "Grafana"}
    if shower and not _is_ip(shower) and _NAME.fullmatch(shower.lower()):
        names.given[shower.lower().rstrip(".")] = names.invented()
    for source, service in sources:
        try:
            of[service] = _with(of.get(service), source, service, names, taken)
        except _Beyond as why:
            beyond[source.organisation, source.uid] = str(why)
        except ValueError:
            beyond[source.organisation, source.uid] = "its address cannot be read"
    return Places(of, names.given, beyond)


def _with(known: Place | None, source: DataSource, service: str, names: _Names, taken: dict[tuple[str, int], str]) -> Place:
    """Return a service's place with the address of one more data source; raises _Beyond where it cannot have it."""
    host, port, path = _parts(source)
    address = names.address(host, service)
    known = known or Place((), port, path)
    if (known.port, known.path) != (port, path):
        raise _Beyond(f"another data source of {service} has port {known.port}{known.path}, this one {port}{path}")
    if taken.setdefault((address, port), service) != service:
        raise _Beyond(f"{address}:{port} is where {taken[address, port]} stands")
    if len(known.addresses) >= _MOST:
        raise _Beyond(f"{service} has more than {_MOST} addresses")
    return Place(tuple(dict.fromkeys((*known.addresses, address))), port, path)


def _parts(source: DataSource) -> tuple[str, int, str]:
    """Return host, port and path of a data source; raises _Beyond where it is reached otherwise than by an open connection."""
    if source.settings.get("enableSecureSocksProxy"):
        raise _Beyond("it is reached through a proxy (enableSecureSocksProxy)")
    if source.type != "mysql":
        parts = urlsplit(source.url)
        if parts.scheme != "http" or not parts.hostname:
            raise _Beyond(
                "it is reached by TLS, whose key is in no backup" if parts.scheme == "https" else "its address cannot be read"
            )
        return parts.hostname, parts.port or _PORTS["http"], parts.path.rstrip("/")
    if source.url.startswith("/"):
        raise _Beyond("it is reached by a socket of the source's machine")
    if source.settings.get("tlsAuthWithCACert") and not source.settings.get("tlsSkipVerify"):
        raise _Beyond("it checks a certificate whose key is in no backup")
    if source.settings.get("tlsAuth"):
        raise _Beyond("it shows a certificate that the copy, whose key is in no backup, does not know")
    parts = urlsplit(f"//{source.url}")
    if not parts.hostname:
        raise _Beyond("its address cannot be read")
    return parts.hostname, parts.port or _PORTS["mysql"], ""


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def additional(found: Places) -> Iterator[str]:
    """Yield each address that the network has to be given: all but those of every loopback."""
    every = dict.fromkeys((*(address for place in found.of.values() for address in place.addresses), *found.names.values()))
    yield from (address for address in every if not ipaddress.ip_address(address).is_loopback)
