"""Asks a restored Grafana that was started on its data, its configuration and its provisioning what its source was asked.

Its database is read and compared with the witness, fact by fact: whatever a provider of dashboards, a provisioning file or
another key has deleted or changed is told by name. What it answers over HTTP is compared where lifeboat.yaml has credentials.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from backups import plural
from backups.errors import LifeboatError
from backups.machine.wait import wait_until
from backups.places.base import Place
from backups.services.base import Asked, Beside
from backups.services.grafana import server
from backups.services.grafana.client import Client
from backups.services.grafana.files import alerting, answers, other_files, secrets, witness
from backups.services.grafana.files.database import FILE, Database, opened
from backups.services.grafana.files.in_force import InForce
from backups.services.grafana.files.objects import read
from backups.services.grafana.settings import GrafanaSettings
from backups.services.settings import ServiceSettings
from backups.witness import Check, Fact, compare

BESIDE = Beside(
    "its source is alive, or cannot be looked at: so that nobody is told twice, the new container evaluates no alert rules; to "
    "have it take over, make it anew without GF_UNIFIED_ALERTING_EXECUTE_ALERTS and GF_ALERTING_EXECUTE_ALERTS",
    {"GF_UNIFIED_ALERTING_EXECUTE_ALERTS": "false", "GF_ALERTING_EXECUTE_ALERTS": "false"},
)
_MOST_WAIT = 60.0
_SETTLING = 12.0
"""Seconds for what a start moves back and forth to come to rest."""
_LOCK_SECONDS = 30.0
_HTTP = " over http"
_REFUSED = ("HTTP 401", "HTTP 403")
"""What `lifeboat.yaml`'s user may not see says nothing about the server."""


@dataclass(frozen=True)
class ObjectsStay:
    """See FirstStart. stated: the witness. found: the settings that it runs on. interval: of the slowest provider, in seconds; 0
    where nothing is provided. file: the database in its data directory.
    """

    stated: Sequence[Fact]
    found: InForce
    interval: int
    file: str = FILE
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def ready(self, address: str) -> bool:
        """See FirstStart."""
        try:
            return Client(f"http://{address}:{server.PORT}", direct=True).health(seconds=5).ok
        except LifeboatError:
            return False

    def ask(self, place: Place, address: str | None, settings: ServiceSettings) -> Asked:
        """See FirstStart. It waits until every provider has looked at its directory once more after the start."""
        rounds = min(_MOST_WAIT, self.interval + 2.0 if self.interval else 0.0)
        if address is not None:
            wait_until(lambda: not self.ready(address), seconds=rounds, interval=1.0)
        else:
            wait_until(lambda: False, seconds=rounds, interval=1.0)
        client, unasked = _client(cast("GrafanaSettings", settings), address)
        with tempfile.TemporaryDirectory(prefix="lifeboat-started-") as scratch:
            copy = Path(scratch) / FILE
            checks: list[Check] = []

            def settled() -> bool:
                copy.unlink(missing_ok=True)
                place.fetch_sqlite(self.file, copy, seconds=_LOCK_SECONDS)
                with opened(copy) as database:
                    checks[:] = compare(*self._of_database(database))
                return all(check.passed for check in checks)

            wait_until(settled, seconds=_SETTLING, interval=3.0)
            if client is None:
                return Asked(checks, unasked)
            with opened(copy) as database:
                more, not_asked = self._over_http(client, database)
        return Asked([*checks, *more], [*unasked, *not_asked])

    def _of_database(self, database: Database) -> tuple[list[Fact], list[Fact]]:
        """The witness's facts that a start leaves as they are, and the database's own of the same names."""
        provided = _provided(database)
        exact = witness.is_exact(self.stated)
        keys = secrets.keys(self.found)
        now = {
            (fact.subject, fact.metric): fact
            for fact in (*witness.facts(database, read(database), exact=exact), *secrets.facts(database, keys, exact=exact))
        }
        stated = [fact for fact in self.stated if _stays(fact, provided)]
        found = [now[name] for fact in stated if (name := (fact.subject, fact.metric)) in now]
        return [_there(fact) for fact in stated], [_there(fact) for fact in found]

    def _over_http(self, client: Client, database: Database) -> tuple[list[Check], list[str]]:
        """Compare what it answers to the user of lifeboat.yaml, organisation by organisation."""
        objects = read(database)
        silent = answers.without_alerting(self.found, objects.organisations)
        checks: list[Check] = []
        unasked = []
        for organisation in objects.organisations:
            subject = f"org {organisation}"
            stated = [
                fact
                for fact in self.stated
                if fact.metric.endswith((_HTTP, "over http while it lasts")) and fact.subject.startswith(f"{subject} ")
            ]
            if not stated:
                continue
            try:
                inside = client.within(organisation)
                at = self.now() if any("silence" in fact.subject for fact in stated) else None
                found = list(answers.of_organisation(inside, organisation, database, objects, silent, muting_at=at))
            except LifeboatError as error:
                unasked.append(f"organisation {organisation} over HTTP: {error.message}")
                continue
            names = {(fact.subject, fact.metric) for fact in stated}
            compared = compare(stated, [fact for fact in found if (fact.subject, fact.metric) in names])
            refused = [check for check in compared if check.observed in _REFUSED]
            if refused:
                unasked.append(
                    f"{plural.count(len(refused), 'answer')} of organisation {organisation}, refused to {client.caller}"
                )
            checks += [check for check in compared if check.observed not in _REFUSED]
        return checks, unasked


def _client(settings: GrafanaSettings, address: str | None) -> tuple[Client | None, list[str]]:
    """Who asks: the user or the service account of lifeboat.yaml, whom the restored server knows, too."""
    if not settings.has_credentials:
        return None, ["its answers over HTTP, for which lifeboat.yaml has no token and no user"]
    try:
        client = Client.of(settings)
    except LifeboatError as error:
        return None, [f"its answers over HTTP: {error.message}"]
    if address is not None:
        client = replace(client, url=f"http://{address}:{server.PORT}", direct=True, tls_ca=None, tls="verify")
    return client, []


def _provided(database: Database) -> frozenset[str]:
    """The subjects of what provisioning files provide: a start may write it anew, with other seals and as one more version."""
    sources = {f"org {row['org_id']} data source {row['uid']}" for row in database.rows("data_source") if row.get("read_only")}
    boards = {row["dashboard_id"] for row in database.rows("dashboard_provisioning")}
    files = [row for row in database.rows("provenance_type") if row["provenance"] == "file"]
    points = {(row["org_id"], row["record_key"]) for row in files if row["record_type"] == "contactPoint"}
    return frozenset(
        sources
        | {f"org {row['org_id']} dashboard {row['uid']}" for row in database.rows("dashboard") if row["id"] in boards}
        | {
            f"org {one.organisation} contact point {integration.contact_point}"
            for one in alerting.configurations(database)
            for integration in one.integrations
            if (one.organisation, integration.uid) in points
        }
    )


def _stays(fact: Fact, provided: frozenset[str]) -> bool:
    """Whether a start leaves a fact as it is. Tables whole do not: a server notes in them when it ran, and who asked."""
    if fact.subject == "database" or fact.subject.startswith("table ") or _HTTP in fact.metric:
        return False
    if fact.metric in {answers.READ_AS, other_files.METRIC}:
        return False
    if fact.metric == "saved versions":
        return False
    sealed = fact.metric == witness.SEALED or " contact point " in fact.subject
    return not (sealed and fact.subject in provided)


def _there(fact: Fact) -> Fact:
    """Of a plugin's settings only that they are there: a provisioning file seals them anew at each start."""
    return Fact(fact.subject, fact.metric, "there") if " plugin setting " in fact.subject else fact
