"""States which silences a restored Grafana must keep, and which it does keep: while they last, nobody is to be woken."""

from collections.abc import Container, Iterator, Mapping
from datetime import datetime, timedelta

from backups.machine.wait import wait_until
from backups.services.grafana.client import Client
from backups.services.grafana.files import silences
from backups.services.grafana.files.database import Database
from backups.services.grafana.files.silences import Silence
from backups.witness import Fact

_METRIC, _KEPT, _GONE = "kept over http while it lasts", "yes", "no"
_SECONDS = 60.0
"""How long an Alertmanager may take to read them."""

_SOON = timedelta(minutes=5)
"""One that ends while the copy is looked at is not asked for."""

_ROUTE = ("api", "alertmanager", "grafana", "api", "v2", "silences")


def expected(database: Database, organisations: Container[int]) -> Iterator[Fact]:
    """The facts that `observed` will state of a server on this database."""
    for one in silences.every(database):
        if one.organisation in organisations:
            yield _fact(one, _KEPT)


def observed(database: Database, client: Client, organisation: int, now: datetime) -> Iterator[Fact]:
    """Ask for those of an organisation that still last; one that has ended mutes nobody, on no server."""
    every = [one for one in silences.every(database) if one.organisation == organisation]
    lasting = {one.name for one in every if one.until > now + _SOON}
    served = _served(client, lasting) if lasting else set()
    for one in every:
        if one.name not in lasting:
            yield _fact(one, _KEPT)
        else:
            yield _fact(one, served if isinstance(served, str) else _KEPT if one.name in served else _GONE)


def _served(client: Client, wanted: set[str]) -> set[str] | str:
    """The ids that the Alertmanager has and that have not ended, once it has all that are wanted; or its refusal."""
    found: list[set[str] | str] = []

    def complete() -> bool:
        answer = client.get_or_status(*_ROUTE)
        if not isinstance(answer, list):
            found.append(answer if isinstance(answer, str) else "no list")
            return False
        states = {str(one.get("id")): (one.get("status") or {}).get("state") for one in answer if isinstance(one, Mapping)}
        found.append({name for name, state in states.items() if state != "expired"})
        return wanted <= set(found[-1])

    wait_until(complete, seconds=_SECONDS, interval=1)
    return found[-1]


def _fact(one: Silence, value: str) -> Fact:
    return Fact(f"org {one.organisation} silence {one.name}", _METRIC, value)
