"""Compares a copied database with what its server answers: a file that is no longer in use shows by what it lacks.

The server is asked before the copy and after it, so that what people change meanwhile is no contradiction. Only what both answers
agree on counts, and each object is asked for by itself before it is told: a search may be behind.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from backups.errors import LifeboatError
from backups.foreign import shown
from backups.services.grafana.client import Client, Denied, as_list, member
from backups.services.grafana.files.database import Database
from backups.services.grafana.files.living import NotLiving
from backups.services.grafana.files.objects import Objects
from backups.services.grafana.settings import GrafanaSettings

_ASKED = 3
"""Objects of a kind that are asked for by themselves."""


@dataclass(frozen=True)
class Answered:
    """What a server answers in the caller's organisation: uids by kind, for the kinds that the caller may list."""

    organisation: int
    name: str
    uids: dict[str, frozenset[str]]


@dataclass
class Comparison:
    """One comparison, begun before the copy. limits: why it could not be made, where it could not."""

    client: Client | None
    before: Answered | None = None
    limits: tuple[str, ...] = ()

    @classmethod
    def begin(cls, settings: GrafanaSettings, *, answers: bool) -> "Comparison":
        """Ask the server, where somebody is configured whom it answers. answers: whether it serves at all."""
        if not (settings.has_credentials and answers):
            return cls(None)
        try:
            comparison = cls(Client.of(settings))
        except LifeboatError as error:
            return cls(None, limits=_not_made(error))
        comparison.before = comparison._asked()
        return comparison

    def require_same(self, database: Database, objects: Objects, what: str) -> None:
        """Raise NotLiving when the copy cannot be of the server's database. what: the file that was copied."""
        if self.client is None or self.before is None or (after := self._asked()) is None:
            return
        found = list(contradictions(self.client, database, objects, self.before, after))
        if found:
            raise NotLiving(
                f"{what} is not the database of the server that answers: {found[0]}",
                hint="set place: to the data directory of the server at url:, or url: to the server of that place",
            )

    def _asked(self) -> Answered | None:
        if self.client is None:
            return None
        try:
            return ask(self.client)
        except LifeboatError as error:
            self.limits = _not_made(error)
            return None


def _not_made(error: LifeboatError) -> tuple[str, ...]:
    return (f"a comparison of the database with what its server answers: {error.message}",)


PATHS = {"dashboard": ("api", "dashboards", "uid"), "data source": ("api", "datasources", "uid")}


def ask(client: Client) -> Answered:
    """Ask the server; raises LifeboatError when it does not answer."""
    organisation = client.get("api", "org")
    uids = {"dashboard": frozenset(str(hit.get("uid")) for hit in client.pages("api", "search", type="dash-db"))}
    # A Viewer may not list them; its dashboards are compared all the same.
    with suppress(Denied):
        uids["data source"] = frozenset(str(one.get("uid")) for one in as_list(client.get("api", "datasources")))
    number = member(organisation, "id")
    return Answered(number if isinstance(number, int) else 0, str(member(organisation, "name")), uids)


def contradictions(client: Client, database: Database, objects: Objects, before: Answered, after: Answered) -> Iterator[str]:
    """Yield what the server and the file contradict one another about, a sentence each. before, after: the copy."""
    names = {row["id"]: str(row["name"]) for row in database.rows("org")}
    number = after.organisation
    if before.organisation != number:
        return
    if number not in names:
        yield f"the server has organisation {number}, {shown(after.name)}, and the file has not"
        return
    if before.name == after.name != names[number]:
        yield f"organisation {number} is {shown(after.name)} at the server, and {shown(names[number])} in the file"
    for kind, path in PATHS.items():
        if kind in before.uids and kind in after.uids:
            held = _held(objects, kind, number)
            both, either = before.uids[kind] & after.uids[kind], before.uids[kind] | after.uids[kind]
            counts = (
                f"the server answers {len(after.uids[kind])} of kind {kind} in organisation {number}, the file holds {len(held)}"
            )
            lacking = next((uid for uid in sorted(both - held)[:_ASKED] if _is_there(client, (*path, uid)) is True), None)
            strange = next((uid for uid in sorted(held - either)[:_ASKED] if _is_there(client, (*path, uid)) is False), None)
            if lacking is not None:
                yield f"{counts}: it lacks {shown(lacking)}"
            elif strange is not None:
                yield f"{counts}: {shown(strange)} is only in the file"


def _held(objects: Objects, kind: str, organisation: int) -> frozenset[str]:
    if kind == "data source":
        return frozenset(one.uid for one in objects.data_sources if one.organisation == organisation)
    return frozenset(one.uid for one in objects.dashboards if one.organisation == organisation and objects.served(one))


def _is_there(client: Client, path: tuple[str, ...]) -> bool | None:
    """Whether the server has an object; None where it does not say."""
    try:
        answer = client.get_or_status(*path)
    except LifeboatError:
        return None
    if answer == "HTTP 404":
        return False
    return True if not isinstance(answer, str) else None
