"""Defines a question that a dashboard's panel, variable or alert rule asks, its answer, and what a backup keeps of both."""

from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, StringConstraints

from backups.foreign import BackupId, ServiceName, Sha256, Size
from backups.manifest import Frozen
from backups.panels.boards import DataSource

FILE = "panels.json"
"""The file below a backup's `data/` that holds its `Panels`."""

FORM = 1
"""Of answers: another one whenever a digest changes, by the canonical form or by how direct answers become a Grafana's."""

Way = Literal["grafana", "direct"]
"""Who was asked: the source's own Grafana, or the server itself, with the conversions that Grafana would have made."""

Outcome = Literal["answered", "empty", "error", "not-fixed", "not-asked"]
"""empty: an answer without a row, which equals nothing. not-fixed: two askings differ. not-asked: no time, or no way."""

Text = Annotated[str, StringConstraints(max_length=100_000)]
"""Free text of a dashboard, shown only through `backups.foreign.shown`."""
Uid = Annotated[str, StringConstraints(max_length=200)]
Milliseconds = Annotated[int, Field(ge=0, lt=1 << 53)]
"""Since 1970, UTC."""


class Question(Frozen):
    """One query, filled in: nothing of a variable is left in it.

    id: unique among a backup's questions, the same each night for the same panel. organisation: Grafana's number of it
    dashboard: its uid, empty for an alert rule. title: of the dashboard, or of the rule's folder
    panel: what asks there, as a person would name it: `panel 4 Orders`, `variable state`, `alert rule Orders are late`
    service: which one protects the data source. start, end: the window; an instant query is at `end`
    query: one element of `queries` of POST /api/ds/query, with refId and datasource {type, uid}
    beside: the queries that an expression (`__expr__`) names; they travel with it, and only a Grafana can answer it
    resource: instead of a query, what is read below /api/datasources/uid/UID/resources/, its parameters included
    """

    id: Text
    organisation: Size
    dashboard: Uid
    title: Text
    panel: Text
    service: ServiceName
    start: Milliseconds
    end: Milliseconds
    query: dict[str, Any]
    beside: tuple[dict[str, Any], ...] = ()
    resource: Text | None = None

    @property
    def ref(self) -> str:
        """The query's refId."""
        return str(self.query.get("refId") or "A")

    @property
    def source(self) -> str:
        """The uid of the data source, empty where the query names none."""
        named = self.query.get("datasource")
        return str(named.get("uid") or "") if isinstance(named, dict) else ""


class NotAsked(Frozen):
    """What asks, and is not asked; `why` says it in words. A panel may have questions besides, of its other queries.

    kind: its data source is no service's (`not-protected`); it cannot be, as long as it stands so (`cannot-be-asked`); it has no
    query of its own, or hides it (`asks-nothing`); there are more questions than are asked (`not-asked`)
    """

    organisation: Size
    dashboard: Uid
    title: Text
    panel: Text
    kind: Literal["not-protected", "cannot-be-asked", "asks-nothing", "not-asked"]
    why: Text


class Answer(Frozen):
    """What was answered to the question of that id.

    error: its class, without the words that name a series or an address. frames, rows: how many of each
    digest: of the answer in its canonical form, by which two are compared. shown: that form, cut where it is large, for a report
    columns: of a large answer, short digests by the columns' names, which tell where two differ
    executed: what the server was asked once everything was filled in. why: of what was not asked, or is not fixed
    """

    question: Text
    outcome: Outcome
    error: Text | None = None
    frames: Size = 0
    rows: Size = 0
    digest: Sha256 | None = None
    shown: Any = None
    columns: dict[Text, Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]] = Field(default_factory=dict)
    executed: Text | None = None
    why: Text | None = None


class Panels(Frozen):
    """What a backup of one service was asked for dashboards, inside its capture: the file `panels.json`.

    grafana: the backup whose dashboards were read. asked: see `Way`. not_asked: of all services, the same in each one's backup
    sources: the data sources of the questions, as they were then
    form: `FORM` of the Lifeboat that kept the answers: those of another one cannot be compared
    """

    schema_version: Literal[1] = 1
    form: Size = 0
    grafana: BackupId
    asked: Way
    questions: tuple[Question, ...]
    answers: tuple[Answer, ...]
    not_asked: tuple[NotAsked, ...] = ()
    sources: tuple[DataSource, ...] = ()


class Asker(Protocol):
    """Asks one server, or a Grafana, and gives what a Grafana would have answered."""

    @property
    def way(self) -> Way:
        """Who is asked."""
        ...

    def ask(self, question: Question) -> dict[str, Any]:
        """Return the answer to `question.query` as /api/ds/query has it below `results[refId]`: status, and frames or error.

        A resource: {"status": …, "resource": the JSON}. A refusal of the server is an answer with its status.
        Raises LifeboatError (Transient) only when nobody answers, or not in time.
        """
        ...
