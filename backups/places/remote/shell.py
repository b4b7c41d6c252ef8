"""A directory of another machine, as shell scripts there see it: quoting, guarding, asking, and telling faults.

The other machine needs sh and the GNU tools (tar, find, coreutils), and nothing of ours.
"""

import shlex
import time
from dataclasses import dataclass
from pathlib import PurePosixPath

from backups.errors import LifeboatError, Transient
from backups.hosts.connection import HostConnection
from backups.hosts.session import Said

ATTEMPTS = 3
"""How often something that only reads is tried when the connection breaks."""

PAUSE = 1.0
"""Seconds before the second attempt; twice that before the third."""

SECONDS = 3600.0
"""How long a question may take: listing a large directory, syncing a slow disk."""

_LEADS_OUT = 66


@dataclass(frozen=True)
class Far:
    """`root` on a machine; `name` is what messages call it."""

    connection: HostConnection
    root: str
    name: str

    def ask(self, script: str, *, stdin: bytes | None = None, again: bool = True) -> Said:
        """Run a script of sh there, in the C locale. `again`: it only reads, so a broken connection is tried anew."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self.permitted(self.connection.run(f"export LC_ALL=C\n{script}", stdin=stdin, seconds=SECONDS))
            except Transient:
                if not again or attempt == ATTEMPTS:
                    raise
                time.sleep(PAUSE * attempt)
        raise AssertionError("unreachable")

    def ask_inside(self, path: str, script: str, *, again: bool = True) -> Said:
        """The same about one path below the root, which the script finds in `$t`; raises LifeboatError when it leads outside."""
        guard = f"""
            whole() {{ realpath -m -- "$1" && echo .; }}
            r=$(whole {quoted(self.root)}) || exit; r=${{r%??}}
            t=$(whole {quoted(self.inside(path))}) || exit; t=${{t%??}}
            case "$t" in "$r" | "${{r%/}}"/*) ;; *) exit {_LEADS_OUT} ;; esac
            t={quoted(self.inside(path))}
        """
        said = self.ask(guard + script, again=again)
        if said.code == _LEADS_OUT:
            raise self.leads_out(path)
        return said

    def inside(self, path: str) -> str:
        """The path there; raises LifeboatError when its words alone lead outside."""
        if ".." in PurePosixPath(path).parts or path.startswith("/"):
            raise self.leads_out(path)
        return str(PurePosixPath(self.root) / path)

    def leads_out(self, path: str) -> LifeboatError:
        """The error for a path that leads outside."""
        return LifeboatError(
            f"{path} leads out of {self.name}", hint="give paths below the place, and no link that leads elsewhere"
        )

    def permitted(self, said: Said) -> Said:
        """What was said; raises LifeboatError when sudo said it."""
        if said.code == 1 and said.errors.startswith("sudo:"):
            raise LifeboatError(
                f"{self.connection.settings.user} may not use sudo on {self.connection}: {last_line(said)}",
                hint=f"a file in /etc/sudoers.d there: {self.connection.settings.user} ALL=(root) NOPASSWD: ALL",
            )
        return said

    def fault(self, what: str, said: Said) -> LifeboatError:
        """The error for a script that failed; `what` says what could not be done."""
        hint = "may Lifeboat do that there? set `sudo: true` for the host, or come as the owner of the files"
        return LifeboatError(f"{what}: {last_line(said)}", hint=hint)


def quoted(path: str) -> str:
    """A path as a word of sh."""
    return shlex.quote(path)


def last_line(said: Said) -> str:
    """What a script complained about last, without its own name; its exit code when it said nothing."""
    lines = [line.strip() for line in said.errors.splitlines() if line.strip()]
    # tar closes with a line that says nothing but that there were others.
    telling = [line for line in lines if "Exiting with failure status" not in line and "is not recoverable" not in line]
    return (telling or lines or [f"exit code {said.code}"])[-1]


def words(output: bytes) -> list[str]:
    """The words of an output, each ended by a NUL."""
    return [word.decode("utf-8", "surrogateescape") for word in output.split(b"\0")[:-1]]


def lines_of(names: list[str]) -> bytes:
    """Names as an input: each ended by a NUL."""
    return b"".join(name.encode("utf-8", "surrogateescape") + b"\0" for name in names)
