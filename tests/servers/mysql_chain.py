"""Chains of backups of a test server, taken as Lifeboat takes them, and copies brought back from them in real sandboxes."""

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from backups.backup import captured_files
from backups.config.settings import SandboxSettings
from backups.hosts import NOWHERE, Hosts
from backups.machine.runs import Run
from backups.manifest import Kind, Manifest, Source
from backups.services.base import Fetched, Job, PanelsJob
from backups.services.mysql.copy.copy import MySQLCopy
from backups.services.mysql.details import MySQLDetails
from backups.services.mysql.service import MySQLService
from backups.witness import Check, compare
from tests.servers.mysql import MySQLServer
from tests.servers.mysql_sessions import open_session
from verification.drill.sandbox import DockerSandbox, opened


@dataclass
class Restored:
    """A copy that is being brought back, and the sandbox that it lives in."""

    copy: MySQLCopy
    manifest: Manifest
    sandbox: DockerSandbox

    def bring_back(self) -> "Restored":
        """Every step of a restore, up to the first answer."""
        self.copy.assemble()
        self.copy.start()
        self.copy.replay()
        self.copy.first_answer()
        return self

    def differences(self) -> list[Check]:
        """The witness beside what the copy shows: what is not equal."""
        checks = compare(self.manifest.witness, self.copy.observe())
        assert len(checks) >= len(self.manifest.witness) > 0
        return [check for check in checks if not check.passed]

    def sql(self, *statements: str, database: str = "mysql") -> list[tuple[object, ...]]:
        """Run statements on the copy; returns the last one's rows."""
        url = make_url(self.copy.database_url(database))
        socket = str(url.query["unix_socket"])
        with (
            open_session(
                unix_socket=socket,
                user=url.username,
                password=url.password or "",
                database=database,
                charset="utf8mb4",
                autocommit=True,
            ) as session,
            session.cursor() as cursor,
        ):
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())


@dataclass
class Chain:
    """Backups of one server: the first `backup()` is a full, the others incrementals on it."""

    server: MySQLServer
    run: Run
    state: Path
    stack: ExitStack
    backups: list[Fetched] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    copies: int = 0
    taken: int = 0
    """Backups that were begun, also those that failed."""
    hosts: Hosts = NOWHERE

    def backup(self, *, anew: bool = False, panels: PanelsJob | None = None) -> Manifest:
        """Take the next one; `anew`: a full that follows this chain. `panels`: what is asked for dashboards."""
        number = self.taken
        self.taken += 1
        kind: Kind = "incremental" if self.backups and not anew else "full"
        data, work = (self.run.directory / f"{name}-{self.server.server_id}-{number}" for name in ("data", "work"))
        for directory in (data, work):
            directory.mkdir(mode=0o711)
        parents = [] if anew else [fetched.manifest for fetched in self.backups]
        service = MySQLService("agama", self.server.settings(), self.run.docker, self.hosts)
        before = self.backups[-1].manifest if anew else None
        numbers = {each.id: each.sequence for each in parents}
        job = Job(
            *(kind, data, work, parents, self.run.docker, self.state, self.said.append),
            before=before,
            panels=panels,
            numbers=numbers,
        )
        captured = service.capture(job)
        now = datetime.now(UTC)
        manifest = Manifest(
            lifeboat="0",
            id=f"agama-20261123T00000{number}Z",
            service="agama",
            type="mysql",
            kind=kind,
            chain=parents[0].id if parents else f"agama-20261123T00000{number}Z",
            sequence=len(parents),
            parent=parents[-1].id if parents else None,
            started_at=now,
            taken_at=captured.taken_at,
            finished_at=now,
            source=Source(version=captured.source_version, image=service.settings.image),
            files=captured_files(data),
            details=dict(captured.details),
            witness=tuple(captured.witness),
        )
        # As it comes out of the repository.
        self.backups.append(Fetched(Manifest.read(manifest.model_dump_json(), "a test"), data))
        return manifest

    def details(self, number: int = -1) -> MySQLDetails:
        """The details of one of its backups."""
        return MySQLDetails.model_validate(self.backups[number].manifest.details)

    def later(self, number: int, restored: Restored) -> Fetched:
        """Backup number `number`, fetched into the copy's sandbox: its log leads on from there."""
        self.copies += 1
        data = restored.sandbox.directory / f"later-{self.copies}"
        shutil.copytree(self.backups[number].data, data)
        return dataclasses.replace(self.backups[number], data=data)

    def restore(
        self,
        upto: int | None = None,
        *,
        damage: Callable[[list[Fetched]], None] = lambda chain: None,
        for_restore: bool = False,
    ) -> Restored:
        """Prepare a copy of the chain's backup number `upto` (the last one) from files of its own, which `damage` may change."""
        self.copies += 1
        sandbox = self.stack.enter_context(opened(self.run, f"{self.server.server_id}-{self.copies}", SandboxSettings()))
        chain = []
        for fetched in self.backups[: None if upto is None else upto + 1]:
            data = sandbox.directory / fetched.manifest.id
            shutil.copytree(fetched.data, data)
            chain.append(dataclasses.replace(fetched, data=data))
        damage(chain)
        service = MySQLService("agama", self.server.settings(password=None), self.run.docker)
        copy = service.copy(chain, sandbox, for_restore=for_restore)
        assert isinstance(copy, MySQLCopy)
        return Restored(copy, chain[-1].manifest, sandbox)


StartChain = Callable[[MySQLServer], Chain]


@pytest.fixture(scope="session")
def mysql_state(tmp_path_factory: pytest.TempPathFactory, recipient_cache: Path) -> Path:
    """What captures may keep between runs; shared, so that a recipient is initialised once."""
    state = tmp_path_factory.mktemp("mysql-state")
    (state / "cache").mkdir()
    (state / "cache" / "mysql").symlink_to(recipient_cache)
    return state


@pytest.fixture
def start_chain(run: Run, mysql_state: Path) -> Iterator[StartChain]:
    """Factory of chains; their files and copies go when the test ends."""
    with ExitStack() as stack:
        yield lambda server: Chain(server, run, mysql_state, stack)
