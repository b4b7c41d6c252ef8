"""Lets one restic reach two repositories at once, of which it reads one and writes the other.

restic has one environment and one set of options for both, the command for SFTP among them. Where both are reached by SFTP, it is
given an `ssh` that tells them apart by names that nobody else uses.
"""

import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from backups.errors import ConfigError
from backups.hosts import Hosts
from backups.machine import locks, private
from backups.repository import sftp

_FROM, _TO = "lifeboat-copies-from", "lifeboat-copies-to"

_OF_THE_OPERATOR = (
    "RESTIC_FROM_REPOSITORY_FILE",
    "RESTIC_FROM_PASSWORD_FILE",
    "RESTIC_FROM_PASSWORD_COMMAND",
    "RESTIC_FROM_KEY_HINT",
)


_OF_RESTIC = ("RESTIC_", "GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GODEBUG")
"""Beginnings of variables that tell restic how to work, and no backend where it is: the repository's that is written count."""
_SFTP = "sftp.command"
Value = TypeVar("Value")


@dataclass(frozen=True)
class End:
    """One of the two: its url, the machines that it may name, and its own `-o` options."""

    url: str
    hosts: Hosts
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def ssh(self) -> list[str]:
        """The command that reaches it by SFTP; empty where that is not how."""
        if not self.url.startswith("sftp:"):
            return []
        own = self.options.get(_SFTP)
        return shlex.split(own) if own else sftp.command(self.url, self.hosts)


@dataclass(frozen=True)
class Reached:
    """What restic is told: its `-o` options, and variables, which name both repositories."""

    options: Mapping[str, str]
    environment: Mapping[str, str]


@contextmanager
def reached(source: End, target: End, password: str, folder: Path) -> Iterator[Reached]:
    """Yield how restic reaches both; `folder` is a directory for the `ssh`, which is there within the block only.

    What one that is killed leaves of it, the next run removes (`runs.reap`).
    password: of the source
    """
    commands = {_FROM: source.ssh, _TO: target.ssh}
    own = {**source.options, **target.options}
    if not all(commands.values()):
        given = {**sftp.options(source.url, source.hosts), **sftp.options(target.url, target.hosts)}
        yield Reached({**given, **own}, _variables(source.url, target.url, password))
        return
    private.make(folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix="ssh-") as directory, locks.marked_alive(Path(directory, locks.ALIVE)):
        program = Path(directory, "ssh")
        program.write_text(_script(commands), encoding="utf-8")
        program.chmod(0o700)
        urls = sftp.with_host(source.url, _FROM), sftp.with_host(target.url, _TO)
        path = {"PATH": os.pathsep.join([directory, os.environ.get("PATH", os.defpath)])}
        others = {name: value for name, value in own.items() if name != _SFTP}
        yield Reached(others, {**_variables(*urls, password), **path})


def of_backend(environment: Mapping[str, Value]) -> dict[str, Value]:
    """Return the variables that a backend needs, of which restic has one set for both."""
    return {name: value for name, value in environment.items() if not name.startswith(_OF_RESTIC)}


def shared(options: Mapping[str, Value]) -> dict[str, Value]:
    """Return the `-o` options of which restic has one set for both."""
    return {name: value for name, value in options.items() if name != _SFTP}


def _variables(source: str, target: str, password: str) -> dict[str, str]:
    return {
        "RESTIC_REPOSITORY": target,
        "RESTIC_FROM_REPOSITORY": source,
        "RESTIC_FROM_PASSWORD": password,
        # The operator's own would take precedence.
        **dict.fromkeys(_OF_THE_OPERATOR, ""),
    }


def _script(commands: Mapping[str, list[str]]) -> str:
    ssh = shutil.which("ssh")
    if ssh is None:
        raise ConfigError("ssh is not installed on this machine", hint="install it: apt-get install openssh-client")
    named = {name: [ssh, *command[1:]] if command[0] == "ssh" else command for name, command in commands.items()}
    cases = "".join(f"    {name}) exec {shlex.join(command)} ;;\n" for name, command in named.items())
    # A jump host is reached by the `ssh` that is found first, which is this one.
    return f'#!/bin/sh\nfor word; do\n  case "$word" in\n{cases}  esac\ndone\nexec {shlex.quote(ssh)} "$@"\n'
