"""The command `lifeboat`: the one place where a fault becomes a message and an exit code.

Its commands: `verbs.py`.
"""

import logging
import os
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from backups import logs
from backups.errors import Damaged, LifeboatError
from backups.machine import ending, private
from flows import streams
from flows.commands import usage, verbosity
from flows.commands.options import Config, shared
from flows.commands.verbs import VERBS, Verbs

_OF_GROUPS = ("check", "show", "key", "verify", "export")
"""The commands of the groups `config` and `evidence`."""

app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"lifeboat {version('lifeboat')}")
        raise typer.Exit


@app.callback()
def lifeboat(
    context: typer.Context,
    config: Config = None,
    version: Annotated[  # noqa: ARG001 - its callback prints it
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Back up MySQL, Prometheus and Grafana, and prove every week, exactly and on the clock, that they come back.

    The options below may also be written after the command. `lifeboat COMMAND --help` explains a command.

    Exit codes: 0 done or verified, 1 a proof failed or something is not well, 2 could not run, 130 interrupted.
    """
    if config is not None:
        given = {"config": str(config)}
        context.default_map = {name: {**given, **dict.fromkeys(_OF_GROUPS, given)} for name in VERBS}


def main() -> None:
    """Run the command line and end the process: 0 well, 1 a proof failed, 2 could not run, 130 interrupted."""
    private.umask()
    streams.prepare()
    logs.install()
    with ending.on_signals():
        code = _run()
        if code == ending.EXIT_CODE:
            # Typer may have turned the interrupt into this exit code itself.
            ending.say()
        try:
            streams.finish()
        except LifeboatError as error:
            code = _report(error)
    verbosity.reset()
    sys.exit(code if isinstance(code, int) else 0)


def _run() -> object:
    """Run the command line; returns its exit code, None for 0."""
    logging.captureWarnings(True)
    verbosity.reset()
    command = typer.main.get_command(app)
    command.params += shared()
    try:
        usage.require_no_empty(sys.argv[1:])
        code = command(prog_name="lifeboat", standalone_mode=False)
    except LifeboatError as error:
        code = _report(error)
    except TyperException as error:
        if usage.is_help(error):
            print(error.message)
            code = 2
        else:
            code = _report(usage.fault(error, sys.argv[1:]))
    except (KeyboardInterrupt, typer.Abort):
        code = ending.EXIT_CODE
    except Exception as error:
        if os.environ.get("LIFEBOAT_DEBUG"):
            raise
        from backups.machine.parallel import as_fault

        _report(as_fault(error))
        code = 2
    return code


def _report(error: LifeboatError) -> int:
    """Print a fault; returns the exit code that it means."""
    from flows.commands import console

    console.print_fault(error)
    return 1 if isinstance(error, Damaged) else 2


if __name__ == "__main__":
    main()
