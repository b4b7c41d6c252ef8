"""Describes the server that a restore writes to: what it held before, its numbers, and what it does not take."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from backups.errors import LifeboatError
from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.client import Client, Denied, Missing, Refused


class ObjectRefused(LifeboatError):
    """The server refuses an object of the backup."""


@dataclass
class Target:
    """A server, while it is written to.

    wanted: the backup. before: what the server held before, its organisations by the backup's numbers
    numbers: the server's number of each organisation of the backup; made: the users that were created, by login
    unattainable: objects that cannot be what they were on this server; `notes` says why, and what a person has to do
    """

    client: Client
    wanted: Objects
    before: Objects
    numbers: Mapping[int, int]
    made: dict[str, int] = field(default_factory=dict)
    unattainable: set[Key] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    @property
    def administered(self) -> bool:
        """Whether it is written to as the server's administrator."""
        return (0, kinds.USER) not in self.before.closed

    def within(self, organisation: int) -> Client:
        """The server, in one of the backup's organisations (0: the server itself)."""
        return self.client.within(self.numbers[organisation] if organisation else None)

    def had(self, key: Key) -> Mapping[str, Any] | None:
        """What the server held under that name before."""
        return self.before.bodies.get(key)

    def each(self, organisation: int, kind: str) -> Iterator[tuple[Key, dict[str, Any], Mapping[str, Any] | None]]:
        """The backup's objects of a kind, each with what the server held under that name before."""
        for name, body in self.wanted.of(organisation, kind).items():
            key = Key(organisation, kind, name)
            yield key, body, self.had(key)

    def number(self, organisation: int, kind: str, name: str) -> Any:
        """What the server calls an object, whether it was there before or made by this restore. None when it is not there."""
        return self.before.number(organisation, kind, name)

    def person(self, organisation: int, login: str) -> int | None:
        """The server's number of a user, as far as the caller may see users."""
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
            raise ObjectRefused(
                f"{key} is refused: {error.message}",
                hint="what was written before it stays there; remove the cause and restore again: it goes on from there",
            ) from error
