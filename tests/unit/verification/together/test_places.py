"""Where copies have to stand, so that data sources that were restored as they were find them."""

import ipaddress

import pytest

from backups.panels.boards import DataSource
from verification.together.places import Place, additional, places


def source(url: str, uid: str = "a", kind: str = "prometheus", **settings: object) -> DataSource:
    return DataSource(1, uid, uid.title(), kind, url, settings=settings)


CONFIGURED = {"agama": "10.0.0.5", "prometheus": "prom.agama.internal"}


def test_an_address_is_the_copys_own_and_a_name_gets_its_services_or_an_invented_one() -> None:
    found = places(
        [
            (source("http://10.0.0.7:9090", "a"), "prometheus"),
            (source("http://Prom.Agama.internal:9090/", "b"), "prometheus"),
            (source("db.agama.internal", "c", "mysql"), "agama"),
            (source("10.0.0.5:3306", "d", "mysql"), "agama"),
        ],
        CONFIGURED,
        "grafana.agama.internal",
    )
    assert found.beyond == {}
    assert found.of["agama"] == Place(("10.0.0.5",), 3306)
    assert found.names["db.agama.internal"] == "10.0.0.5"
    assert found.of["prometheus"] == Place(("10.0.0.7", found.names["prom.agama.internal"]), 9090)
    invented = [found.names[name] for name in ("prom.agama.internal", "grafana.agama.internal")]
    assert len(set(invented)) == 2
    assert all(ipaddress.ip_address(each) in ipaddress.ip_network("198.18.0.0/15") for each in invented)
    assert set(additional(found)) == {"10.0.0.5", "10.0.0.7", *invented}


def test_what_was_on_one_machine_finds_itself_at_its_own_loopback() -> None:
    found = places(
        [(source("http://localhost:9090"), "prometheus"), (source("127.0.0.1:3306", "m", "mysql"), "agama")], CONFIGURED
    )
    assert found.of == {"prometheus": Place(("127.0.0.1",), 9090), "agama": Place(("127.0.0.1",), 3306)}
    assert list(additional(found)) == []


def test_a_path_before_the_api_and_the_port_of_the_scheme() -> None:
    found = places([(source("http://10.0.0.7/prometheus/"), "prometheus")], CONFIGURED)
    assert found.of == {"prometheus": Place(("10.0.0.7",), 80, "/prometheus")}


def test_an_address_of_ipv6() -> None:
    found = places([(source("http://[fd00::7]:9090"), "prometheus"), (source("[fd00::5]:3307", "m", "mysql"), "agama")], {})
    assert found.of == {"prometheus": Place(("fd00::7",), 9090), "agama": Place(("fd00::5",), 3307)}


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (source("https://10.0.0.7:9090"), "TLS"),
        (source("http://10.0.0.7:99999"), "cannot be read"),
        (source(""), "cannot be read"),
        (source("http://a b:9090"), "no host name"),
        (source("http://-x:9090"), "no host name"),
        (source("/var/run/mysqld/mysqld.sock", kind="mysql"), "socket"),
        (source(":3306", kind="mysql"), "cannot be read"),
        (source("10.0.0.5:3306", kind="mysql", tlsAuthWithCACert=True), "certificate"),
        (source("10.0.0.5:3306", kind="mysql", tlsAuth=True), "certificate"),
        (source("10.0.0.5:3306", kind="mysql", enableSecureSocksProxy=True), "proxy"),
    ],
    ids=str,
)
def test_what_cannot_be_reached_there_is_told_beforehand(one: DataSource, why: str) -> None:
    found = places([(one, "agama")], {})
    assert found.of == {}
    assert why in found.beyond[1, "a"]


def test_the_most_asked_comes_first_and_what_does_not_go_with_it_is_told() -> None:
    found = places(
        [
            (source("http://10.0.0.7:9090", "a"), "prometheus"),
            (source("http://10.0.0.7:9091", "b"), "prometheus"),
            (source("http://10.0.0.7:9090", "c"), "other"),
            (source("http://localhost:3000", "d"), "third"),
        ],
        {},
    )
    assert found.of == {"prometheus": Place(("10.0.0.7",), 9090)}
    assert "another data source of prometheus has port 9090, this one 9091" in found.beyond[1, "b"]
    assert "where prometheus stands" in found.beyond[1, "c"]
    assert "where Grafana stands" in found.beyond[1, "d"]


def test_a_service_has_no_more_addresses_than_a_network_takes() -> None:
    many = [(source(f"http://10.0.{n // 250}.{n % 250 + 1}:9090", str(n)), "prometheus") for n in range(100)]
    found = places(many, {})
    assert len(found.of["prometheus"].addresses) + len(found.beyond) == 100
    assert found.beyond
