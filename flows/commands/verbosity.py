"""How much a command says besides its result (-q, -v), and which configuration was named (-c): before or after its name."""

from dataclasses import dataclass
from pathlib import Path


@dataclass
class _Chosen:
    quiet: bool = False
    verbose: bool = False
    config: Path | None = None


chosen = _Chosen()


def reset() -> None:
    """Forget what an earlier command of this process was called with."""
    chosen.quiet = chosen.verbose = False
    chosen.config = None


def be_quiet(value: bool) -> None:
    """Take --quiet from the command line."""
    chosen.quiet = chosen.quiet or value


def be_verbose(value: bool) -> None:
    """Take --verbose from the command line."""
    chosen.verbose = chosen.verbose or value


def take_config(value: Path | None) -> Path | None:
    """Note the configuration that is named on the command line: what is printed to be typed names it, too."""
    chosen.config = value or chosen.config
    return value
