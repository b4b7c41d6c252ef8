"""Builds the `ssh` command by which restic reaches a repository over SFTP.

It runs in batch mode: nothing is asked at a prompt, which nobody would answer at night; what is missing is an error.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from backups.errors import ConfigError
from backups.hosts import Hosts
from backups.hosts.settings import HostSettings
from backups.machine import processes
from backups.machine.processes import Completed

_ALWAYS = ("BatchMode=yes", "ConnectTimeout=20", "ServerAliveInterval=30", "ServerAliveCountMax=4")
_SHORT = re.compile(r"sftp:(?!//)(?:(?P<user>[^/:]+)@)?(?P<host>\[[^\]/]+\]|[^/:@\[\]]+):")


@dataclass(frozen=True)
class _Target:
    host: str
    user: str | None
    port: int | None


def options(url: str, hosts: Hosts) -> Mapping[str, str]:
    """Return the options that restic needs beside the url: `sftp.command`, or none for other kinds of repositories."""
    found = command(url, hosts)
    if any("'" in part for part in found):
        # restic splits the command by its own rules, which allow no quote within a quote.
        raise ConfigError(
            "restic cannot use the jump host of the repository: the path of its key_file or known_hosts holds a space or a quote",
            hint="move those files to paths without spaces and quotes",
        )
    return {"sftp.command": shlex.join(found)} if found else {}


def command(url: str, hosts: Hosts) -> list[str]:
    """Return the command that starts an SFTP session with the repository's host; empty for other kinds of repositories.

    url: `sftp:user@host:/path`, `sftp://user@host:port//path`, or `sftp:NAME:/path` with an entry NAME of `hosts:`, whose
    key, known hosts and jump host are used then. For the others, ~/.ssh/config of the user that runs Lifeboat applies.
    Raises ConfigError for a url that names no host, or an entry of `hosts:` that `ssh` cannot use.
    """
    if not url.startswith("sftp:"):
        return []
    target = _target(url)
    if target.user is None and target.port is None and target.host in hosts.configured:
        reached = _configured(target.host, hosts, ())
    else:
        port = [] if target.port is None else ["-p", str(target.port)]
        user = [] if target.user is None else ["-l", target.user]
        reached = ["ssh", *_flags(_ALWAYS), *port, *user, "--", target.host]
    return [*reached[:-2], "-s", *reached[-2:], "sftp"]


def with_errors_of_ssh(completed: Completed, url: str, hosts: Hosts) -> Completed:
    """Add the errors of ssh to those of a restic, by running it once more: restic may end before it has passed them on."""
    if completed.code == 0 or not url.startswith("sftp:") or "unable to start the sftp session" not in completed.errors:
        return completed
    ssh = processes.run(command(url, hosts))
    if ssh.code == 0:
        return completed
    others = [line for line in completed.errors.splitlines() if not line.startswith("subprocess ssh:")]
    return Completed(completed.code, completed.output, "\n".join([ssh.errors, *others]))


def with_host(url: str, host: str) -> str:
    """Return an SFTP url with another host in the place of its own one, without user and port; its path stays."""
    if url.startswith("sftp://"):
        return f"sftp://{host}{urlsplit(url).path}"
    return _SHORT.sub(lambda _: f"sftp:{host}:", url, count=1)


def _target(url: str) -> _Target:
    bad = ConfigError(
        "repository.url is not a valid SFTP address",
        hint="write sftp:user@host:/path, or sftp://user@host:port//path (two / before path)",
    )
    if url.startswith("sftp://"):
        try:
            parts: SplitResult = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise bad from None
        if not host:
            raise bad
        return _Target(host, parts.username, port)
    found = _SHORT.match(url)
    if found is None:
        raise bad
    return _Target(found["host"].strip("[]"), found["user"], None)


def _configured(name: str, hosts: Hosts, through: tuple[str, ...]) -> list[str]:
    """Return the command that reaches an entry of `hosts:`, without what is run there."""
    host = hosts.settings(name)
    if name in through:
        raise ConfigError(
            f"hosts.{name}.jump leads back to itself: {' → '.join([*through, name])}",
            hint="remove the `jump:` of the one that can be reached directly",
        )
    flags = [*_ALWAYS, "StrictHostKeyChecking=yes", *_keys(name, host)]
    if host.known_hosts is not None:
        flags.append(f"UserKnownHostsFile={_plain(host.known_hosts)}")
    if host.jump is not None:
        jump = shlex.join(_configured(host.jump, hosts, (*through, name))).replace("%", "%%")
        command, _, address = jump.rpartition(" -- ")
        flags.append(f"ProxyCommand={command} -W [%h]:%p -- {address}")
    return ["ssh", *_flags(flags), "-p", str(host.port), "-l", host.user, "--", host.host]


def _keys(name: str, host: HostSettings) -> list[str]:
    agent = host.agent if host.agent is not None else host.key_file is None
    if host.passphrase is not None and not agent:
        raise ConfigError(
            f"the key of hosts.{name} has a passphrase, which restic cannot pass to `ssh`",
            hint=f"load it into an ssh-agent and set hosts.{name}.agent: true, or use a key without one for the repository",
        )
    flags = [] if agent else ["IdentityAgent=none"]
    if host.key_file is not None:
        flags.append(f"IdentityFile={_plain(host.key_file)}")
        # Else ssh tries every key that it finds, and servers end the connection after a few.
        flags += [] if agent else ["IdentitiesOnly=yes"]
    return flags


def _plain(path: object) -> str:
    """Quote a path: ssh reads % as the beginning of a token, and a space as the end of the path."""
    text = str(path).replace("%", "%%")
    return f'"{text}"' if re.search(r"\s", text) else text


def _flags(flags: "list[str] | tuple[str, ...]") -> list[str]:
    return [part for flag in flags for part in ("-o", flag)]
