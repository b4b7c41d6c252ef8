"""Brings a backup back into a new, empty Grafana in the sandbox, through its API."""

import secrets
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from backups.errors import Damaged, LifeboatError, Transient
from backups.machine.docker import Container
from backups.places.base import Ownership
from backups.services.base import Delivery, Fetched, Sandbox
from backups.services.grafana import server
from backups.services.grafana.api import kinds
from backups.services.grafana.api import put as putting
from backups.services.grafana.api.objects import DIRECTORY, Objects, load
from backups.services.grafana.api.resources import dashboards
from backups.services.grafana.api.resources.target import ObjectRefused, Target
from backups.services.grafana.client import Client, Missing
from backups.services.grafana.details import GrafanaDetails
from backups.witness import Fact, Value

_LOGIN = "lifeboat-sandbox"


class ApiCopy:
    """See `Copy`. Every backup holds all that the API returned, so only the chain's last one is used."""

    def __init__(self, chain: Sequence[Fetched], sandbox: Sandbox) -> None:
        self._backup = chain[-1]
        self._manifest = chain[-1].manifest
        self._sandbox = sandbox
        self._password = secrets.token_urlsafe(24)
        self._login = f"{_LOGIN}-{secrets.token_hex(4)}"
        self._objects = Objects()
        self._container: Container | None = None
        self._client: Client | None = None
        self._target: Target | None = None

    def assemble(self) -> None:
        """Read the backup's objects, and make room for a new server."""
        self._objects = load(self._backup.data, self._manifest.id)
        for number, kind in GrafanaDetails.of(self._manifest).closed:
            self._objects.closed[number, kind] = "not in the backup"
        directory = self._sandbox.directory / "grafana"
        server.prepare_empty(directory)
        self._sandbox.own(directory, server.USER, server.GROUP, self._sandbox.image(self._manifest.source.image))

    def start(self) -> None:
        """Start an empty server of the backup's version."""
        self._container = self._sandbox.run(
            "grafana",
            self._sandbox.image(self._manifest.source.image),
            environment=server.EMPTY_ENVIRONMENT
            | {
                "GF_SECURITY_ADMIN_USER": self._login,
                "GF_SECURITY_ADMIN_PASSWORD": self._password,
                # The default one, admin@localhost, is that of many a source's administrator.
                "GF_SECURITY_ADMIN_EMAIL": f"{self._login}@lifeboat.invalid",
                # As often it looks for organisations that have no alerting yet; as it is shipped, once a minute.
                "GF_UNIFIED_ALERTING_ALERTMANAGER_CONFIG_POLL_INTERVAL": "2s",
            },
            mounts={self._sandbox.directory / "grafana": server.INSIDE},
            user=f"{server.USER}:{server.GROUP}",
            network=True,
        )
        self._client = Client.basic(
            server.wait(self._sandbox, self._container, self._manifest), self._login, self._password, direct=True
        )

    def replay(self) -> None:
        """Put everything into it, in the order of a restore."""
        if self._client is None or self._container is None:
            raise AssertionError("start comes first")
        try:
            with self._sandbox.reach(self._container):
                self._target = putting.put(self._objects, self._client)
        except (ObjectRefused, Transient) as error:
            raise Damaged(f"a new Grafana refuses the backup: {error.message}", hint=server.ANOTHER_BACKUP) from error

    def first_answer(self) -> None:
        """Read one dashboard (or everything, where there is none) and compare it with the witness."""
        wanted = {fact.subject: fact.value for fact in self._manifest.witness if fact.metric == "definition"}
        subject, value = self._one()
        if wanted.get(subject) != value:
            raise Damaged(
                f"the restored Grafana's first answer is wrong: {subject}: expected {wanted.get(subject)}, got {value}",
                hint=server.ANOTHER_BACKUP,
            )

    def observe(self) -> Iterable[Fact]:
        """The witness's facts, of what the running server returns now."""
        return self._facts()

    def database_url(self, database: str) -> str | None:  # noqa: ARG002 - Grafana answers no SQL
        """None: Grafana answers no SQL."""
        return None

    def settle(self) -> Delivery:
        """Raise LifeboatError: the copy's database is the sandbox's own, without the passwords of the source's accounts."""
        raise LifeboatError(
            f"backup {self._manifest.id} was taken through the API, so it can only be restored into a running Grafana",
            hint="lifeboat restore --to api for the service's url, or --to api:https://another.example",
        )

    def objects(self, into: Path) -> Delivery:
        """See `GivesObjects`."""
        shutil.copytree(self._backup.data / DIRECTORY, into / DIRECTORY)
        details = self._manifest.details
        notes = [
            *(f"to be set again, it is in no backup: {line}" for line in details.get("secrets") or []),
            *(f"limit of the backup: {line}" for line in details.get("limits") or []),
        ]
        return Delivery(into, Ownership("root:root", 0, 0, 0o700), "", notes=notes)

    def _one(self) -> tuple[str, Value]:
        """What the server answers of one object: the clock of the restore runs, so a dashboard is not looked for among all."""
        if self._target is None:
            raise AssertionError("replay comes first")
        chosen = next((key for key in sorted(self._objects.bodies) if key.kind == kinds.DASHBOARD), None)
        if chosen is None:
            found = next((fact for fact in self._facts() if fact.metric == "definition"), None)
            if found is None:
                raise Damaged("the restored Grafana holds nothing", hint=server.ANOTHER_BACKUP)
            return found.subject, found.value
        client = self._target.within(chosen.organisation)
        try:
            with client.understood():
                body = dashboards.read_one(client, chosen.name, str(self._objects.bodies[chosen].get("apiVersion") or ""))
        except Missing:
            raise Damaged(f"the restored Grafana has no {chosen}", hint=server.ANOTHER_BACKUP) from None
        return str(chosen), dashboards.DASHBOARDS.definition(body)

    def _facts(self) -> list[Fact]:
        if self._target is None or self._container is None:
            raise AssertionError("replay comes first")
        with self._sandbox.reach(self._container):
            return putting.present(self._target, self._objects.closed)
