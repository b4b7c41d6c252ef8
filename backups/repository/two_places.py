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
from dataclasses import dataclass
from pathlib import Path

from backups.errors import ConfigError
from backups.hosts import Hosts
from backups.machine import private
from backups.repository import sftp

_FROM, _TO = "lifeboat-copies-from", "lifeboat-copies-to"

_OF_THE_OPERATOR = (
    "RESTIC_FROM_REPOSITORY_FILE",
    "RESTIC_FROM_PASSWORD_FILE",
    "RESTIC_FROM_PASSWORD_COMMAND",
    "RESTIC_FROM_KEY_HINT",
)


@dataclass(frozen=True)
class Reached:
    """What restic is told: its `-o` options, and variables, which name both repositories."""

    options: Mapping[str, str]
    environment: Mapping[str, str]


@contextmanager
def reached(source: tuple[str, Hosts], target: tuple[str, Hosts], password: str, folder: Path) -> Iterator[Reached]:
    """Yield how restic reaches both; `folder` is a directory for the `ssh`, which is there within the block only.

    source, target: the url of each, and the machines that it may name; password: of the source
    """
    commands = {_FROM: sftp.command(*source), _TO: sftp.command(*target)}
    if not all(commands.values()):
        yield Reached({**sftp.options(*source), **sftp.options(*target)}, _variables(source[0], target[0], password))
        return
    private.make(folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix="ssh-") as directory:
        program = Path(directory, "ssh")
        program.write_text(_script(commands), encoding="utf-8")
        program.chmod(0o700)
        path = {"PATH": os.pathsep.join([directory, os.environ.get("PATH", os.defpath)])}
        yield Reached({}, {**_variables(sftp.with_host(source[0], _FROM), sftp.with_host(target[0], _TO), password), **path})


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
    cases = "".join(f"    {name}) exec {shlex.join([ssh, *command[1:]])} ;;\n" for name, command in commands.items())
    # A jump host is reached by the `ssh` that is found first, which is this one.
    return f'#!/bin/sh\nfor word; do\n  case "$word" in\n{cases}  esac\ndone\nexec {shlex.quote(ssh)} "$@"\n'
