"""From where an account of a database server lets its user in."""

import pytest

from verification.together.accounts import Way, way


@pytest.mark.parametrize(
    ("hosts", "shower", "expected"),
    [
        (["%"], (), Way("'grafana'@'%'", None)),
        (["10.0.0.3"], (), Way("'grafana'@'10.0.0.3'", "10.0.0.3")),
        # Where the source's Grafana is known, it comes from there.
        (["10.0.0.3", "10.0.0.%"], ("10.0.0.9",), Way("'grafana'@'10.0.0.%'", "10.0.0.9")),
        (["%", "10.0.0.3"], ("10.0.0.3",), Way("'grafana'@'10.0.0.3'", "10.0.0.3")),
        # One that lets in anybody hides the other.
        (["%", "10.0.0.3"], ("10.0.0.4",), Way("'grafana'@'%'", None)),
        (
            ["grafana.agama.internal"],
            ("198.18.0.1", "grafana.agama.internal"),
            Way("'grafana'@'grafana.agama.internal'", "198.18.0.1"),
        ),
        (["%.agama.internal"], ("198.18.0.1", "grafana.agama.internal"), Way("'grafana'@'%.agama.internal'", "198.18.0.1")),
        (["localhost"], (), Way("'grafana'@'localhost'", "127.0.0.1")),
        (["192.168.7.0/255.255.255.0"], (), Way("'grafana'@'192.168.7.0/255.255.255.0'", "192.168.7.1")),
        (["10.%"], (), Way("'grafana'@'10.%'", "10.77.77.77")),
        (["10.1.2.%"], (), Way("'grafana'@'10.1.2.%'", "10.1.2.77")),
        (["fd00::3"], (), Way("'grafana'@'fd00::3'", "fd00::3")),
        # A name of which no address is known, and none at all.
        (["elsewhere.example"], ("10.0.0.9",), None),
        ([], ("10.0.0.9",), None),
    ],
)
def test_the_address_to_come_from(hosts: list[str], shower: tuple[str, ...], expected: Way | None) -> None:
    assert way("grafana", hosts, shower) == expected
