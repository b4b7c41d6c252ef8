"""How much a command says besides its result: chosen by -q and -v, before or after the command's name."""

from dataclasses import dataclass


@dataclass
class _Chosen:
    quiet: bool = False
    verbose: bool = False


chosen = _Chosen()


def reset() -> None:
    """Forget what an earlier command of this process was called with."""
    chosen.quiet = chosen.verbose = False


def be_quiet(value: bool) -> None:
    """Take --quiet from the command line."""
    chosen.quiet = chosen.quiet or value


def be_verbose(value: bool) -> None:
    """Take --verbose from the command line."""
    chosen.verbose = chosen.verbose or value
