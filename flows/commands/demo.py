"""`lifeboat demo`: a whole rehearsal, from nothing."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands import console


def demo(
    directory: Annotated[
        Path, typer.Option("--dir", help="Where the demo keeps its repository, configuration and report.")
    ] = Path("lifeboat-demo"),
) -> None:
    """Rehearse everything on this machine: start three sources, back them up while they are written to, restore, prove, time.

    Then a damaged boat is lowered, one row missing from a copy, and caught. Needs Docker and restic; takes some minutes.
    Nothing is left running; the report and the repository stay in --dir.

    Exit code: 0 all verified and the damage caught, 1 a proof failed, 2 could not run.
    """
    from deployments.demo.run import rehearse

    with console.progress([]):
        code = rehearse(directory, say=console.out.print)
    raise typer.Exit(code)
