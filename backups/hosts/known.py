"""Host keys, strictly: a machine is the one that known_hosts says, or nothing is sent to it. Nothing is learnt on its own."""

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
        """The file that is asked."""
        return (self.settings.known_hosts or Path("~/.ssh/known_hosts")).expanduser()

    def keys(self) -> list[paramiko.PKey]:
        """Every key that the file has for this machine, in its order; none when there is no file."""
        return [entry.key for marker, entry in self._entries() if not marker and self._is_ours(entry)]

    def check(self, offered: paramiko.PKey) -> None:
        """Raise LifeboatError, naming both fingerprints, unless the offered key is one of the known."""
        if any(entry.key == offered for marker, entry in self._entries() if marker == "@revoked"):
            raise LifeboatError(
                f"{self._told} offers a key that {self.file} has revoked: {words(offered)}",
                hint="whoever answers there has a key that was given up: find out who it is",
            )
        known = self.keys()
        if offered in known:
            return
        plain = offered.get_name().removeprefix("ssh-").partition("-")[0]
        compare = (
            f"compare it on the machine itself: ssh-keygen -lf /etc/ssh/ssh_host_{plain}_key.pub; if it says the same: "
            f"echo '{self.settings.known_as} {offered.get_name()} {offered.get_base64()}' >> {self.file}"
        )
        if known:
            same = next((key for key in known if key.get_name() == offered.get_name()), known[0])
            raise LifeboatError(
                f"the host key of {self._told} has changed: it offers {words(offered)}, {self.file} knows {words(same)}",
                hint=f"somebody may stand between; if the machine was installed anew, {compare} "
                f"after: ssh-keygen -R '{self.settings.known_as}' -f {self.file}",
            )
        there = "has no key of it" if self.file.is_file() else "is not there"
        raise LifeboatError(
            f"the host key of {self._told} is not known: it offers {words(offered)}, {self.file} {there}", hint=compare
        )

    @property
    def _told(self) -> str:
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
                f"the host keys of {self._told} cannot be read: {self.file}: {error.strerror}", hint="check its mode and owner"
            ) from error
        for number, line in enumerate(lines, 1):
            fields = line.split()
            if not fields or fields[0].startswith("#"):
                continue
            marker = fields.pop(0) if fields[0].startswith("@") else ""
            try:
                entry = HostKeyEntry.from_line(" ".join(fields), number)
            except (paramiko.SSHException, ValueError):
                # Somebody else's kind of key, or a slip: whoever it was for is unknown then, and refused.
                continue
            if entry is not None and entry.key is not None:
                yield marker, entry


def words(key: paramiko.PKey) -> str:
    """A key for a person: its type and its fingerprint as OpenSSH writes it."""
    return f"{key.get_name()} {key.fingerprint}"
