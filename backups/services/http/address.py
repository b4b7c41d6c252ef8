"""Shows urls without what may be secret in them, and tells which addresses belong to this machine."""

import ipaddress
import socket
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

_ROUTES = Path("/proc/net/route")
_INTERFACES = Path("/sys/class/net")
_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int | None]
"""Scheme, host and port."""


def shown(url: str) -> str:
    """A url as messages show it: without user, password, query and fragment."""
    try:
        parts = urlsplit(url)
        return urlunsplit((parts.scheme, _host(parts), parts.path, "", "")).rstrip("/")
    except ValueError:
        return "an address that cannot be read"


def without_account(url: str) -> str:
    """A url without user and password: they are sent as a header, or not at all."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=_host(parts)))


def account(url: str) -> tuple[str, str] | None:
    """The user and the password that stand in a url; None where none do."""
    parts = urlsplit(url)
    return (unquote(parts.username or ""), unquote(parts.password or "")) if parts.username or parts.password else None


def joined(url: str, path: str) -> str:
    """The address of a path below a server's url, whose own query stays."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + path, fragment=""))


def origin(url: str) -> Origin:
    """Whom a url leads to. Raises ValueError for a port that is none."""
    parts = urlsplit(url)
    return parts.scheme.lower(), (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme.lower())


def of_this_machine(address: str) -> bool:
    """Whether what is sent to an IP address stays on this machine: its own addresses, and its bridges to containers."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or found
    return found.is_loopback or _own(found) or (isinstance(found, ipaddress.IPv4Address) and _behind_bridge(found))


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _own(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an interface of this machine has it: nobody can listen on another's."""
    if address.is_unspecified or address.is_multicast:
        return False
    try:
        with socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def _behind_bridge(address: ipaddress.IPv4Address) -> bool:
    """Whether the way to it is a bridge of this machine that no network card is a part of, as Docker makes them."""
    try:
        rows = [line.split() for line in _ROUTES.read_text(encoding="ascii").splitlines()[1:]]
        ways = []
        for name, destination, gateway, flags, _, _, metric, mask, *_ in rows:
            network, bits = (int.from_bytes(bytes.fromhex(part), "little") for part in (destination, mask))
            if int(flags, 16) & 1 and int(address) & bits == network:
                ways.append((bits, -int(metric), name, gateway))
        if not ways:
            return False
        _, _, name, gateway = max(ways)
        ports = [port.name for port in (_INTERFACES / name / "brif").iterdir()]
    except (OSError, ValueError):
        return False
    return gateway == "00000000" and not any((_INTERFACES / port / "device").exists() for port in ports)
