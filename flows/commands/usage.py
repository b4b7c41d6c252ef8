"""Says in plain words what is wrong with a command line: what was typed, why it is not understood, and what to type."""

import difflib
from collections.abc import Sequence
from typing import Any

from typer.core import TyperGroup
from typer.exceptions import TyperException

from backups.errors import ConfigError
from flows.commands.verbs import VERBS


def fault(error: TyperException, arguments: Sequence[str]) -> ConfigError:
    """Turn the usage error that Typer found in `arguments` into one of ours: exit code 2, with a hint."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else " ".join(["lifeboat", *[word for word in arguments if word in VERBS][:1]])
    see = f"see: {command} --help"
    option = getattr(error, "option_name", None)
    if type(error).__name__ == "NoSuchOption":
        whose = f"{_short(command)} has" if context and context.parent else "there is"
        return ConfigError(f"{whose} no option {option}", hint=_option_meant(str(option), context, arguments) or see)
    if option is not None:
        return ConfigError(
            f"{option} {'needs a value' if 'requires an argument' in error.message else 'takes no value'}", hint=see
        )
    if "No such command" in error.message:
        return _unknown_command(error.message, context, command)
    return ConfigError(_sentence(error), hint=see)


def require_no_empty(arguments: Sequence[str]) -> None:
    """Raise ConfigError for an empty value: the variable of a script that is not set must not mean what leaving it out means."""
    for number, word in enumerate(arguments):
        option, equals, value = word.partition("=")
        if not word.strip():
            before = arguments[number - 1] if number and arguments[number - 1].startswith("-") else None
            what = f"the value of {before}" if before else "an argument"
        elif equals and option.startswith("--") and not value.strip():
            what = f"the value of {option}"
        else:
            continue
        raise ConfigError(f"{what} is empty; nothing was done", hint="is a variable not set? give a value, or leave it out")


def is_help(error: TyperException) -> bool:
    """Whether it is no fault but the help that a command without arguments prints."""
    return type(error).__name__ == "NoArgsIsHelpError"


def _option_meant(option: str, context: Any, arguments: Sequence[str]) -> str | None:
    """What was probably meant by an unknown option: one of the command after it, or one with a similar name."""
    after = list(arguments[arguments.index(option) + 1 :]) if option in arguments else []
    verb = next((word for word in after if word in VERBS), None)
    if verb and isinstance(getattr(context, "command", None), TyperGroup):
        return f"{option} goes after the command: lifeboat {verb} {option}"
    known = [name for parameter in context.command.params for name in parameter.opts] if context else []
    near = difflib.get_close_matches(option, [*known, "--help"], 1)
    return f"did you mean {near[0]}?" if near else None


def _unknown_command(message: str, context: Any, command: str) -> ConfigError:
    name = message.split("'")[1] if "'" in message else message
    known = list(context.command.commands) if context else []
    near = difflib.get_close_matches(name, known, 1)
    return ConfigError(
        f"there is no command {_short(f'{command} {name}')}",
        hint=f"did you mean {command} {near[0]}?" if near else f"the commands are: {', '.join(known)}",
    )


def _sentence(error: TyperException) -> str:
    """Typer's own words as one lower-case sentence without a full stop."""
    parameter = getattr(error, "param", None)
    if parameter is None:
        words = " ".join(error.format_message().split()).rstrip(".")
        return words[:1].lower() + words[1:]
    name = parameter.metavar or parameter.name.upper() if parameter.param_type_name == "argument" else parameter.opts[0]
    if type(error).__name__ == "MissingParameter":
        return f"{name} is missing"
    return f"{name}: {error.message.removeprefix('Value error, ').rstrip('.')}"


def _short(command: str) -> str:
    return command.removeprefix("lifeboat ")
