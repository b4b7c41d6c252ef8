"""Arguments and options that several commands share."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backups.errors import LifeboatError
from backups.services.base import Point
from flows.commands import verbosity

if TYPE_CHECKING:
    from backups.site import Site

Services = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SERVICE", help="Names of services in lifeboat.yaml; all of them when none is named.", show_default=False
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="The configuration file. Default: $LIFEBOAT_CONFIG, ./lifeboat.yaml, /etc/lifeboat/lifeboat.yaml.",
        show_default=False,
        callback=verbosity.take_config,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs; docs/commands.md describes its keys.")]
Init = Annotated[
    bool,
    typer.Option("--init", help="Use the repository that is there from now on, though this machine knew another one."),
]
RunOn = Annotated[
    str | None,
    typer.Option(
        "--image",
        help="The image that the copy runs on, this time, whatever lifeboat.yaml and the backup name.",
        show_default=False,
    ),
]
RunOrUpgrade = Annotated[
    str | None,
    typer.Option(
        "--image",
        help="The image that the copies of the one named service run on, this time. Of a newer version: the upgrade to rehearse.",
        show_default=False,
    ),
]
Before = Annotated[
    str | None,
    typer.Option(
        "--before",
        help="The moment just before a transaction: its GTID, or FILE:OFFSET, as lifeboat log prints it.",
        show_default=False,
    ),
]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="NAME",
        help="Which repository, by its name in lifeboat.yaml. Default: the first, which takes the backups.",
        show_default=False,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet",
        "-q",
        help="No progress; a command that changes something prints nothing when all went well.",
        callback=verbosity.be_quiet,
        expose_value=False,
    ),
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="Print every step and every program that is run, a line each, on standard error.",
        callback=verbosity.be_verbose,
        expose_value=False,
    ),
]


@cache
def shared() -> tuple[Any, ...]:
    """Make the options that every command has, once, to be added to its own."""

    def every(quiet: Quiet = False, verbose: Verbose = False) -> None:
        """Nothing is run: only the options are of use."""

    app = typer.Typer(add_completion=False)
    app.command()(every)
    return tuple(typer.main.get_command(app).params)


def spelt(at: datetime | Point | None) -> dict[str, str | None]:
    """Write a moment as the parameters of a flow."""
    if isinstance(at, Point):
        return {"at": None if at.before else at.position, "before": at.position if at.before else None}
    return {"at": at.isoformat() if at else None, "before": None}


@contextmanager
def reading(site: "Site", command: str) -> Iterator[None]:
    """Read the site's repository within the block: a fault of it names the other ones, and what to type for them."""
    try:
        yield
    except LifeboatError as fault:
        from verification.evidence import repositories

        raise repositories.named(site, fault, f"lifeboat {command}") from fault


@contextmanager
def through_prefect(done: Callable[[], str], hint: str) -> Iterator[None]:
    """Run a flow within the block; raises LifeboatError when the Prefect server does not answer, or goes away meanwhile.

    done: says what was done all the same, for that case
    """
    from tasks.prefect_api import connected, left_in_the_middle

    with connected() as client:
        client.hello()
    with left_in_the_middle(done, hint):
        yield


def prefect_is_configured() -> bool:
    """Return whether a Prefect server or Prefect Cloud is configured, by the environment or by a profile."""
    if os.environ.get("PREFECT_API_URL"):
        return True
    home = Path(os.environ.get("PREFECT_HOME", "~/.prefect")).expanduser()
    if not (home / "profiles.toml").is_file():
        return False
    from prefect.settings import get_current_settings

    return bool(get_current_settings().api.url)
