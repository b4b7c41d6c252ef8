"""The verifier is drilled: every kind of fault in the catalogue is put into a real copy, noticed, and its culprit named.

A kind that is added is tried here by itself. One backup of each service is damaged again and again; what runs on MySQL's copy is put in
at once, each into a table of its own, so that one drill tells of all.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from backups.machine import runs
from backups.machine.runs import Run
from backups.services.base import Copy, Fetched
from backups.services.mysql.copy import replay
from backups.site import Site
from deployments.grafana_standin.database import build
from tests.servers.grafana import IMAGE as GRAFANA
from tests.servers.grafana import SECRET_KEY, configured
from tests.servers.mysql import PASSWORD, MySQLServer
from tests.servers.prometheus import IMAGE as PROMETHEUS
from tests.servers.prometheus import PrometheusServer
from verification.damage.bench import Bench, attempt, drilled, prepare
from verification.damage.catalogue import CATALOGUE
from verification.damage.choose import Fault
from verification.damage.kind import Injected, Kind, Stand, Target, named
from verification.drill.plan import plan
from verification.drill.tamper import Tamper

pytestmark = pytest.mark.docker

DATABASE = "damaged"
ON_MYSQL = [kind for kind in CATALOGUE.values() if "mysql" in kind.types]
LOG = [kind for kind in ON_MYSQL if kind.stage == "fetched" and kind.surveyed == "fetched"]
AT_ONCE = [kind for kind in ON_MYSQL if kind not in LOG]
"""What does not end the copy before it is compared."""
OBJECTS = {
    "view gone": f"CREATE VIEW {DATABASE}.v AS SELECT 1 AS one",
    "routine gone": f"CREATE FUNCTION {DATABASE}.f () RETURNS INT DETERMINISTIC RETURN 1",
    "event's status changed": f"CREATE EVENT {DATABASE}.e ON SCHEDULE EVERY 1 DAY DO SELECT 1",
}


def now() -> datetime:
    return datetime.now(UTC)


def number(kind: Kind) -> int:
    return list(CATALOGUE).index(kind.name)


def thing(kind: Kind) -> str:
    """What of the test's own each kind is put into: a table or an account by its number."""
    return f"t{number(kind)}"


@dataclass(frozen=True)
class Benches:
    """A site with a backup of each service, and a run in which copies of them are damaged."""

    site: Site
    run: Run
    of: dict[str, Bench]

    def attempt(self, service: str, kind: Kind, target: Target) -> object:
        return attempt(self.site, self.of[service], Fault(number(kind), service, kind.name, target, "a seed"), self.run, now)


@pytest.fixture(scope="module")
def site(
    mysql_server: MySQLServer, prometheus_source: PrometheusServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("damage")
    for parent in (folder, folder.parent):
        parent.chmod(0o711)
    (folder / "grafana").mkdir()
    (folder / "etc").mkdir()
    build(folder / "grafana" / "grafana.db", layout="resource", secret_key=SECRET_KEY)
    configured(folder / "etc", SECRET_KEY)
    (folder / "key").write_text("correct horse\n")
    (folder / "lifeboat.yaml").write_text(
        f"state: state\nrepository: {{url: repository, password_file: {folder}/key}}\nservices:\n"
        f"  agama: {{type: mysql, image: 'lifeboat/mysql:9.7', host: {mysql_server.host}, port: {mysql_server.port},"
        " password: '${AGAMA_PASSWORD}'}\n"
        f"  grafana: {{type: grafana, image: '{GRAFANA}', url: 'http://127.0.0.1:9', place: 'local:{folder}/grafana',"
        f" config_place: 'local:{folder}/etc'}}\n"
        f"  prometheus: {{type: prometheus, image: '{PROMETHEUS}', url: '{prometheus_source.url}',"
        f" place: '{prometheus_source.place}', config_place: 'local:{prometheus_source.configuration}'}}\n"
    )
    site = Site.open(folder / "lifeboat.yaml")
    mysql_server.sql(f"CREATE DATABASE {DATABASE}", *OBJECTS.values())
    for kind in AT_ONCE:
        mysql_server.sql(
            f"CREATE TABLE {DATABASE}.{thing(kind)} (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, kind INT NOT NULL,"
            " name VARCHAR(20) NOT NULL, KEY kind (kind))",
            f"INSERT INTO {DATABASE}.{thing(kind)} (kind, name) VALUES (1, 'a'), (2, 'b'), (3, 'c')",
            f"CREATE USER {thing(kind)}",
            f"GRANT SELECT ON {DATABASE}.* TO {thing(kind)}",
        )
    mysql_server.sql(f"ALTER TABLE {DATABASE}.{thing(CATALOGUE['table defined otherwise'])} COMMENT = 'changed'")
    mysql_server.sql(
        f"CREATE TRIGGER {DATABASE}.g BEFORE INSERT ON {DATABASE}.{thing(AT_ONCE[-1])} FOR EACH ROW SET NEW.kind = 9"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AGAMA_PASSWORD", PASSWORD)
        for service, kind in (("agama", "full"), ("grafana", "full"), ("prometheus", "full"), ("agama", "incremental")):
            site.back_up(service, kind=kind)  # type: ignore[arg-type]
            if service == "prometheus":
                mysql_server.sql(
                    *(f"UPDATE {DATABASE}.{thing(CATALOGUE['row deleted'])} SET kind = {each}" for each in (4, 5, 6))
                )
    yield site
    mysql_server.sql(f"DROP DATABASE {DATABASE}", *(f"DROP USER {thing(kind)}" for kind in AT_ONCE))


@pytest.fixture(scope="module")
def benches(site: Site) -> Iterator[Benches]:
    with runs.start(site.state) as run:
        found = {}
        for planned in plan(site, site.chosen([]), ["latest"]):
            part, bench = prepare(site, planned, run, now)
            assert bench is not None, part.why
            assert (part.verdict, part.why) == ("verified", None)
            found[planned.service] = bench
        yield Benches(site, run, found)


def mine(kind: Kind, targets: list[Target]) -> Target:
    """The target of a kind that no other kind of this test touches."""
    for target in targets:
        if thing(kind) in target[:2] or (
            DATABASE in target and kind.name in OBJECTS | {"trigger gone": "", "database's collation changed": ""}
        ):
            return target
    raise AssertionError(f"{kind.name}: none of {targets} is the test's own")


def test_every_fault_in_a_running_mysql_is_named_and_nothing_else(benches: Benches) -> None:
    bench = benches.of["agama"]
    done: dict[str, Injected] = {}
    stand = Stand("agama")

    def put_in(kind: Kind) -> None:
        target = mine(kind, list(bench.open_to[kind.name]))
        done[kind.name] = kind.inject(stand, target, random.Random(7))

    def fetched(chain: list[Fetched]) -> None:
        nonlocal stand
        stand = Stand("agama", chain)
        for kind in AT_ONCE:
            if kind.stage == "fetched":
                put_in(kind)

    def running(copy: Copy) -> None:
        nonlocal stand
        stand = stand.at(copy)
        for kind in AT_ONCE:
            if kind.stage == "running":
                put_in(kind)
        for kind in AT_ONCE:
            assert kind.there is None or kind.there(stand, mine(kind, list(bench.open_to[kind.name])), done[kind.name]), kind.name

    tamper = Tamper("all at once", fetched=fetched, running=running)  # type: ignore[arg-type]
    result = drilled(benches.site, bench.planned, bench.held, "all-at-once", tamper, benches.run, now)
    assert (result.verdict, result.error) == ("failed", None)
    assert set(done) == {kind.name for kind in AT_ONCE}
    assert [name for name, injected in done.items() if not named(result, injected.culprits)] == []
    assert {check.subject for check in result.failures} <= {
        culprit for injected in done.values() for culprit in injected.culprits
    }


@pytest.mark.parametrize("kind", LOG, ids=lambda kind: kind.name.replace(" ", "-"))
def test_every_fault_in_a_log_is_named(benches: Benches, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay, "_OUT_OF_LOG", 1.0)
    part = benches.attempt("agama", kind, benches.of["agama"].open_to[kind.name][0])
    assert (part.outcome, part.named) == ("noticed", True), part  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("service", "kind"),
    [(service, kind) for service in ("grafana", "prometheus") for kind in CATALOGUE.values() if service in kind.types],
    ids=lambda value: value.name.replace(" ", "-") if isinstance(value, Kind) else value,
)
def test_every_fault_in_the_files_of_others_is_named(benches: Benches, service: str, kind: Kind) -> None:
    targets = benches.of[service].open_to[kind.name]
    part = benches.attempt(service, kind, targets[len(targets) // 2])
    assert (part.outcome, part.named) == ("noticed", True), part  # type: ignore[attr-defined]


def test_what_the_copy_has_undone_is_no_fault(benches: Benches) -> None:
    """The log writes every row of that table anew, and the stored row's damage is gone: told apart, and not counted."""
    kind = CATALOGUE["stored row damaged"]
    target = next(each for each in benches.of["agama"].open_to[kind.name] if each[1] == thing(CATALOGUE["row deleted"]))
    part = benches.attempt("agama", kind, target)
    assert part.outcome == "not-injected", part  # type: ignore[attr-defined]
    assert "gone again when the log was replayed" in part.said  # type: ignore[attr-defined]
