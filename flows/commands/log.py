"""`lifeboat log`: what the log in the repository holds, so that one finds the transaction to come back before."""

import difflib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated

import typer

from backups.errors import LifeboatError
from backups.machine import runs
from backups.services.continuous import TableChange, Transaction
from backups.site import Site
from flows.commands import console, log_json
from flows.commands.console import Text
from flows.commands.options import Config, From, Json, reading
from flows.commands.progress import progress
from verification.evidence.words import utc
from verification.restore import arguments
from verification.restore.history import History, Told, Wanted, require_log

_NEWEST = 100
_AT_ONCE = 500
"""Transactions that are printed together, their columns below each other."""
_UNKNOWN = "?"
_TITLES = ("committed at (UTC)", "transaction", "inserted", "changed", "deleted", "table, or statement")
_RIGHT = ("inserted", "changed", "deleted")


def log(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="The service, as lifeboat.yaml names it.")],
    table: Annotated[
        list[str] | None,
        typer.Option("--table", "-t", help="Only what concerns this table, database.table; may be repeated.", show_default=False),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", help="Only what was committed at or after this time, as restore --at takes it.", show_default=False
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", help="Only what was committed at or before this time; a day alone is all of it.", show_default=False
        ),
    ] = None,
    number: Annotated[int, typer.Option("--number", "-n", min=0, help="No more than the newest so many; 0: all.")] = _NEWEST,
    from_: From = None,
    as_json: Json = False,
    config: Config = None,
) -> None:
    """List the transactions of MySQL's log in the repository: when, which, and how many rows of which tables; the newest last.

    Each is named as restore --before takes it: find the mistake, and bring back the moment before it. Only the log that is asked
    for is fetched. Statements are shortened and shown without the texts in them; what rows they changed is not told.

    Examples: lifeboat log agama --table shop.client | lifeboat log agama --since 14:00 --until 14:10 -n 0

    Exit code: 0 told; 1 a log is damaged, and the time of it is not told; 2 there is no log, or it cannot be read.
    """
    site, now = Site.open(config).at(from_), datetime.now(UTC)
    (name,) = site.chosen([service])
    zone = site.settings.timezone
    begin = arguments.bound(since, zone, now, "--since") if since else None
    # What was committed at a bound is told: of a day, up to the last microsecond.
    end = arguments.bound(until, zone, now, "--until", before_next=timedelta.resolution) if until else None
    if begin and end and end < begin:
        raise LifeboatError(
            f"--until {until} ({utc(end)}) is before --since {since} ({utc(begin)})",
            hint="give the earlier one to --since; a time without a date is the last one that has passed, maybe of yesterday",
        )
    wanted = Wanted(begin, end, tuple(table or ()), number)
    with runs.start(site.state) as run:
        # Before anything is read: no other repository is offered for what none can hold.
        require_log(site.service(name, run.docker))
        with progress([name]), reading(site, f"log {name}"):
            history = History(site, name, run, now=now)
        told = history.read(wanted)
        if as_json:
            log_json.write(name, site.settings.services[name].type, history, told)
        else:
            _show(name, history, wanted, told)
    if told.damaged:
        raise typer.Exit(1)


def _show(service: str, history: History, wanted: Wanted, told: Told) -> None:
    """Print transactions below each other, holes where they are, and what to type next; in bounded memory."""
    items = iter(told)
    titles: Sequence[str] = _TITLES
    while part := list(islice(items, _AT_ONCE)):
        rows: list[Sequence[str | Text]] = []
        for item in part:
            if isinstance(item, Transaction):
                rows += _rows(item)
                continue
            titles = _flush(titles, rows)
            console.out.print(Text(str(item), style="yellow"), soft_wrap=True)
            if item.fault and item.fault.hint:
                console.out.print(Text(f"  hint: {item.fault.hint}", style="yellow"), soft_wrap=True)
            elif item.before is None:
                # The mistake of a minute ago is looked for just here.
                console.out.print(
                    Text(f"  hint: lifeboat backup {service} brings what was committed since then", style="yellow"),
                    soft_wrap=True,
                )
        titles = _flush(titles, rows)
    for line in _remarks(service, history, wanted, told):
        console.out.print(Text(line, style="dim"), soft_wrap=True)


def _flush(titles: Sequence[str], rows: list[Sequence[str | Text]]) -> Sequence[str]:
    """Print rows, and empty them; returns the titles of the rows that follow: none, once there were some."""
    if not rows:
        return titles
    console.print_columns(titles, rows, right=_RIGHT)
    rows.clear()
    return [""] * len(_TITLES)


def _rows(transaction: Transaction) -> list[Sequence[str | Text]]:
    """Make a row for each table and each statement of a transaction; the first has its time and its name."""
    what = [
        *((*map(_number, (table.inserted, table.changed, table.deleted)), _named(table)) for table in transaction.tables),
        *(("", "", "", statement) for statement in transaction.statements),
        *(("", "", "", f"{transaction.more_statements} more statements") for _ in range(1) if transaction.more_statements),
        *((_UNKNOWN, _UNKNOWN, _UNKNOWN, f"not told: {phrase}") for phrase in transaction.untold),
    ] or [("", "", "", "nothing")]
    heads = [(f"{transaction.committed_at:%Y-%m-%d %H:%M:%S.%f}", transaction.name)] + [("", "")] * (len(what) - 1)
    return [(*head, *row) for head, row in zip(heads, what, strict=True)]


def _number(rows: int | None) -> str:
    return _UNKNOWN if rows is None else f"{rows:,}"


def _named(table: TableChange) -> str:
    return f"{table.table} ({'; '.join(table.odd)})" if table.odd else table.table


def _remarks(service: str, history: History, wanted: Wanted, told: Told) -> Iterator[str]:
    begins = history.begins
    if begins is None:
        yield f"{service} has no backup yet, and so no log: lifeboat backup {service}"
        return
    if told.older:
        yield f"these are the newest {told.transactions}; there may be older ones: -n NUMBER, or -n 0 for all"
    elif wanted.since is None or wanted.since < begins.taken_at:
        yield f"the log begins after {begins.id}, of {begins.taken_at:%Y-%m-%d %H:%M:%S} UTC"
    if told.transactions:
        yield f"back to the moment before one of them: lifeboat restore {service} --before TRANSACTION --to PLACE"
        return
    yield "there is no such transaction in it"
    known = history.tables()
    for name in wanted.tables:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            yield f"the newest backup has no table {name}" + (f"; did you mean {near[0]}?" if near else "")
