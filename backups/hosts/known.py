"""Compares a machine's host key with known_hosts, and refuses an unknown or a changed one.

Keys are never added to the file by Lifeboat.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
from paramiko.hostkeys import HostKeyEntry, HostKeys

from backups.errors import LifeboatError
from backups.hosts.settings import HostSettings


@dataclass(frozen=True)
class KnownHosts:
    """One machine in its known_hosts file. `name` is what lifeboat.yaml calls it."""

    name: str
    settings: HostSettings

    @property
    def file(self) -> Path:
        """The known_hosts file that is read."""
        return (self.settings.known_hosts or Path("~/.ssh/known_hosts")).expanduser()

    def keys(self) -> list[paramiko.PKey]:
        """Return every key that the file has for this machine, in the file's order; none when there is no file."""
        return [entry.key for marker, entry in self._entries() if not marker and self._is_ours(entry)]

    def check(self, offered: paramiko.PKey) -> None:
        """Raise LifeboatError, naming both fingerprints, unless the offered key is one of the known."""
        if any(entry.key == offered for marker, entry in self._entries() if marker == "@revoked"):
            raise LifeboatError(
                f"{self._shown} offers a key that {self.file} has revoked: {describe(offered)}",
                hint="the machine that answers uses a key that was revoked: find out which machine it is",
            )
        known = self.keys()
        if offered in known:
            return
        plain = offered.get_name().removeprefix("ssh-").partition("-")[0]
        compare = (
            f"compare it on the machine itself: ssh-keygen -lf /etc/ssh/ssh_host_{plain}_key.pub; if it is the same: "
            f"echo '{self.settings.known_as} {offered.get_name()} {offered.get_base64()}' >> {self.file}"
        )
        if known:
            same = next((key for key in known if key.get_name() == offered.get_name()), known[0])
            raise LifeboatError(
                f"the host key of {self._shown} has changed: it offers {describe(offered)}, {self.file} knows {describe(same)}",
                hint=f"another machine may be answering in its place; if it was installed anew, {compare} "
                f"after: ssh-keygen -R '{self.settings.known_as}' -f {self.file}",
            )
        there = "has no key for it" if self.file.is_file() else "does not exist"
        raise LifeboatError(
            f"the host key of {self._shown} is not known: it offers {describe(offered)}, {self.file} {there}", hint=compare
        )

    @property
    def _shown(self) -> str:
        return f"{self.name} ({self.settings.known_as})"

    def _is_ours(self, entry: HostKeyEntry) -> bool:
        name = self.settings.known_as
        return any(
            pattern == name or (pattern.startswith("|1|") and HostKeys.hash_host(name, pattern) == pattern)
            for pattern in entry.hostnames
        )

    def _entries(self) -> Iterator[tuple[str, HostKeyEntry]]:
        """Each line's marker (`@revoked`, `@cert-authority` or none) and entry."""
        try:
            lines = self.file.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return
        except OSError as error:
            raise LifeboatError(
                f"the host keys of {self._shown} cannot be read: {self.file}: {error.strerror}",
                hint="check the file's mode and owner",
            ) from error
        for number, line in enumerate(lines, 1):
            fields = line.split()
            if not fields or fields[0].startswith("#"):
                continue
            marker = fields.pop(0) if fields[0].startswith("@") else ""
            try:
                entry = HostKeyEntry.from_line(" ".join(fields), number)
            except (paramiko.SSHException, ValueError):
                # An unknown type of key, or a typing error: the machine that the line is for stays unknown, and is refused.
                continue
            if entry is not None and entry.key is not None:
                yield marker, entry


def describe(key: paramiko.PKey) -> str:
    """Write a key for a person: its type and its fingerprint, as OpenSSH does."""
    return f"{key.get_name()} {key.fingerprint}"
