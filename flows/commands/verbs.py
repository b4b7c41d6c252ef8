"""Names every command with its module and one line of help, so that help and completion import none of them."""

from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from flows.commands import combined, options


class Verb(NamedTuple):
    """Where a command is (a module of flows.commands, and its function or its Typer group), and what `--help` says of it."""

    module: str
    name: str
    summary: str


VERBS = {
    "init": Verb("init", "init", "Write a lifeboat.yaml by asking the running services"),
    "config": Verb("config", "config", "Check lifeboat.yaml, or show what was read from where"),
    "doctor": Verb("doctor", "doctor", "Say what a backup or a verification lacks, and what to type"),
    "backup": Verb("backup", "backup", "Back services up now: a full, or what changed since"),
    "copy": Verb("copying", "copy", "Copy what further repositories lack, now"),
    "follow": Verb("follow", "follow", "Keep a service's log up to the second between two backups"),
    "list": Verb("listing", "list_backups", "List the backups, and which of them were proven"),
    "show": Verb("show", "show", "Show one backup: chain, sizes, lock, proof, witness"),
    "diff": Verb("diff", "diff", "Say what differs between two backups"),
    "log": Verb("log", "log", "List the transactions of MySQL's log, to find a mistake"),
    "verify": Verb("verify", "verify", "Restore backups into sandboxes, compare and time them"),
    "plan": Verb("plan", "plan", "Say how long the next verification takes, and what is late"),
    "restore": Verb("restore", "restore", "Bring a service back, proven equal first"),
    "clone": Verb("clone", "clone", "Make a masked copy of MySQL for developers"),
    "status": Verb("status", "status", "Say how old the last backups and proofs are"),
    "history": Verb("history", "history", "Show size, rows, times and gaps over the weeks"),
    "evidence": Verb("evidence", "evidence", "Check signed reports, or export them for an auditor"),
    "watch": Verb("watch", "watch", "Say whether a service is down or has lost data"),
    "prune": Verb("prune", "prune", "Delete chains that are older than retention allows"),
    "trust": Verb("trust", "trust", "Say that a suspicious backup is well: prune goes on"),
    "kit": Verb("kit", "kit", "Write the recovery kit, and the page to print"),
    "rescue": Verb("rescue", "rescue", "Bring everything back from the kit, on a bare machine"),
    "alerts": Verb("alerts", "alerts", "Have Prefect notify you of what fails or is missed"),
    "demo": Verb("demo", "demo", "Rehearse everything on this machine, from nothing"),
}


class Verbs(TyperGroup):
    """The commands of `lifeboat`: listed by name and summary; a command's module is imported when it is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {name: TyperCommand(name, short_help=verb.summary) for name, verb in VERBS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that the arguments name, and import it; raises a usage error, with the nearest name, for another."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name and command else None, rest


def load(name: str) -> Any:
    """Import a command, or a group of them, with the options that every command has."""
    found = getattr(import_module(f"flows.commands.{VERBS[name].module}"), VERBS[name].name)
    if isinstance(found, typer.Typer):
        group = typer.main.get_group(found)
        group.name = name
        for title, command in group.commands.items():
            _finish(command, f"{name} {title}")
        return group
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name)(found)
    return _finish(typer.main.get_command(app), name)


def _finish(command: Any, name: str) -> Any:
    """Give a command the options that every command has, and its examples a line each: folded, they could not be copied.

    What it would ignore is refused before it begins.
    """
    invoke = command.invoke

    def invoked(context: Any) -> Any:
        combined.require(name, context)
        return invoke(context)

    command.invoke = invoked
    command.params += options.shared()
    paragraphs = (command.help or "").split("\n\n")
    command.help = "\n\n".join(_examples(text) if text.startswith("Example") else text for text in paragraphs)
    return command


def _examples(paragraph: str) -> str:
    title, _, commands = " ".join(paragraph.split()).partition(": ")
    # The mark by which help is told to leave the lines of a paragraph as they are.
    return "\n".join(["\b", f"{title}:", *(f"  {command}" for command in commands.split(" | "))])
