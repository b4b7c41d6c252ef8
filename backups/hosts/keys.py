"""By which key we come: a key file, or the keys of a running ssh-agent. Never whatever lies in ~/.ssh, never a password."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from paramiko.ssh_exception import PasswordRequiredException

from backups.errors import ConfigError
from backups.hosts.settings import HostSettings


@contextmanager
def ours(name: str, settings: HostSettings) -> Iterator[list[paramiko.PKey]]:
    """The keys that are offered to one machine, in order, usable within the block; raises ConfigError when there is none."""
    with ExitStack() as stack:
        found = [] if settings.key_file is None else [_from_file(name, settings)]
        if settings.agent if settings.agent is not None else settings.key_file is None:
            agent = paramiko.Agent()
            stack.callback(agent.close)
            found += agent.get_keys()
        if not found:
            silent = "agent: false" if settings.agent is False else "no ssh-agent offers one"
            raise ConfigError(
                f"there is no key to come to {name} ({settings.address}) by: it has no key_file, and {silent}",
                hint=f"set hosts.{name}.key_file in lifeboat.yaml; `ssh-keygen -t ed25519` makes one",
            )
        yield found


def _from_file(name: str, settings: HostSettings) -> paramiko.PKey:
    path = settings.key_file.expanduser() if settings.key_file else None
    passphrase = settings.passphrase.reveal().encode() if settings.passphrase else None
    told = f"the key file of {name} cannot be used: {path}"
    try:
        return paramiko.PKey.from_path(path, passphrase)  # type: ignore[arg-type]
    except OSError as error:
        raise ConfigError(
            f"{told}: {error.strerror}", hint="is the path right, and may Lifeboat read it? `ssh-keygen -t ed25519` makes one"
        ) from error
    except (TypeError, PasswordRequiredException):
        if passphrase is not None:
            raise ConfigError(
                f"{told}: it is not locked, yet has a passphrase", hint=f"leave hosts.{name}.passphrase out"
            ) from None
        raise ConfigError(
            f"{told}: it is locked by a passphrase, and none is configured",
            hint=f"set hosts.{name}.passphrase: ${{NAME}}, or offer the key by an ssh-agent",
        ) from None
    except (ValueError, paramiko.SSHException, UnsupportedAlgorithm):
        reason = "the passphrase is wrong, or it is" if passphrase else "it is"
        raise ConfigError(
            f"{told}: {reason} no private key that can be read", hint="name the private key, not the .pub beside it"
        ) from None
