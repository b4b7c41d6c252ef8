"""Says how much an answer may be: seconds and bytes."""

from dataclasses import dataclass

_MIB = 2**20


@dataclass(frozen=True)
class Bounds:
    """How long a connection may take, how long nothing may come, how long the whole answer may take, and its bytes."""

    connect: float = 10.0
    silence: float = 300.0
    total: float = 600.0
    size: int = 256 * _MIB


API = Bounds()
HEALTH = Bounds(silence=10.0, total=20.0, size=_MIB)
"""Of a look every few minutes: a healthy server answers at once, and with a line."""
