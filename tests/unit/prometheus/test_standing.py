"""Where a copy of Prometheus listens: at its own loopback, or where it stands among other copies."""

from typing import Any

import pytest

from backups.services.prometheus.copy import _network
from backups.services.standing import Stand

POD: Any = object()


@pytest.mark.parametrize(
    ("stand", "version", "expected"),
    [
        (None, "3.5.0", []),
        (Stand(POD, ("10.0.0.7",), 9090), "2.53.0", ["--web.listen-address=10.0.0.7:9090"]),
        (Stand(POD, ("10.0.0.7", "fd00::7"), 80, "/prom"), "3.5.0",
         ["--web.listen-address=10.0.0.7:80", "--web.listen-address=[fd00::7]:80", "--web.route-prefix=/prom"]),
        # It takes one address only.
        (Stand(POD, ("10.0.0.7", "10.0.0.8"), 9090), "2.53.0", ["--web.listen-address=0.0.0.0:9090"]),
    ],
)  # fmt: skip
def test_where_it_listens(stand: Stand | None, version: str, expected: list[str]) -> None:
    assert list(_network(stand, version)) == expected
