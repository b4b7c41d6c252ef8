"""Finds from which address an account of a database server lets its user in, by the host that the account names.

To an address of its own network, the kernel connects from that same address; an account for one host would refuse that.

Pure.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

_FILLER = "77"
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Way:
    """How a user is let in: `account`, and the address that it has to come from; None where any will do."""

    account: str
    source: str | None


def way(user: str, hosts: Sequence[str], shower: Sequence[str]) -> Way | None:
    """Choose the account of this user that is the most particular, and an address that it lets in; None where there is none.

    hosts: of its accounts, as the grant tables have them. shower: address and name of the source's Grafana, where they are known:
    if an account lets that one in, it is the one.
    """
    particular = [host for host in hosts if host not in ("%", "")]
    for host in particular:
        for one in shower:
            if _matches(host, one):
                return Way(_account(user, host), shower[0])
    if len(particular) < len(hosts):
        return Way(_account(user, "%"), None)
    for host in particular:
        if (source := _inside(host)) is not None:
            return Way(_account(user, host), source)
    return None


def _account(user: str, host: str) -> str:
    return f"'{user}'@'{host}'"


def _matches(host: str, one: str) -> bool:
    """Whether an account's host lets in an address, or a name."""
    if "/" in host:
        try:
            return ipaddress.ip_address(one) in ipaddress.ip_network(host)
        except ValueError:
            return False
    pattern = "".join({"%": ".*", "_": "."}.get(letter, re.escape(letter)) for letter in host)
    return re.fullmatch(pattern, one, re.IGNORECASE) is not None


def _inside(host: str) -> str | None:
    """Return an address that an account's host lets in; None for a name, or for what is none."""
    if host == "localhost":
        return _LOOPBACK
    try:
        network = ipaddress.ip_network(host, strict=False)
    except ValueError:
        pass
    else:
        return str(network[1] if network.num_addresses > 1 else network[0])
    parts = [part.replace("%", _FILLER if part == "%" else "7").replace("_", "7") for part in host.split(".")]
    while len(parts) < 4 and host.endswith("%"):
        parts.append(_FILLER)
    try:
        found = str(ipaddress.IPv4Address(".".join(parts)))
    except ValueError:
        return None
    return found if _matches(host, found) else None
