"""States what a restored Grafana must answer over HTTP, computed from its database, and what it does answer, as the same facts.

The source's server is never read: the database is what is backed up, so it says what the restored server must serve. Values are
compared after the normalisations below, the differences between what the versions 8 to 13 store and what they serve:
- dashboards: `canonical.dashboard_over_http`; version 2 ones are read by /apis, in the API version they are stored in, since
  the old API refuses them (406); all others by /api/dashboards/uid
- folders and library panels at the top: "" and `general` are one
- data sources: `readOnly`, `version` and logos are the server's; of secrets only the names are known
- contact points: secrets come as `[REDACTED]`, and which settings are secrets differs between versions, so only name and
  type are read
- alert rules and contact points: from 9.4 on (`alert_rule.is_paused` tells), when the provisioning API lists them; and not
  the default contact point as long as it is not edited, whose uid is empty
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from backups.errors import LifeboatError, Transient
from backups.machine.wait import wait_until
from backups.services.grafana.canonical import dashboard_over_http, digest, filled, folder_uid, parse, sortable
from backups.services.grafana.client import Client, as_list
from backups.services.grafana.files import alerting, deep, muted
from backups.services.grafana.files.database import Database
from backups.services.grafana.files.deep import Deep
from backups.services.grafana.files.in_force import InForce
from backups.services.grafana.files.objects import Dashboard, DataSource, Objects
from backups.services.grafana.namespaces import namespace_of
from backups.witness import Fact, Value

_SETTINGS = ("name", "type", "access", "url", "user", "database", "basicAuth", "basicAuthUser", "withCredentials", "isDefault")
READ_AS = "read over http by"
_INDEX_SECONDS = 60.0
_OFF = frozenset({"0", "f", "F", "false", "FALSE", "False", "NO", "no", "No", "n", "OFF", "off", "Off"})
"""What Grafana's ini library takes for no."""
NOBODY = "nobody: it has no administrator"


def readers(database: Database) -> dict[int, str]:
    """For each organisation, the login of an administrator of it who is not disabled: the server's own before others."""
    users = {
        row["id"]: row
        for row in database.rows("user")
        if not row.get("is_service_account") and not row.get("is_disabled") and row["login"].isascii()
    }
    chosen: dict[int, str] = {}
    members = [row for row in database.rows("org_user") if row["role"] == "Admin" and row["user_id"] in users]
    for row in sorted(members, key=lambda row: (not users[row["user_id"]]["is_admin"], sortable(row["user_id"]))):
        chosen.setdefault(row["org_id"], users[row["user_id"]]["login"])
    return chosen


def without_alerting(found: InForce, organisations: Iterable[int]) -> frozenset[int]:
    """The organisations for which the settings turn alerting off: its routes are not there, or refuse for ever."""
    enabled = found.setting("unified_alerting", "enabled")
    if enabled and enabled.readings and enabled.readings[0] in _OFF:
        return frozenset(organisations)
    disabled = found.setting("unified_alerting", "disabled_orgs")
    named = re.findall(r"\d+", disabled.readings[0]) if disabled and disabled.readings else []
    return frozenset(int(number) for number in named) & frozenset(organisations)


def expected(database: Database, objects: Objects, silent: Container[int] = (), *, muting: bool = True) -> Iterator[Fact]:
    """The facts that `observed` will state of a server on this database.

    silent: see `without_alerting`. muting: whether its silences are asked for: an Alertmanager whose secrets do not open has none
    """
    who, nested = readers(database), deep.look(database, objects)
    for organisation in objects.organisations:
        yield Fact(f"org {organisation}", READ_AS, who.get(organisation, NOBODY))
    for folder in objects.folders:
        if folder.organisation in who and objects.served(folder):
            yield from _folder(folder.organisation, folder.uid, folder.title, folder.parent)
    for one in objects.dashboards:
        if one.organisation in who and objects.served(one) and (one.organisation, one.uid) not in nested.dashboards:
            yield from expected_dashboard(one)
    for panel in (one for one in objects.library_panels if nested.stated(one.organisation, deep.PANELS, who)):
        content = [panel.name, panel.row["kind"], filled(panel.model)]
        yield from _library_panel(panel.organisation, panel.uid, content, panel.folder)
    for source in (one for one in objects.data_sources if nested.stated(one.organisation, deep.SOURCES, who)):
        yield from _expected_data_source(source)
    if database.has("alert_rule", "is_paused"):
        loud = [one for one in who if one not in silent]
        yield from _expected_alerting(database, loud, nested)
        if muting:
            yield from muted.expected(database, loud)


def observed(
    url: str, database: Database, objects: Objects, silent: Container[int] = (), *, muting_at: datetime | None = None
) -> Iterator[Fact]:
    """Read everything that the server on this database lists. Raises Transient when it stops answering.

    muting_at: now, where its silences are asked for
    """
    who = readers(database)
    for organisation in objects.organisations:
        yield Fact(f"org {organisation}", READ_AS, who.get(organisation, NOBODY))
        if organisation in who:
            client = Client.behind_proxy(url, who).within(organisation)
            yield from of_organisation(client, organisation, database, objects, silent, muting_at=muting_at)


def of_organisation(
    client: Client,
    organisation: int,
    database: Database,
    objects: Objects,
    silent: Container[int] = (),
    *,
    muting_at: datetime | None = None,
) -> Iterator[Fact]:
    """The same of one organisation, read by a client that is in it."""
    nested = deep.look(database, objects)
    versions = {one.uid: one.version for one in objects.dashboards if one.organisation == organisation and objects.served(one)}
    folders = sum(one.organisation == organisation and objects.served(one) for one in objects.folders)
    for uid in _complete_search(client, "dash-folder", folders):
        yield from _answered_folder(client, organisation, uid)
    for uid in _complete_search(client, "dash-db", len(versions)):
        if (organisation, uid) not in nested.dashboards:
            yield from dashboard(client, organisation, uid, versions.get(uid, ""))
    loud = database.has("alert_rule", "is_paused") and organisation not in silent
    yield from _lists(client, organisation, nested, alerting_listed=loud)
    if loud and muting_at:
        yield from muted.observed(database, client, organisation, muting_at)


def dashboard(client: Client, organisation: int, uid: str, version: str) -> Iterator[Fact]:
    """State what the server answers of one dashboard, which is stored in this API version ("" for the tables' own)."""
    subject = f"org {organisation} dashboard {uid}"
    if version.startswith("v2"):
        group = ("apis", "dashboard.grafana.app", version)
        answer = client.get_or_status(*group, "namespaces", namespace_of(organisation), "dashboards", uid)
        spec = answer.get("spec") if isinstance(answer, Mapping) else answer
        metadata = answer.get("metadata") if isinstance(answer, Mapping) else None
        folder = ((metadata or {}).get("annotations") or {}).get("grafana.app/folder")
    else:
        answer = client.get_or_status("api", "dashboards", "uid", uid)
        spec = answer.get("dashboard") if isinstance(answer, Mapping) else answer
        folder = (answer.get("meta") or {}).get("folderUid") if isinstance(answer, Mapping) else None
    yield Fact(subject, "json over http", _hash(dashboard_over_http(spec)))
    yield Fact(subject, "folder over http", folder_uid(folder))


def data_source(client: Client, organisation: int, uid: str) -> Iterator[Fact]:
    """State what the server answers of one data source."""
    subject = f"org {organisation} data source {uid}"
    answer = client.get_or_status("api", "datasources", "uid", uid)
    if not isinstance(answer, Mapping):
        yield Fact(subject, "settings over http", str(answer))
        return
    settings = {name: answer.get(name) for name in _SETTINGS} | {"jsonData": answer.get("jsonData")}
    yield Fact(subject, "settings over http", digest(filled(settings)))
    fields = answer.get("secureJsonFields")
    keys = [name for name, there in fields.items() if there] if isinstance(fields, Mapping) else []
    yield Fact(subject, "secret keys over http", ", ".join(sorted(keys)) or "none")


def _expected_alerting(database: Database, who: Container[int], nested: Deep) -> Iterator[Fact]:
    for rule in alerting.rules(database):
        if nested.stated(rule.organisation, deep.RULES, who):
            subject = f"org {rule.organisation} alert rule {rule.uid}"
            yield Fact(subject, "definition over http", alerting.expected_over_http(rule))
    for configuration in alerting.configurations(database):
        for one in configuration.integrations:
            if nested.stated(one.organisation, deep.POINTS, who) and one.uid:
                yield _integration(one.organisation, one.contact_point, one.uid, one.type)


def expected_dashboard(one: Dashboard) -> Iterator[Fact]:
    """The facts that `dashboard` will state of one that is stored like this."""
    subject = f"org {one.organisation} dashboard {one.uid}"
    yield Fact(subject, "json over http", _hash(dashboard_over_http(one.spec)))
    yield Fact(subject, "folder over http", folder_uid(one.folder))


def _expected_data_source(one: DataSource) -> Iterator[Fact]:
    row = one.row
    columns = {"basicAuth": "basic_auth", "basicAuthUser": "basic_auth_user", "isDefault": "is_default"}
    columns["withCredentials"] = "with_credentials"
    settings = {name: row[columns.get(name, name)] for name in _SETTINGS}
    for name in ("basicAuth", "isDefault", "withCredentials"):
        settings[name] = bool(settings[name])
    subject = f"org {one.organisation} data source {one.uid}"
    yield Fact(subject, "settings over http", digest(filled(settings | {"jsonData": parse(row["json_data"])})))
    yield Fact(subject, "secret keys over http", ", ".join(sorted(one.answered_secrets)) or "none")


def search(client: Client, kind: str) -> list[str]:
    """The uids that a search for a type (`dash-db`, `dash-folder`) finds."""
    with _let_in(client):
        return [str(hit.get("uid")) for hit in client.pages("api", "search", type=kind)]


def _listed(client: Client, *path: str) -> list[Mapping[str, Any]]:
    """A list that comes whole."""
    with _let_in(client):
        return as_list(client.get(*path))


@contextmanager
def _let_in(client: Client) -> Iterator[None]:
    """Make any refusal Transient: it says nothing about the backup yet, since the copy may only have stopped answering."""
    try:
        yield
    except Transient:
        raise
    except LifeboatError as error:
        raise Transient(
            f"the restored Grafana lets {client.caller} read no list in organisation {client.organisation}: {error.message}",
            hint="the copy must let one of its administrators in; its log says why it did not",
        ) from error


def _complete_search(client: Client, kind: str, number: int) -> list[str]:
    """The uids that a search finds. Versions 12 and 13 search an index that they build after they start: it is given time to
    hold as many as the database, and what it holds then is the answer.
    """
    found: list[str] = []

    def complete() -> bool:
        found[:] = search(client, kind)
        return len(found) >= number

    wait_until(complete, seconds=_INDEX_SECONDS, interval=1)
    return found


def _answered_folder(client: Client, organisation: int, uid: str) -> Iterator[Fact]:
    answer = client.get_or_status("api", "folders", uid)
    if isinstance(answer, Mapping):
        yield from _folder(organisation, uid, str(answer.get("title")), answer.get("parentUid"))
    else:
        yield from _folder(organisation, uid, str(answer), None)


def _folder(organisation: int, uid: str, title: str, parent: str | None) -> Iterator[Fact]:
    subject = f"org {organisation} folder {uid}"
    yield Fact(subject, "title over http", title)
    yield Fact(subject, "parent over http", folder_uid(parent))


def _library_panels(client: Client, organisation: int) -> Iterator[Fact]:
    with _let_in(client):
        panels = list(client.counted_pages("api", "library-elements", inside="result", name="elements", size="perPage"))
    for one in panels:
        folder = one.get("folderUid") or (one.get("meta") or {}).get("folderUid")
        content = [one.get("name"), one.get("kind"), filled(one.get("model"))]
        yield from _library_panel(organisation, str(one.get("uid")), content, folder)


def _library_panel(organisation: int, uid: str, content: Any, folder: str | None) -> Iterator[Fact]:
    subject = f"org {organisation} library panel {uid}"
    yield Fact(subject, "json over http", digest(content))
    yield Fact(subject, "folder over http", folder_uid(folder))


def _lists(client: Client, organisation: int, nested: Deep, *, alerting_listed: bool) -> Iterator[Fact]:
    """What comes in lists that hold the objects whole."""

    def stated(kind: str) -> bool:
        return nested.stated(organisation, kind, {organisation})

    if stated(deep.PANELS):
        yield from _library_panels(client, organisation)
    if stated(deep.SOURCES):
        for one in _listed(client, "api", "datasources"):
            yield from data_source(client, organisation, str(one.get("uid")))
    if alerting_listed and stated(deep.RULES):
        yield from _rules(client, organisation)
    if alerting_listed and stated(deep.POINTS):
        yield from _integrations(client, organisation)


def _rules(client: Client, organisation: int) -> Iterator[Fact]:
    for rule in _listed(client, "api", "v1", "provisioning", "alert-rules"):
        yield Fact(f"org {organisation} alert rule {rule.get('uid')}", "definition over http", alerting.rule_over_http(rule))


def _integrations(client: Client, organisation: int) -> Iterator[Fact]:
    for one in _listed(client, "api", "v1", "provisioning", "contact-points"):
        if one.get("uid"):
            yield _integration(organisation, str(one.get("name")), str(one["uid"]), str(one.get("type")))


def _integration(organisation: int, name: str, uid: str, kind: str) -> Fact:
    return Fact(f"org {organisation} contact point {name} {uid}", "type over http", kind)


def _hash(spec: Any) -> Value:
    """A refusal (`HTTP 404`) is stated as it is; a dashboard by its hash."""
    return spec if isinstance(spec, str) else digest(spec)
