"""`lifeboat demo`: rehearses backups, restores and proofs on this machine."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType

from flows.commands import console, verbosity
from flows.commands.progress import progress


def demo(
    directory: Annotated[
        Path, typer.Option("--dir", help="Where the demo keeps its repository, configuration and report.")
    ] = Path("lifeboat-demo"),
) -> None:
    """Rehearse everything on this machine: start three sources, back them up while they are written to, restore, compare, time.

    Then one row is deleted from a restored copy, and the verification must find it. Needs Docker and restic; takes some minutes.
    Nothing is left running; the report and the repository stay in --dir.

    Example: lifeboat demo --dir /tmp/lifeboat-demo

    Exit code: 0 all verified and the damage found, 1 a proof failed, 2 could not run.
    """
    from deployments.demo.run import rehearse

    held_back: list[RenderableType] = []
    with progress([]):
        code = rehearse(directory, say=held_back.append if verbosity.chosen.quiet else console.out.print)
    for line in held_back if code else []:
        console.out.print(line)
    raise typer.Exit(code)
