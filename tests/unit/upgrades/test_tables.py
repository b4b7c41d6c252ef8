"""Which upgrades there are, what each changes by itself, and that the page says the same."""

import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pymysql.err
import pytest

from backups.errors import Damaged, LifeboatError
from backups.machine.docker import Image
from backups.manifest import Manifest, Source
from backups.services.grafana import server as grafana_server
from backups.services.grafana import upgrades as grafana
from backups.services.mysql import upgrades as mysql
from backups.services.mysql.copy import upgrade
from backups.services.mysql.copy.upgrade import Accounts, compared, version_in
from backups.services.mysql.dump import load
from backups.services.mysql.versions import Version
from backups.services.prometheus import command_line
from backups.services.prometheus import upgrades as prometheus
from backups.services.registry import SERVICE_TYPES
from backups.services.upgraded import Step, Upgradable, numbers, sort_out
from backups.witness import Check, Fact

PAGE = (Path(__file__).parents[3] / "docs" / "upgrades.md").read_text()
TABLES = {"MySQL": mysql.MYSQL, "MariaDB": mysql.MARIADB, "Prometheus": prometheus.CHANGES, "Grafana": grafana.CHANGES}


def step(before: str, after: str) -> Step | None:
    return mysql.planned(Version.parse(before), Version.parse(after), "next:1")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("8.0.36", "8.4.3"),
        ("8.0.36", "8.3.0"),
        ("8.3.0", "8.4.0"),
        ("8.4.3", "9.0.1"),
        ("8.4.3", "9.7.4"),
        ("9.1.0", "9.7.0"),
        ("9.7.4", "9.8.0"),
        ("9.7.4", "10.1.0"),
        ("10.11.18-MariaDB", "11.8.9-MariaDB"),
        ("10.5.1-MariaDB", "12.3.0-MariaDB"),
    ],
)
def test_one_step(before: str, after: str) -> None:
    made = step(before, after)
    assert made is not None
    assert (made.before, made.after) == (before.partition("-")[0], after.partition("-")[0])
    assert made.back.source.startswith("https://")


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("8.0.36", "9.7.4", "MySQL 8.0.36 is not upgraded to 9.7.4 in one step: first to 8.4, then to 9.7"),
        ("8.3.0", "9.0.1", "in one step: first to 8.4, then to 9.0"),
        ("8.0.36", "9.8.0", "in one step: first to 8.4, then to 9.7, then to 9.8"),
        ("8.4.3", "9.8.0", "in one step: first to 9.7, then to 9.8"),
        ("8.4.3", "8.0.36", "the image next:1 holds MySQL 8.0.36, the backup is of 8.4.3: that is a downgrade"),
        ("11.8.9-MariaDB", "10.11.18-MariaDB", "holds MariaDB 10.11.18, the backup is of 11.8.9: that is a downgrade"),
        (
            "8.0.36",
            "11.8.9-MariaDB",
            "holds MariaDB 11.8.9, the backup is of MySQL 8.0.36: data of one are never started on the other",
        ),
        ("11.8.9-MariaDB", "9.7.4", "holds MySQL 9.7.4, the backup is of MariaDB 11.8.9"),
    ],
)
def test_no_step(before: str, after: str, words: str) -> None:
    with pytest.raises(LifeboatError) as refused:
        step(before, after)
    assert words in refused.value.message
    assert refused.value.hint


def test_one_series_is_no_upgrade() -> None:
    assert step("8.4.3", "8.4.9") is None
    assert step("8.4.9", "8.4.3") is None
    assert step("10.11.2-MariaDB", "10.11.18-MariaDB") is None
    assert prometheus.planned("2.53.0", "2.53.4", "x") is None
    assert grafana.planned("12.4.1", "12.4.3", "x") is None


def test_prometheus() -> None:
    """Version 3 reads what 2 wrote, at once; 2 reads what 3 has written from 2.55 on, and nothing older does."""
    old, late, small = (
        prometheus.planned(*both, "x") for both in (("2.42.0+ds", "3.5.3"), ("2.55.1", "3.5.3"), ("3.2.0", "3.5.3"))
    )
    assert old
    assert late
    assert small
    assert old.back.words.startswith("not to 2.42")
    assert not late.back.words.startswith("not to")
    assert old.passes(prometheus.LEFT_OPEN)
    assert not small.passes(prometheus.LEFT_OPEN)
    assert small.changes == ()
    with pytest.raises(
        LifeboatError, match=r"the image x holds Prometheus 2\.42\.0, the backup is of 3\.5\.3: that is a downgrade"
    ):
        prometheus.planned("3.5.3", "2.42.0", "x")
    with pytest.raises(LifeboatError, match="no upgrade is planned: 'unknown' is no version"):
        prometheus.planned("unknown", "3.5.3", "x")


@pytest.mark.parametrize(
    ("duration", "longer"),
    [
        ("5m", "300001ms"),
        ("1h30m", "5400001ms"),
        ("100ms", "101ms"),
        ("1w2d", "777600001ms"),
        ("0", "0"),
        ("1.5h", "1.5h"),
        ("7us", "7us"),
    ],
)
def test_a_lookback_is_made_longer_by_a_millisecond(duration: str, longer: str) -> None:
    assert command_line.longer(duration) == longer


def test_grafana() -> None:
    made = grafana.planned("11.0.0", "12.4.3", "x")
    assert made
    assert made.back.words.startswith("none")
    assert {change.since for change in made.changes} == {(), (12, 0)}
    with pytest.raises(LifeboatError, match=r"Grafana 8\.5\.2 is not upgraded to 12\.4\.3 in one step: first to 10\.4"):
        grafana.planned("8.5.2", "12.4.3", "x")
    assert grafana.planned("8.5.2", "10.4.0", "x")
    with pytest.raises(LifeboatError, match="downgrade"):
        grafana.planned("12.4.1", "11.6.0", "x")
    with pytest.raises(LifeboatError, match="no upgrade is planned"):
        grafana.planned("one that hides it", "12.4.1", "x")


def test_a_dashboard_that_is_served_otherwise_is_expected_where_it_is_stored_alike() -> None:
    made = grafana.planned("11.6.0", "12.0.0", "x")
    assert made
    served, subject = Check("org 1 dashboard a", "json over http", "1", "2", passed=False), "org 1 dashboard a"
    alike, other = (Check(subject, "json", "x", value, passed=value == "x") for value in ("x", "y"))
    assert [each.change is None for each in sort_out([served, alike], made)] == [False]
    assert [each.change is None for each in sort_out([served, other], made)] == [True, True]


def test_nothing_that_a_person_made_is_expected_to_go() -> None:
    """Whatever the version: rows, values, objects and accounts that change are looked at."""
    made = [step("8.0.36", "8.4.3"), step("10.11.18-MariaDB", "11.8.9-MariaDB"), prometheus.planned("2.42.0", "3.5.3", "x")]
    made += [grafana.planned("11.0.0", "12.4.3", "x"), grafana.planned("12.4.3", "13.0.0", "x")]
    kept = [
        *(("agama.client", metric) for metric in ("rows", "fingerprint", "definition")),
        *(("account a@%", metric) for metric in ("definition", "can log in", "privilege taken: SUPER")),
        *(("block 01X", metric) for metric in ("samples", "sha256")),
        *(("metric up", "series at 2026"), ("samples of all metrics", "the 60 s before 2026"), ("configuration p.yml", "sha256")),
        *(("org 1 dashboard a", metric) for metric in ("json", "title", "folder")),
        *(("org 1", "dashboards"), ("org 1 data source a", "sealed secrets"), ("user admin", "record"), ("table star", "rows")),
        *(("table user", "every value"), ("org 1 alert rule a", "definition"), ("org 1 team x", "record")),
    ]
    for each in made:
        assert each
        for subject, metric in kept:
            for before, after in (("a", "b"), ("a", None)):
                (found,) = sort_out([Check(subject, metric, before, after, passed=False)], each)
                assert found.change is None, (each.after, subject, metric)


GRANTED = "global_grants: host=25 priv={} user=61"


def stored(*privileges: str, other: str = "user: host=25 select_priv=59 user=61") -> list[str]:
    return [other, *(GRANTED.format(name.encode().hex()) for name in privileges)]


def test_accounts_are_compared_privilege_by_privilege() -> None:
    made = step("8.0.36", "8.4.3")
    assert made
    known = frozenset({"SET_USER_ID", "BACKUP_ADMIN", "CLONE_ADMIN"})
    before = Accounts({"a@%": stored("SET_USER_ID", "BACKUP_ADMIN"), "b@%": stored("BACKUP_ADMIN")}, frozenset({"old@%"}), known)
    after = Accounts(
        {"a@%": stored("SET_ANY_DEFINER", "BACKUP_ADMIN"), "b@%": stored("CLONE_ADMIN")}, frozenset({"old@%", "b@%"})
    )
    stated = [Fact("account a@%", "definition", "1"), Fact("account b@%", "definition", "2"), Fact("agama.t", "definition", "3")]
    facts, checks = compared([Fact(fact.subject, "definition", "9") for fact in stated], stated, before, after)
    assert facts == [stated[0], stated[1], Fact("agama.t", "definition", "9")]
    told = {(each.check.subject, each.check.metric, each.change is not None) for each in sort_out(checks, made)}
    assert told == {
        ("account a@%", "new privilege given: SET_ANY_DEFINER", True),
        ("account b@%", "privilege given: CLONE_ADMIN", False),
        ("account a@%", "privilege taken: SET_USER_ID", True),
        ("account b@%", "privilege taken: BACKUP_ADMIN", False),
        ("account b@%", "can log in", False),
    }
    onward = [f"{line} with_grant_option=59" if line.startswith("global") else line for line in stored("BACKUP_ADMIN")]
    for one, other in ((onward, stored("BACKUP_ADMIN")), (stored("BACKUP_ADMIN"), onward)):
        _, checks = compared([], [], Accounts({"b@%": one}), Accounts({"b@%": other}))
        (odd,) = sort_out(checks, made)
        assert (odd.check.metric, odd.change) == ("privilege: BACKUP_ADMIN", None)
        assert ("with_grant_option=Y" in str(odd.check.expected)) != ("with_grant_option=Y" in str(odd.check.observed))
    changed = Accounts({"a@%": stored("SET_USER_ID", "BACKUP_ADMIN", other="user: host=25 user=61")})
    facts, _ = compared([Fact("account a@%", "definition", "9")], stated, before, changed)
    assert facts == [Fact("account a@%", "definition", "9")]


def test_every_entry_has_a_public_source_and_is_on_the_page() -> None:
    for maker, table in TABLES.items():
        assert table
        for change in table:
            assert re.fullmatch(r"https://[^\s]+", change.source)
            assert f"| {maker} | {change.version} | {change.words} |" in PAGE, (maker, change.words)
            assert change.source in PAGE
            assert re.compile(change.subject)
            assert re.compile(change.metric)
    listed = re.findall(r"^\| (?:\w+) \| (?:any|[0-9.]+) \| .* \| (?:expected|told only) \|", PAGE, re.MULTILINE)
    assert len(listed) == sum(map(len, TABLES.values()))


@pytest.mark.parametrize(("text", "found"), [("v3.5.3+ds1", (3, 5, 3)), ("12.4", (12, 4, 0)), ("2.42.0", (2, 42, 0))])
def test_numbers(text: str, found: tuple[int, ...]) -> None:
    assert numbers(text) == found


def test_every_service_can_be_asked() -> None:
    for name, kind in SERVICE_TYPES.items():
        settings: Any = {"host": "h"} if name == "mysql" else {"url": "http://h", "place": "local:/data"}
        service = kind.make("x", kind.settings.model_validate({"type": name, "image": "i", **settings}), None, None)  # type: ignore[arg-type]
        assert isinstance(service, Upgradable)


def test_a_grafana_whose_database_is_elsewhere_is_not_upgraded() -> None:
    kind = SERVICE_TYPES["grafana"]
    service: Any = kind.make(
        "x", kind.settings.model_validate({"type": "grafana", "image": "i", "url": "http://h", "place": "local:/d"}), None, None
    )  # type: ignore[arg-type]
    for details, words in (
        ({"method": "api"}, "it was read by the API"),
        ({"database": {"service": "agama", "name": "g"}}, "of agama"),
    ):
        with pytest.raises(LifeboatError, match=words):
            service.step(manifest(details), "13.0.0", "next")
        assert service.step(manifest(details), "12.4.9", "next") is None
    assert service.step(manifest({}), "13.0.0", "next")


def manifest(details: dict[str, Any]) -> Manifest:
    now = datetime(2026, 11, 30, tzinfo=UTC)
    return Manifest(
        lifeboat="0", id="x-20261130T000000Z", service="x", type="grafana", kind="full", chain="x-20261130T000000Z", sequence=0,
        parent=None, started_at=now, taken_at=now, finished_at=now, source=Source(version="12.4.1", image="i"), files=(),
        details=details, witness=(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, None), (3, "mariadb-upgrade of m:2 ends with code 3: the table t is beyond repair"), (127, "code 127")],
)
def test_mariadbs_own_program_says_why_it_fails(code: int, words: str | None) -> None:
    ran: list[tuple[Any, ...]] = []
    container = SimpleNamespace(
        wait=lambda _: code, logs=lambda _: "the table t\n is beyond repair", remove=lambda: ran.append(("gone",))
    )
    sandbox: Any = SimpleNamespace(run=lambda name, *_, **more: ran.append((name, more["command"])) or container)
    image = Image("m:2", "sha256:02")
    if words is None:
        load.upgrade(sandbox, image, "maria-next", {}, "somebody")
    else:
        with pytest.raises(Damaged, match=words):
            load.upgrade(sandbox, image, "maria-next", {}, "somebody")
    assert ran == [("maria-next-upgrade", ["somebody"]), ("gone",)]


@pytest.mark.parametrize(
    ("printed", "code", "said"),
    [
        ("/usr/sbin/mysqld  Ver 9.7.4-2 for Linux on x86_64 ((Debian))", 0, ("9.7.4", False)),
        ("/usr/sbin/mysqld  Ver 8.0.36 for Linux on x86_64 (MySQL Community Server - GPL)", 0, ("8.0.36", False)),
        ("mariadbd  Ver 11.8.9-MariaDB-4 from Debian for debian-linux-gnu on x86_64 (--)", 0, ("11.8.9", True)),
        (
            "",
            127,
            "the image m:2 holds neither MySQL nor MariaDB: asked for its version, it ends with code 127: it prints nothing",
        ),
        ("hello", 0, "the image m:2 does not say the version of its server: hello"),
    ],
)
def test_the_version_in_an_image(printed: str, code: int, said: Any) -> None:
    gone: list[int] = []
    container = SimpleNamespace(wait=lambda _: code, logs=lambda _: printed, remove=lambda: gone.append(1))
    docker: Any = SimpleNamespace(run=lambda *_, **__: container)
    if isinstance(said, str):
        with pytest.raises(LifeboatError) as refused:
            version_in(Image("m:2", "sha256:02"), docker, "x")
        assert refused.value.message == said
    else:
        found = version_in(Image("m:2", "sha256:02"), docker, "x")
        assert (found.release, found.mariadb) == said
    assert gone == [1]


@pytest.mark.parametrize(
    ("printed", "code", "said"),
    [
        ("Version 12.4.3 (commit: 83b9528, branch: HEAD)", 0, "12.4.3"),
        ("sh: grafana: not found", 127, None),
        ("Version dev", 0, None),
    ],
)
def test_the_version_in_grafanas_image(printed: str, code: int, said: str | None) -> None:
    container = SimpleNamespace(wait=lambda _: code, logs=lambda _: printed, remove=lambda: None)
    docker: Any = SimpleNamespace(run=lambda *_, **__: container)
    if said is None:
        with pytest.raises(LifeboatError, match="the image g:9 does not hold Grafana"):
            grafana_server.version_in(Image("g:9", "sha256:02"), docker, "x")
    else:
        assert grafana_server.version_in(Image("g:9", "sha256:02"), docker, "x") == said
    assert grafana_server.version_in(Image("l/standin:12.4", "sha256:02", standin=True), docker, "x") == "12.4"


def test_who_can_log_in_is_not_said_where_the_server_does_not_say() -> None:
    """A server that cannot be asked has not said that everybody can."""
    accounts = {"a@%": stored("BACKUP_ADMIN")}
    silent, said = Accounts(accounts, None), Accounts(accounts, frozenset())
    assert compared([], [], silent, said)[1] == []
    [check] = compared([], [], said, silent)[1]
    assert (check.metric, check.expected, check.observed, check.passed) == ("can log in", True, None, False)

    class Refusing:
        def __getattr__(self, name: str) -> Any:
            raise pymysql.err.OperationalError(1449, "The user specified as a definer does not exist")

    refusing: Any = Refusing()
    assert upgrade._barred(refusing) is None
