"""Asks a restored Grafana for one object over HTTP, and compares it: the restore's clock stops when the answer is right."""

import re
from collections.abc import Iterator, Mapping, Sequence

from backups.errors import Damaged
from backups.services.grafana import server
from backups.services.grafana.client import Client
from backups.services.grafana.files import answers
from backups.witness import Fact, Value


def check(url: str, stated: Sequence[Fact]) -> None:
    """Raise Damaged when an answer is not what is stated: of one dashboard, or one data source where there is none."""
    wanted = {(fact.subject, fact.metric): fact.value for fact in stated}
    for fact in list(_answers(url, stated, wanted)):
        expected = wanted.get((fact.subject, fact.metric))
        if expected != fact.value:
            raise Damaged(
                f"the restored Grafana's first answer is wrong: {fact.subject}, {fact.metric}: "
                f"expected {expected}, got {fact.value}",
                hint=server.ANOTHER_BACKUP,
            )


def _answers(url: str, stated: Sequence[Fact], wanted: Mapping[tuple[str, str], Value]) -> Iterator[Fact]:
    """One object over HTTP: a dashboard, else a data source, else (in a Grafana that has neither) that there is none."""
    logins = {
        number: str(fact.value)
        for fact in stated
        if fact.metric == answers.READ_AS and fact.value != answers.NOBODY
        if (named := re.fullmatch(r"org ([0-9]{1,18})", fact.subject))
        for number in [int(named[1])]
    }
    for kind, metric in (("dashboard", "json over http"), ("data source", "settings over http")):
        for fact in stated:
            match = re.fullmatch(rf"org ([0-9]{{1,18}}) {kind} (.+)", fact.subject)
            if match and fact.metric == metric:
                organisation, uid = int(match[1]), match[2]
                client = Client.behind_proxy(url, logins).within(organisation)
                if kind == "dashboard":
                    version = str(wanted.get((fact.subject, "api version"), ""))
                    yield from answers.dashboard(client, organisation, uid, version)
                else:
                    yield from answers.data_source(client, organisation, uid)
                return
    for number in logins:
        client = Client.behind_proxy(url, logins).within(number)
        yield Fact(f"org {number}", "dashboards", len(answers.search(client, "dash-db")))
