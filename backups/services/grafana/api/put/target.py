"""The server that a restore writes to: what it held before, whose numbers are whose, and what it would not take."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from backups.errors import LifeboatError
from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Holdings, Key
from backups.services.grafana.client import Client, Denied, Missing, Refused


class NotTaken(LifeboatError):
    """The server refuses an object of the backup."""


@dataclass
class Target:
    """A server, while it is written to.

    wanted: the backup. there: what the server held before, its organisations by the backup's numbers
    numbers: the server's number of each organisation of the backup; made: the users that were created, by login
    unattainable: objects that cannot be what they were on this server; `notes` says why, and what a person has to do
    """

    client: Client
    wanted: Holdings
    there: Holdings
    numbers: Mapping[int, int]
    made: dict[str, int] = field(default_factory=dict)
    unattainable: set[Key] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    @property
    def administered(self) -> bool:
        """Whether it is written to as the server's administrator."""
        return (0, kinds.USER) not in self.there.closed

    def within(self, organisation: int) -> Client:
        """The server, in one of the backup's organisations (0: the server itself)."""
        return self.client.within(self.numbers[organisation] if organisation else None)

    def had(self, key: Key) -> Mapping[str, Any] | None:
        """What the server held under that name before."""
        return self.there.objects.get(key)

    def number(self, organisation: int, kind: str, name: str) -> Any:
        """What the server calls an object: before, or since it was made here. None when it is not there."""
        return self.there.number(organisation, kind, name)

    def person(self, organisation: int, login: str) -> int | None:
        """The server's number of a user, as far as whoever writes may see users."""
        found = self.made.get(login)
        for number, kind in ((0, kinds.USER), (organisation, kinds.MEMBER)):
            found = self.number(number, kind, login) if found is None else found
        return None if found is None else int(found)

    def cannot(self, key: Key, why: str) -> None:
        """Note that an object cannot be what it was; it is not compared then."""
        self.unattainable.add(key)
        self.notes.append(f"{key}: {why}")

    @contextmanager
    def putting(self, key: Key) -> Iterator[None]:
        """Name the object in what goes wrong."""
        try:
            yield
        except (Denied, Missing, Refused) as error:
            raise NotTaken(
                f"{key} is not taken: {error.message}",
                hint="what was written until then stays there; mend the cause and begin again: it goes on over what is there",
            ) from error
