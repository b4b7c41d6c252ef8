"""Describes the server that a restore writes to: what it held before, its numbers, and what it does not take."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from backups.errors import LifeboatError
from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.client import Client, Denied, Missing, Refused, Unclear

_ANOTHERS = re.compile(
    r"read-?only data ?source|provisioned (dashboard|folder|library|data ?source)|provenance"
    r"|managed by|provisioned (by|through|from)|external(ly synced)? user|synced (via|by|from|user)",
    re.IGNORECASE,
)
"""How Grafana says that an object belongs to somebody else than whoever calls: a provisioning file, Terraform, single sign-on.

`Cannot update read-only data source`, `Cannot save provisioned dashboard`, `Resource with provenance status 'api' cannot be …`,
`cannot change provenance from 'api' to ''`, `User info cannot be updated for external Users`.
"""


class ObjectRefused(LifeboatError):
    """The server refuses an object of the backup."""


@dataclass
class Target:
    """A server, while it is written to.

    wanted: the backup, and with it what the server has beside it where a write replaces more than that
    before: what the server held before, its organisations by the backup's numbers
    numbers: the server's number of each organisation of the backup; made: the users that were created, by login
    stands_in: logins of accounts there, by the login of the backup whose e-mail or login they have: they are kept as they are
    kept: what the server had and the backup has not, and stays where a write replaces more than the backup's, a line each
    moved: what the server had elsewhere than the backup, and that goes back; emptied: the objects that hold nothing after that
    replaced: what the server had under the same name, and was not equal, accounts and settings too
    unattainable: objects that cannot be what they were on this server; `notes` says why, and what a person has to do
    left: objects that somebody else provides there, with the server's words or what shows it: they are not written
    equal: those of them that are what they are in the backup, as `put.present` has found them
    refused: what the server said of objects that it does not take, by object
    seen: what was there when a kind was looked at again, after a write that may have been carried out
    """

    client: Client
    wanted: Objects
    before: Objects
    numbers: Mapping[int, int]
    made: dict[str, int] = field(default_factory=dict)
    stands_in: dict[str, str] = field(default_factory=dict)
    kept: Sequence[str] = ()
    moved: Sequence[str] = ()
    emptied: Collection[Key] = ()
    replaced: Sequence[Key] = ()
    unattainable: set[Key] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    left: dict[Key, str] = field(default_factory=dict)
    equal: set[Key] = field(default_factory=set)
    refused: dict[Key, str] = field(default_factory=dict)
    seen: dict[tuple[int, str], dict[Key, Any]] = field(default_factory=dict)

    @property
    def administered(self) -> bool:
        """Whether it is written to as the server's administrator."""
        return (0, kinds.USER) not in self.before.closed

    def within(self, organisation: int) -> Client:
        """The server, in one of the backup's organisations (0: the server itself)."""
        return self.client.within(self.numbers[organisation] if organisation else None)

    def had(self, key: Key) -> Mapping[str, Any] | None:
        """What the server held under that name before; since the kind was looked at again, what it held then."""
        again = self.seen.get((key.organisation, key.kind))
        found: Mapping[str, Any] | None = (self.before.bodies if again is None else again).get(key)
        return found

    def each(self, organisation: int, kind: str) -> Iterator[tuple[Key, dict[str, Any], Mapping[str, Any] | None]]:
        """The backup's objects of a kind, each with what the server held under that name before. Those that are left are not."""
        for name, body in self.wanted.of(organisation, kind).items():
            key = Key(organisation, kind, name)
            if key not in self.left and key not in self.refused:
                yield key, body, self.had(key)

    def look_again(self, organisation: int, kind: str, now: Objects) -> None:
        """Take in what is there of a kind, read anew."""
        self.seen[organisation, kind] = {key: now.bodies[key] for key in now.bodies if key.kind == kind}
        for key, number in now.numbers.items():
            if key not in self.before.numbers:
                self.before.numbers[key] = number
                if kind == kinds.USER and key in self.wanted.bodies:
                    self.made.setdefault(key.name, int(number))

    def number(self, organisation: int, kind: str, name: str) -> Any:
        """What the server calls an object, whether it was there before or made by this restore. None when it is not there."""
        return self.before.number(organisation, kind, name)

    def login(self, login: str) -> str:
        """The login there of a user of the backup."""
        return self.stands_in.get(login, login)

    def person(self, organisation: int, login: str) -> int | None:
        """The server's number of a user, as far as the caller may see users."""
        found = self.made.get(login)
        for number, kind in ((0, kinds.USER), (organisation, kinds.MEMBER)):
            found = self.number(number, kind, self.login(login)) if found is None else found
        return None if found is None else int(found)

    def cannot(self, key: Key, why: str) -> None:
        """Note that an object cannot be what it was; it is not compared then."""
        self.unattainable.add(key)
        self.notes.append(f"{key}: {why}")

    def leave(self, key: Key, why: str) -> None:
        """Leave an object as it is there, since somebody else provides it; it is compared and told all the same."""
        self.left[key] = why

    @contextmanager
    def putting(self, key: Key) -> Iterator[None]:
        """Take in that the server refuses the object, or leaves it to somebody else; all others go on."""
        try:
            yield
        except (Denied, Missing, Refused) as error:
            if isinstance(error, Denied | Refused) and _ANOTHERS.search(error.said):
                self.leave(key, error.message)
            else:
                self.refused[key] = error.message
        except Unclear as error:
            error.about = key
            raise

    def require_all_taken(self) -> None:
        """Raise ObjectRefused, naming all, when the server did not take every object."""
        if not self.refused:
            return
        (key, why), *others = self.refused.items()
        more = "".join(f"; {another} is refused: {reason}" for another, reason in others[:4])
        more += f"; and {len(others) - 4} more" if len(others) > 4 else ""
        raise ObjectRefused(
            f"{key} is refused: {why}{more}",
            hint="all else was put there and stays; remove the cause and restore again: it goes on from there",
        )
