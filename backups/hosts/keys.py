"""Finds the private keys to log in with: the configured key file, or the keys of a running ssh-agent.

Keys that happen to be in ~/.ssh are never tried, and neither are passwords.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from paramiko.ssh_exception import PasswordRequiredException

from backups.errors import ConfigError
from backups.hosts.settings import HostSettings


@contextmanager
def configured(name: str, settings: HostSettings) -> Iterator[list[paramiko.PKey]]:
    """Yield the keys to offer to one machine, in order, usable within the block; raises ConfigError when there are none."""
    with ExitStack() as stack:
        found = [] if settings.key_file is None else [_from_file(name, settings)]
        if settings.agent if settings.agent is not None else settings.key_file is None:
            agent = paramiko.Agent()
            stack.callback(agent.close)
            found += agent.get_keys()
        if not found:
            agents = "agent: false is set" if settings.agent is False else "no ssh-agent offers a key"
            raise ConfigError(
                f"no SSH key for {name} ({settings.address}): hosts.{name} has no key_file, and {agents}",
                hint=f"set hosts.{name}.key_file in lifeboat.yaml; `ssh-keygen -t ed25519` makes a key",
            )
        yield found


def _from_file(name: str, settings: HostSettings) -> paramiko.PKey:
    path = settings.key_file.expanduser() if settings.key_file else None
    passphrase = settings.passphrase.reveal().encode() if settings.passphrase else None
    unusable = f"the key file of {name} cannot be used: {path}"
    try:
        return paramiko.PKey.from_path(path, passphrase)  # type: ignore[arg-type]
    except OSError as error:
        raise ConfigError(
            f"{unusable}: {error.strerror}",
            hint="is the path right, and may Lifeboat read it? `ssh-keygen -t ed25519` makes a key",
        ) from error
    except (TypeError, PasswordRequiredException):
        if passphrase is not None:
            raise ConfigError(
                f"{unusable}: it has no passphrase, and one is configured", hint=f"leave hosts.{name}.passphrase out"
            ) from None
        raise ConfigError(
            f"{unusable}: it is protected by a passphrase, and none is configured",
            hint=f"set hosts.{name}.passphrase: ${{NAME}}, or load the key into an ssh-agent",
        ) from None
    except (ValueError, paramiko.SSHException, UnsupportedAlgorithm):
        reason = "the passphrase is wrong, or it is" if passphrase else "it is"
        raise ConfigError(
            f"{unusable}: {reason} no private key that can be read", hint="name the private key, not the .pub beside it"
        ) from None
