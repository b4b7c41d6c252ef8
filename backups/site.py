"""Makes the repository, hosts and services that one lifeboat.yaml configures, without connecting to any of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from backups.config import file
from backups.config.settings import FIRST, Retention, Settings
from backups.errors import ConfigError
from backups.hosts import Hosts
from backups.machine import private
from backups.manifest import Kind, Manifest
from backups.proofs import Proofs
from backups.repository import identity, retries
from backups.repository.repository import Repository
from backups.services.base import Service
from backups.services.registry import SERVICE_TYPES

if TYPE_CHECKING:
    from backups.machine.docker import Docker
    from backups.questions import Questions


@dataclass(frozen=True)
class Site:
    """The settings, and what they configure.

    chosen_repository: the name of the one that `repository` is, see `Settings.every_repository`; None for the first
    patient: wait for the first answer of a repository as long as for all others: a night that has begun does
    """

    settings: Settings
    chosen_repository: str | None = None
    patient: bool = False

    @classmethod
    def open(cls, path: Path | None = None, *, narrow: bool = True) -> "Site":
        """Find and read the configuration; raises ConfigError. With `narrow`, a state directory open to others is closed."""
        site = cls(file.load(file.find(path)))
        if not narrow:
            return site
        places = [Path(section.url) for section in site.settings.every_repository.values()]
        below = [
            place.relative_to(site.state).parts[0] for place in places if place.is_relative_to(site.state) and place != site.state
        ]
        private.narrow(site.state, besides=below)
        return site

    def for_a_night(self) -> "Site":
        """The same, `patient`."""
        return replace(self, patient=True)

    @property
    def state(self) -> Path:
        """The directory for locks, caches and runs on this machine."""
        return self.settings.state

    @property
    def repository(self) -> Repository:
        """The first repository, or the chosen one; its password is read when it is used."""
        name = self.repository_name
        section = self.settings.every_repository[name]
        return Repository(
            url=section.url,
            cache=self.state / "cache" / "restic",
            password=section.password,
            password_file=section.password_file,
            environment=section.environment,
            options=section.options,
            hosts=self.hosts,
            known=self.state / identity.file(self.further_name),
            known_as=frozenset({self.further_name, name}),
            contact=retries.SECONDS if self.patient else retries.CONTACT,
        )

    @property
    def repository_name(self) -> str:
        """The name of what `repository` is."""
        return self.chosen_repository or next(iter(self.settings.every_repository))

    @property
    def further_name(self) -> str | None:
        """The name of what `repository` is, where that is not the first one; None for the first."""
        name = self.repository_name
        return None if name == next(iter(self.settings.every_repository)) else name

    @property
    def further(self) -> list[str]:
        """The names of the repositories that get copies."""
        return list(self.settings.every_repository)[1:]

    @property
    def retention(self) -> Retention:
        """The retention of `repository`."""
        return self.settings.retention_of(self.repository_name)

    def at(self, name: str | None) -> "Site":
        """The same site with another of its repositories; raises ConfigError where none has that name.

        None, and `first`, is the first one, whatever its name: evidence and tickets call it so.
        """
        known = list(self.settings.every_repository)
        if name == FIRST and name not in known:
            name = None
        if name is not None and name not in known:
            raise ConfigError(f"there is no repository {name} in lifeboat.yaml", hint=f"configured: {', '.join(known)}")
        return replace(self, chosen_repository=name)

    @property
    def repositories(self) -> dict[str, Repository]:
        """Every configured repository by its name, the one that takes the backups at the beginning."""
        return {name: self.at(name).repository for name in self.settings.every_repository}

    @property
    def hosts(self) -> Hosts:
        """The configured machines."""
        return Hosts(self.settings.hosts)

    def service(self, name: str, docker: "Docker") -> Service:
        """One configured service."""
        section = self.settings.services[name]
        return SERVICE_TYPES[section.type].make(name, section, docker, self.hosts)

    def chosen(self, names: Sequence[str]) -> list[str]:
        """The named services, or all of them; raises ConfigError for one that is not configured."""
        known = list(self.settings.services)
        for name in names:
            if name not in known:
                raise ConfigError(f"there is no service {name} in lifeboat.yaml", hint=f"configured: {', '.join(known)}")
        return [name for name in known if name in names] if names else known

    def back_up(
        self,
        name: str,
        *,
        kind: Kind | None,
        standalone: bool = False,
        patience: timedelta = timedelta(0),
        proofs: Proofs = Proofs(),  # noqa: B008 - it is frozen
    ) -> Manifest:
        """Take one backup of a configured service, in a new run; see `backups.backup.back_up`."""
        # Docker's library takes a while to import; whoever only reads the repository does not wait for it.
        from backups import backup
        from backups.follow import spool, standing
        from backups.machine import runs

        with runs.start(self.state) as run:
            service = self.service(name, run.docker)
            return backup.back_up(
                service,
                self.repository,
                run,
                self.state,
                kind=kind,
                standalone=standalone,
                patience=patience,
                proofs=proofs,
                questions=self.questions(run.docker).of,
                followed=lambda last: spool.pulled_since(last, standing.spool(self.state, name)),
            )

    def questions(self, docker: "Docker") -> "Questions":
        """What makes the questions that dashboards ask of a service, for its capture."""
        from backups.questions import Questions

        services = {name: self.service(name, docker) for name in self.settings.services}
        return Questions(services, self.repository, self.state)

    def follow(self, name: str, *, seconds: float | None = None) -> None:
        """Follow the log of a configured service, in a new run; see `backups.follow.follow.follow`."""
        from backups.follow import follow
        from backups.machine import runs

        with runs.start(self.state) as run:
            follow.follow(self.service(name, run.docker), self.repository, run, self.state, seconds=seconds)

    def with_log(self, names: Sequence[str]) -> list[str]:
        """Return the named services, or all that have a log. Raises LifeboatError for one without, and where none has one."""
        from backups.follow.follower import require_log
        from backups.machine.docker import Docker
        from backups.services.continuous import followed

        docker = Docker()
        if names:
            for name in self.chosen(names):
                require_log(self.service(name, docker))
            return self.chosen(names)
        found = [name for name in self.chosen([]) if followed(self.service(name, docker))]
        if not found:
            raise ConfigError(
                "no service in lifeboat.yaml has a log to follow", hint="a service of type mysql with method: clone has one"
            )
        return found
