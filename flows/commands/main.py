"""The command `lifeboat`: its verbs, and the one place where a fault becomes a message and an exit code."""

import logging
import os
import signal
import sys
from typing import NoReturn

import click
import typer

from backups.errors import Damaged, LifeboatError
from backups.machine.parallel import as_fault
from flows.commands import console
from flows.commands.alerts import alerts
from flows.commands.backup import backup
from flows.commands.demo import demo
from flows.commands.doctor import doctor
from flows.commands.listing import list_backups
from flows.commands.prune import prune
from flows.commands.restore import restore
from flows.commands.status import status
from flows.commands.verify import verify
from flows.commands.watch import watch

app = typer.Typer(
    help="Back up MySQL, Prometheus and Grafana, and prove every week, exactly and on the clock, that they come back.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo)
app.command("doctor")(doctor)
app.command("backup")(backup)
app.command("list")(list_backups)
app.command("verify")(verify)
app.command("restore")(restore)
app.command("status")(status)
app.command("prune")(prune)
app.command("watch")(watch)
app.command("alerts")(alerts)


_INTERRUPTED = 130


def main() -> None:
    """Run the command line and end the process: 0 well, 1 a proof failed, 2 could not run, 130 interrupted."""
    # A terminated run cleans up exactly as an interrupted one does.
    signal.signal(signal.SIGTERM, _interrupt)
    logging.captureWarnings(True)
    try:
        code = app(standalone_mode=False)
    except LifeboatError as error:
        console.tell(error)
        code = 1 if isinstance(error, Damaged) else 2
    except click.ClickException as error:
        error.show()
        code = 2
    except (KeyboardInterrupt, click.Abort):
        code = _INTERRUPTED
    except Exception as error:
        if os.environ.get("LIFEBOAT_DEBUG"):
            raise
        console.tell(as_fault(error))
        code = 2
    if code == _INTERRUPTED:
        # Click may have turned the interrupt into this exit code itself.
        console.err.print("lifeboat: interrupted; no half backup was kept, nothing is left running")
    sys.exit(code if isinstance(code, int) else 0)


def _interrupt(number: int, frame: object) -> NoReturn:  # noqa: ARG001 - the signature that signal wants
    raise KeyboardInterrupt
