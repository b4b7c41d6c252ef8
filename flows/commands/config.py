"""`lifeboat config`: checks lifeboat.yaml, or shows what was read from where.

Secrets are never shown.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer
import yaml
from pydantic import BaseModel

from backups import plural
from backups.config import file
from backups.config.settings import Retention, Settings
from backups.secret import Secret
from backups.services.settings import RestoreSettings
from backups.text import without_password
from flows.commands import console
from flows.commands.options import Config, Json

config = typer.Typer(
    help="Check lifeboat.yaml, or show what was read from where. Secrets are never shown.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
_COMMANDS = ("stop", "start")
"""Of `restore:`, commands of a shell, in which a password may stand as well."""
_AGES = ("keep", "delete_after")
_UNITS = (("d", 86400), ("h", 3600), ("m", 60))


@dataclass(frozen=True)
class _Read:
    """A configuration as it was read. found_by: what led to the file. written: the file's own content."""

    path: Path
    found_by: str
    settings: Settings
    written: Mapping[str, Any]

    @classmethod
    def of(cls, named: Path | None) -> "_Read":
        path = file.find(named)
        by = "--config" if named else "LIFEBOAT_CONFIG" if os.environ.get("LIFEBOAT_CONFIG") else "the usual places"
        return cls(path, by, *file.load_as_written(path))

    def variables(self) -> list[dict[str, Any]]:
        """The environment variables that secrets are read from, and whether they are set."""
        return [{"name": name, "set": bool(os.environ.get(name))} for name in variables(self.settings)]

    def password_files(self) -> list[dict[str, Any]]:
        """The files with passwords and keys that the file names, and whether they can be read."""
        paths = [path for name, path in _paths(self.settings) if name.endswith("_file")]
        return [{"path": str(path), "readable": path.is_file() and os.access(path, os.R_OK)} for path in dict.fromkeys(paths)]


def variables(settings: Settings) -> list[str]:
    """The names of the environment variables that are read: those in passwords, and in the urls of repositories."""
    every = [*(Secret(section.url) for section in settings.every_repository.values()), *_secrets(settings)]
    return list(dict.fromkeys(name for secret in every for name in secret.variables))


def _secrets(value: Any) -> Iterator[Secret]:
    children = (
        [getattr(value, name) for name in type(value).model_fields]
        if isinstance(value, BaseModel)
        else list(value.values())
        if isinstance(value, dict)
        else []
    )
    for child in children:
        if isinstance(child, Secret):
            yield child
        else:
            yield from _secrets(child)


@config.command("check", short_help="Say whether lifeboat.yaml can be used as it is")
def check(as_json: Json = False, config: Config = None) -> None:
    """Read lifeboat.yaml and say whether it can be used as it is. Nothing is connected to: that is `lifeboat doctor`.

    Also names the environment variables that are not set and the password files that cannot be read; a machine that only
    verifies needs the repository's alone.

    Examples: lifeboat config check | lifeboat config check --config /etc/lifeboat/lifeboat.yaml

    Exit code: 0 it can be used, 2 it cannot: the message names the file, the line and the key.
    """
    read = _Read.of(config)
    variables, files = read.variables(), read.password_files()
    if as_json:
        console.print_json(
            {
                "file": str(read.path),
                "found_by": read.found_by,
                "services": list(read.settings.services),
                "environment": variables,
                "password_files": files,
            }
        )
        return
    services = plural.count(len(read.settings.services), "service")
    console.out.print(f"{read.path} can be used: {services} ({', '.join(read.settings.services)})", soft_wrap=True)
    for variable in variables:
        if not variable["set"]:
            console.out.print(f"note: the environment variable {variable['name']} is not set", soft_wrap=True)
    for each in files:
        if not each["readable"]:
            console.out.print(f"note: the file {each['path']} cannot be read", soft_wrap=True)


@config.command("show", short_help="Print every setting in force, and which are defaults")
def show(as_json: Json = False, config: Config = None) -> None:
    """Print every setting as it is in force: from lifeboat.yaml, or else its default. Passwords are shown as **** or ${NAME}.

    Of the commands restore.stop and restore.start it is only shown that there are any: a password may stand in them.

    Examples: lifeboat config show | lifeboat config show --json

    Exit code: 0 shown, 2 lifeboat.yaml cannot be used.
    """
    read = _Read.of(config)
    settings = {name: value for name, value in _plain(read.settings).items() if value not in ({}, None)}
    if as_json:
        console.print_json(
            {
                "file": str(read.path),
                "found_by": read.found_by,
                "settings": settings,
                "defaults": [".".join(key) for key, _ in _leaves(settings) if not _is_written(read.written, key)],
                "environment": read.variables(),
            }
        )
        return
    console.out.print(f"# {read.path}, found by {read.found_by}", soft_wrap=True, markup=False)
    for line in _lines(settings, read.written, ()):
        console.out.print(line, soft_wrap=True, markup=False)


def _plain(value: Any, key: str = "") -> Any:
    """A setting as lifeboat.yaml would have it; no secret is left in it."""
    if isinstance(value, RestoreSettings):
        hidden = {name: "****" for name in _COMMANDS if getattr(value, name) is not None}
        return {**{name: each for name, each in value.model_dump().items() if each is not None}, **hidden}
    if isinstance(value, BaseModel):
        # Where chains go by generations, no age counts.
        unused = _AGES if isinstance(value, Retention) and value.generations else ()
        found = {name: _plain(getattr(value, name), name) for name in type(value).model_fields if name not in unused}
        return {name: each for name, each in found.items() if each is not None}
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return f"{value * 100:g}%" if key == "collapse" else _scalar(value)


def _scalar(value: Any) -> str | float | None:
    if isinstance(value, timedelta):
        return _span(value)
    if isinstance(value, Secret):
        return str(value).removeprefix("Secret(").removesuffix(")")
    return value if value is None or isinstance(value, (bool, int, float)) else without_password(str(value))


def _span(span: timedelta) -> str:
    """A span as lifeboat.yaml writes it: `2h`, `1d12h`, `0.5s`."""
    seconds, micro = divmod(span // timedelta(microseconds=1), 10**6)
    text = ""
    for unit, size in _UNITS:
        number, seconds = divmod(seconds, size)
        text += f"{number}{unit}" if number else ""
    last = f"{seconds}.{micro:06}".rstrip("0").rstrip(".")
    return text if last == "0" and text else f"{text}{last}s"


def _paths(value: Any) -> Iterator[tuple[str, Path]]:
    children = (
        ((name, getattr(value, name)) for name in type(value).model_fields)
        if isinstance(value, BaseModel)
        else value.items()
        if isinstance(value, dict)
        else ()
    )
    for name, child in children:
        if isinstance(child, Path):
            yield str(name), child
        else:
            yield from _paths(child)


def _leaves(settings: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name), value


def _is_written(written: Any, key: tuple[str, ...]) -> bool:
    for part in key:
        if not isinstance(written, Mapping) or part not in written:
            return False
        written = written[part]
    return True


def _lines(settings: Mapping[str, Any], written: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[str]:
    indent = "  " * len(above)
    for name, value in settings.items():
        if isinstance(value, dict) and value:
            yield f"{indent}{name}:"
            yield from _lines(value, written, (*above, name))
        elif value not in ({}, []):
            text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6).split("\n...")[0].strip()
            yield f"{indent}{name}: {text}{'' if _is_written(written, (*above, name)) else '  # default'}"
