"""`lifeboat diff`: what differs between two backups of a service, by what their witnesses state."""

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from backups import chains as chaining
from backups import plural
from backups.chains import Chain
from backups.difference import Difference, Differing, Subject, difference
from backups.errors import LifeboatError
from backups.foreign import shown
from backups.machine.docker import Docker
from backups.manifest import BackupRecord, Manifest
from backups.services.measured import measured
from backups.site import Site
from backups.witness import Value
from flows.commands import console
from flows.commands.console import Text
from flows.commands.options import Config, From, Json, reading
from flows.commands.progress import progress

_LONGEST = 40
"""Characters of a value that are shown; a hash is cut to its first twelve."""
_HASH, _HEXADECIMAL = 64, frozenset("0123456789abcdefABCDEF")
_CHANGES = ("changed", "new", "gone", "not comparable")
_STYLES = {"new": "green", "gone": "red", "not comparable": "yellow"}
_Backup = Annotated[str, typer.Argument(help="A backup's id, or latest.", show_default=False)]


def diff(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="The service, as lifeboat.yaml names it.")],
    a: _Backup,
    b: _Backup,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 1 unless all that both state is equal.")] = False,
    from_: From = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """Say what differs between two backups: tables and their rows, definitions, accounts, objects, blocks; what both state.

    Compares what the source said of itself when each was taken, and reads no data. Equal means equal in what both state, and
    nothing more. What was measured in another way (fingerprints of two chains) is not compared, and is never called equal.

    Examples: lifeboat diff agama agama-20261122T000004Z latest | lifeboat diff grafana A B --json

    Exit code: 0 compared, whatever came of it; with --exit-code 1 not equal, or a backup is damaged; 2 they cannot be compared.
    """
    site, now = Site.open(config).at(from_), datetime.now(UTC)
    (name,) = site.chosen([service])
    made = site.service(name, Docker())
    with progress([]), reading(site, f"diff {service} {a} {b}"):
        repository = site.repository
        held = repository.listing()
        for backup in (a, b):
            held.require_not_odd(backup)
        members = chaining.chains(held.backups).get(name, [])
        before, after = (repository.manifest(_record(name, members, backup, now)) for backup in (a, b))
    if before.type != after.type:
        raise LifeboatError(
            f"{before.id} is of a {before.type}, {after.id} of a {after.type}: nothing in them is alike",
            hint=f"compare two of one type: lifeboat list {name}",
        )
    found = difference(before, after, measured(made, before), measured(made, after))
    if as_json:
        console.print_json(as_object(name, before, after, found))
    else:
        show(before, after, found)
    raise typer.Exit(int(exit_code and found.verdict != "equal"))


def _record(service: str, members: Sequence[Chain], wanted: str, now: datetime) -> BackupRecord:
    """Find a backup by its id, or the newest; raises LifeboatError where there is none."""
    if wanted == "latest":
        chaining.require_present(service, members, now)
        members = chaining.present(members, now)
    every = sorted((backup for chain in members for backup in chain.backups), key=lambda backup: backup.taken_at)
    if not every:
        raise LifeboatError(f"{service} has no backup in the repository", hint=f"take one: lifeboat backup {service}")
    if wanted == "latest":
        return every[-1]
    found = next((backup for backup in every if backup.id == wanted), None)
    if found is None:
        near = difflib.get_close_matches(wanted, [backup.id for backup in every], 1)
        raise LifeboatError(
            f"{service} has no backup {wanted}", hint=f"did you mean {near[0]}?" if near else f"see: lifeboat list {service}"
        )
    return found


def show(before: Manifest, after: Manifest, found: Difference) -> None:
    """Print what is not equal, a line each, then what that says of the rest."""
    rows = [row for thing in found.things if thing.change != "not stated" for row in _rows(thing)]
    if rows:
        console.print_columns(("", "what", *(f"{backup.taken_at:%Y-%m-%d %H:%M:%S}" for backup in (before, after))), rows)
    for line in _summary(before, after, found):
        console.out.print(Text(line), soft_wrap=True)


def _rows(thing: Subject) -> Iterator[Sequence[str | Text]]:
    name: str | Text = Text(thing.name, style="bold")
    facts = list(thing.facts)
    if thing.change in ("new", "gone"):
        counted = next((fact for fact in facts if fact.metric == "rows"), None)
        sides = (_value(counted.before, "rows"), _value(counted.after, "rows")) if counted else ("", "")
        yield name, Text(thing.change, style=_STYLES[thing.change]), *sides
        return
    for fact in facts:
        if fact.why is None:
            yield name, fact.metric, _value(fact.before), f"{_value(fact.after)}{_more(fact)}"
        elif fact.stated_by_both:
            alike = f"; equal: {', '.join(thing.equal)}" if thing.equal else ""
            yield name, Text(f"{fact.metric} not comparable", style=_STYLES["not comparable"]), "", f"{fact.why}{alike}"
        else:
            continue
        name = ""


def _value(value: Value, unit: str = "") -> str:
    if value is None:
        return "-"
    if type(value) is int:
        return f"{value:,} {unit}".rstrip()
    text = str(value)
    if len(text) == _HASH and set(text) <= _HEXADECIMAL:
        return f"{text[:12]}…"
    return shown(text, _LONGEST)


def _more(fact: Differing) -> str:
    one, other = fact.before, fact.after
    return f" ({other - one:+,})" if type(one) is int and type(other) is int else ""


def _summary(before: Manifest, after: Manifest, found: Difference) -> Iterator[str]:
    counts = ", ".join(f"{number:,} {change}" for change in _CHANGES if (number := found.count(change)))
    facts = plural.count(found.equal, "fact")
    if found.verdict == "equal":
        yield f"equal: {facts} about {plural.count(found.subjects, 'thing')}, all that both backups state"
    else:
        things = plural.count(found.subjects, "thing")
        yield f"{found.verdict}: {counts or 'nothing is stated by both'}, of {things}; {facts} equal"
    alone = Counter(fact.why for thing in found.things for fact in thing.facts if fact.why and not fact.stated_by_both)
    for why, number in sorted(alone.items()):
        yield f"not compared: {plural.count(number, 'fact')}, since {why}"
    for backup in (before, after):
        if backup.limits:
            limits = plural.count(len(backup.limits), "limit")
            yield f"{backup.id} has {limits}, which no fact is about: lifeboat show {backup.id}"


def as_object(service: str, before: Manifest, after: Manifest, found: Difference) -> dict[str, Any]:
    """Return the difference as `--json` has it."""
    return {
        "service": service,
        "type": after.type,
        "verdict": found.verdict,
        "before": _backup(before),
        "after": _backup(after),
        "subjects": found.subjects,
        "equal_facts": found.equal,
        "things": [
            {
                "subject": thing.name,
                "change": thing.change,
                "equal": list(thing.equal),
                "facts": [
                    {"metric": fact.metric, "before": fact.before, "after": fact.after, "not_comparable": fact.why}
                    for fact in thing.facts
                ],
            }
            for thing in found.things
        ],
    }


def _backup(manifest: Manifest) -> dict[str, Any]:
    return {"id": manifest.id, "taken_at": manifest.taken_at.isoformat(), "limits": list(manifest.limits)}
