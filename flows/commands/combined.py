"""Refuses options that would be ignored, since another one beside them, or the absence of one, leaves nothing for them to say.

How a dry run would be carried out may be said: it changes nothing in any case.
"""

from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from backups.errors import ConfigError


class Rule(NamedTuple):
    """These `options` say nothing beside any of the options `beside`, or without each of `without`.

    among: where it is about `without`, only when one of these is given
    """

    options: tuple[str, ...]
    beside: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    among: tuple[str, ...] = ()

    def reason(self, given: AbstractSet[str]) -> str | None:
        """Say why they say nothing among the options that are given; None where they say something."""
        if found := [each for each in self.beside if each in given]:
            return f"beside {found[0]}"
        asked = not self.among or bool(given & set(self.among))
        return f"without {' or '.join(self.without)}" if self.without and asked and not given & set(self.without) else None


_SERVICES = ("--mysql", "--prometheus", "--grafana")
RULES: dict[str, tuple[Rule, ...]] = {
    "init": (
        # Where no service is named they are asked for.
        Rule(("--mysql-user", "--mysql-password-env"), without=("--mysql",), among=_SERVICES),
        Rule(("--prometheus-user", "--prometheus-password-env"), without=("--prometheus",), among=_SERVICES),
        Rule(("--prometheus-password-env",), without=("--prometheus-user",)),
        Rule(("--grafana-token-env",), without=("--grafana",), among=_SERVICES),
    ),
    "restore": (Rule(("--no-second-replay",), without=("--at", "--before")),),
    "rescue": (
        Rule(("--to", "--to-base", "--identity", "--dry-run", "--no-report"), beside=("--drill",)),
        Rule(("--base", "--for-python"), without=("--drill",)),
        # A kit has its own.
        Rule(("--config",), without=("--drill",)),
        Rule(("--for-python",), beside=("KIT",)),
        Rule(("--passphrase-file",), without=("KIT",)),
    ),
}
"""By the command; an argument has the name that its help has."""


def refusal(command: str, given: AbstractSet[str]) -> ConfigError | None:
    """Return the fault of a command line with these options and arguments; None where each says something."""
    for rule in RULES.get(command, ()):
        option = next((each for each in rule.options if each in given), None)
        if option and (why := rule.reason(given)):
            wanted = "" if rule.beside else f", or give {' or '.join(rule.without)}"
            return ConfigError(f"{option} says nothing {why}: it would be ignored", hint=f"leave {option} out{wanted}")
    return None


def require(command: str, context: Any) -> None:
    """Raise ConfigError for a command line of which a part would be ignored; what it takes from elsewhere does not count."""
    typed = [each for each in context.command.params if context.get_parameter_source(each.name).name == "COMMANDLINE"]
    if fault := refusal(command, {name(each) for each in typed}):
        raise fault


def name(parameter: Any) -> str:
    """Return how an option is written, in its long form, or an argument in the help."""
    options = [each for each in parameter.opts if each.startswith("--")]
    return str(options[0] if options else parameter.metavar or parameter.name.upper())
