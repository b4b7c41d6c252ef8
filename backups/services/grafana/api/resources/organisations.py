"""Reads which organisations a server has, and finds those of a backup there, and makes the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backups.errors import LifeboatError
from backups.services.grafana.api import kinds
from backups.services.grafana.api.objects import Key, Objects
from backups.services.grafana.client import Client, Denied, Unclear, as_list, member
from backups.services.http.address import shown


def visible(client: Client, objects: Objects | None = None) -> dict[int, str]:
    """Names by number: all of the server for its administrator, the caller's own for everybody else.

    objects: its `closed` is filled when not all may be read
    """
    server = client.within(None)
    try:
        found: list[Mapping[str, Any]] = []
        # Its pages count from 0, and are no longer than a thousand.
        for number in server.numbers("api", "orgs"):
            page = as_list(server.get("api", "orgs", perpage=1000, page=number - 1))
            found += page
            if len(page) < 1000:
                break
        return {int(one["id"]): str(one["name"]) for one in sorted(found, key=lambda one: int(one["id"]))}
    except Denied as error:
        if objects is not None:
            objects.closed[0, kinds.ORGANISATION] = f"only the caller's own is read: {error.message}"
            objects.closed[0, kinds.USER] = "only the server's administrator may read the server's users"
        answer = server.get("api", "org")
        return {int(member(answer, "id")): str(member(answer, "name"))}


@dataclass(frozen=True)
class Found:
    """Where the organisations of a backup are on a server.

    numbers: the server's, of those that are there. missing: names of those that have to be made, by the backup's numbers
    renamed: the backup's number of the one that gets another name, and the name that it has there; None for none
    unnamed: those that the caller may not give their name
    """

    numbers: dict[int, int]
    missing: dict[int, str]
    renamed: tuple[int, str] | None = None
    unnamed: Sequence[Key] = ()


def find(wanted: Objects, client: Client) -> Found:
    """Find them by name; writes nothing.

    One that is alone on both sides is the same, whatever its name; and the first one takes a new server's only one.
    Raises LifeboatError for one that is not there and may not be made.
    """
    probe = Objects()
    there = visible(client, probe)
    administered = (0, kinds.ORGANISATION) not in probe.closed
    by_name = {name: number for number, name in there.items()}
    names = wanted.organisations
    numbers = {number: by_name[name] for number, name in names.items() if name in by_name}
    renamed, unnamed = None, []
    if not numbers and len(there) == 1 and (administered or len(names) == 1):
        first, (only,) = min(names), there
        numbers[first] = only
        if administered:
            renamed = (first, there[only])
        else:
            unnamed = [Key(first, kinds.ORGANISATION, names[first])]
    missing = {number: name for number, name in names.items() if number not in numbers}
    if missing and not administered:
        raise LifeboatError(
            f"organisation {next(iter(missing.values()))} is not on {shown(client.url)}, "
            f"where these credentials see only {', '.join(by_name)}",
            hint="restore as the server's administrator: user and password instead of a token",
        )
    return Found(numbers, missing, renamed, unnamed)


def make(wanted: Objects, found: Found, client: Client) -> tuple[dict[int, int], list[Key]]:
    """Make those that are missing; returns the server's number of each, and those that could not be given their name."""
    numbers, unnamed = dict(found.numbers), list(found.unnamed)
    if found.renamed is not None:
        first, _ = found.renamed
        name = wanted.organisations[first]
        if not _rename(client, numbers[first], name):
            unnamed = [Key(first, kinds.ORGANISATION, name)]
    for number, name in found.missing.items():
        numbers[number] = _make(client, name)
    return numbers, unnamed


def _make(client: Client, name: str) -> int:
    """Make one; where it is not known whether it was made, look for it, and try again."""
    for last in (False, False, True):
        try:
            return int(client.within(None).send("POST", "api", "orgs", body={"name": name})["orgId"])
        except Unclear:
            made = [number for number, there in visible(client).items() if there == name]
            if made:
                return made[0]
            if last:
                raise
    raise AssertionError("the last one returns or raises")


def _rename(client: Client, number: int, name: str) -> bool:
    """Whether the server let it be renamed."""
    for last in (False, False, True):
        try:
            client.within(None).send("PUT", "api", "orgs", str(number), body={"name": name})
        except Denied:
            return False
        except Unclear:
            if last:
                raise
        else:
            return True
    raise AssertionError("the last one returns or raises")
