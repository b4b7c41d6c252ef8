"""Defines a resource: everything that Lifeboat knows about one kind of object of the API."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from backups.services.grafana.api.objects import Objects
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.canonical import digest, filled
from backups.services.grafana.client import Client
from backups.services.grafana.references import Targets
from backups.witness import Fact

PROVISIONING = ("api", "v1", "provisioning")
"""Where the API has alerting (9.1 and newer)."""

NUMBER = "the server's own number"
SAVED = "when and by whom it was saved: the restore saves it anew"
CALLER = "what the caller may do with it, not a part of it"
COUNTER = "counts saves on this server; a restore begins again at 1"
DERIVED = "follows from the rest"
"""Reasons why a member is not kept."""

Body = dict[str, Any]


def _unchanged(body: Body) -> Body:
    return body


def _no_facts(subject: str, body: Mapping[str, Any], targets: Targets) -> Iterator[Fact]:  # noqa: ARG001 - the usual case
    return iter(())


def _no_secrets(body: Mapping[str, Any]) -> Iterator[str]:  # noqa: ARG001 - the usual case
    return iter(())


def _nobody(had: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:  # noqa: ARG001 - the usual case
    return None


def _as_read(target: Target, now: Objects) -> None:
    """Leave what was read as it is."""


def provenance_of(had: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """See `Resource.provider`: of objects of alerting, which say whose they are. The API may write what the API made."""
    whose = str(had.get("provenance") or "")
    if whose == "file":
        return "a provisioning file"
    return f"another tool (provenance {whose})" if whose and whose != str(wanted.get("provenance") or "") else None


def provenance_kept(body: Mapping[str, Any]) -> str:
    """The provenance that a restore gives an object again: what a file provided comes back as people's own."""
    return "api" if body.get("provenance") == "api" else ""


def _no_file(body: Mapping[str, Any]) -> bool:  # noqa: ARG001 - the usual case
    return False


@dataclass(frozen=True)
class Resource:
    """One kind of object.

    kind: its name, one of `kinds`
    read: adds every object of an organisation to `Objects`; raises Denied or Missing where the caller may not read them
    put: puts an organisation's objects of the backup into a server (0: the server's own); may raise ObjectRefused
    not_kept: members that are left out when it is read, with the reason
    not_compared: members that are kept for a person to read and not compared, with the reason; all others are compared
    compared: what of the remaining members is compared, in one form for every version of Grafana
    facts: what is stated of an object beside its definition
    secrets: its secrets, which are in no backup: what follows the object's name in a message
    from_file: whether a provisioning file provides it; it comes back as a person's own
    provider: who else provides an object that a server has, so that it is not to be written; None where nobody does
    recognised: changes what was read of a server after a restore to the names and members that can be compared
    counted: their number is stated, too. content: it makes a server one that holds something
    """

    kind: str
    read: Callable[[Client, int, Objects], None]
    put: Callable[[Target, int], None]
    not_kept: Mapping[str, str] = field(default_factory=dict)
    not_compared: Mapping[str, str] = field(default_factory=dict)
    compared: Callable[[Body], Body] = _unchanged
    facts: Callable[[str, Mapping[str, Any], Targets], Iterator[Fact]] = _no_facts
    secrets: Callable[[Mapping[str, Any]], Iterator[str]] = _no_secrets
    from_file: Callable[[Mapping[str, Any]], bool] = _no_file
    provider: Callable[[Mapping[str, Any], Mapping[str, Any]], str | None] = _nobody
    recognised: Callable[[Target, Objects], None] = _as_read
    counted: bool = False
    content: bool = False

    def definition(self, body: Mapping[str, Any]) -> str:
        """The hash of all that is compared of an object.

        Members that are null, false, 0 or empty count as absent: Go's `omitempty` drops many of them, which differs by version.
        """
        return digest(filled(self.compared(without(body, self.not_compared))))

    def same(self, one: Mapping[str, Any] | None, other: Mapping[str, Any]) -> bool:
        """Whether two objects are equal in all that is compared."""
        return one is not None and self.definition(one) == self.definition(other)


def without(body: Mapping[str, Any], members: Mapping[str, str]) -> Body:
    """An object without these members."""
    return {name: value for name, value in body.items() if name not in members}
