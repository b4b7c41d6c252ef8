"""Runs shell scripts on another machine about one directory there: quoting, retries, and errors.

The other machine needs sh and the GNU tools (tar, find, coreutils), and nothing of Lifeboat.
"""

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypeVar

from backups.errors import LifeboatError, Transient
from backups.hosts.connection import HostConnection
from backups.hosts.session import CommandResult

Result = TypeVar("Result")

ATTEMPTS = 3
"""How often what may be done twice is tried when the connection breaks."""

PAUSE = 1.0
"""Seconds before the second attempt; twice that before the third."""

SECONDS = 3600.0
"""How long a script may take: listing a large directory, syncing a slow disk."""

_LEADS_OUT = 66


@dataclass(frozen=True)
class RemoteRoot:
    """The directory `root` on a machine; `name` is shown in messages."""

    connection: HostConnection
    root: str
    name: str

    def run_script(self, script: str, *, stdin: bytes | None = None, retry: bool = True) -> CommandResult:
        """Run a script of sh on the machine, in the C locale. `retry`: after a broken connection, for one that only reads."""

        def run() -> CommandResult:
            return self.require_sudo(self.connection.run(f"export LC_ALL=C\n{script}", stdin=stdin, seconds=SECONDS))

        return with_retries(run) if retry else run()

    def run_inside(self, path: str, script: str, *, retry: bool = True) -> CommandResult:
        """Run a script about one path below the root, in `$t` there; raises LifeboatError when the path leads outside."""
        guard = f"""
            whole() {{ realpath -m -- "$1" && echo .; }}
            r=$(whole {quoted(self.root)}) || exit; r=${{r%??}}
            t=$(whole {quoted(self.inside(path))}) || exit; t=${{t%??}}
            case "$t" in "$r" | "${{r%/}}"/*) ;; *) exit {_LEADS_OUT} ;; esac
            t={quoted(self.inside(path))}
        """
        result = self.run_script(guard + script, retry=retry)
        if result.code == _LEADS_OUT:
            raise self.leads_out(path)
        return result

    def inside(self, path: str) -> str:
        """Return the path on the machine; raises LifeboatError when it leads outside as it is written."""
        if ".." in PurePosixPath(path).parts or path.startswith("/"):
            raise self.leads_out(path)
        return str(PurePosixPath(self.root) / path)

    def leads_out(self, path: str) -> LifeboatError:
        """Return the error for a path that leads outside."""
        return LifeboatError(
            f"{path} leads out of {self.name}", hint="give paths below the place, without links that lead out of it"
        )

    def require_sudo(self, result: CommandResult) -> CommandResult:
        """Return the result; raises LifeboatError when it is an error of sudo's."""
        if result.code == 1 and result.errors.startswith("sudo:"):
            raise LifeboatError(
                f"{self.connection.settings.user} may not use sudo on {self.connection}: {last_line(result)}",
                hint=f"write to a file in /etc/sudoers.d there: {self.connection.settings.user} ALL=(root) NOPASSWD: ALL",
            )
        return result

    def fault(self, what: str, result: CommandResult) -> LifeboatError:
        """Return the error for a script that failed; `what` says what could not be done."""
        hint = "may its user do that there? set `sudo: true` for the host, or log in as the owner of the files"
        return LifeboatError(f"{what}: {last_line(result)}", hint=hint)


def with_retries(action: Callable[[], Result]) -> Result:
    """Return what `action` returns, tried again while it raises Transient (a broken connection), `ATTEMPTS` times in all."""
    for attempt in range(1, ATTEMPTS):
        try:
            return action()
        except Transient:
            time.sleep(PAUSE * attempt)
    return action()


def quoted(path: str) -> str:
    """Quote a path for sh."""
    return shlex.quote(path)


def last_line(result: CommandResult) -> str:
    """Return the last line of a script's error output; its exit code when there is none."""
    lines = [line.strip() for line in result.errors.splitlines() if line.strip()]
    # The last line of tar only says that there were errors.
    telling = [line for line in lines if "Exiting with failure status" not in line and "is not recoverable" not in line]
    return (telling or lines or [f"exit code {result.code}"])[-1]


def fields(output: bytes) -> list[str]:
    """Split an output in which each field ends with a NUL."""
    return [field.decode("utf-8", "surrogateescape") for field in output.split(b"\0")[:-1]]


def nul_terminated(names: list[str]) -> bytes:
    """Join names for a command's input, each ended by a NUL."""
    return b"".join(name.encode("utf-8", "surrogateescape") + b"\0" for name in names)
