"""Parses a place as it is written in lifeboat.yaml."""

from pathlib import Path

from backups.errors import ConfigError
from backups.hosts import Hosts
from backups.machine.docker import Docker
from backups.places.base import Place
from backups.places.local.place import LocalPlace

_EXAMPLES = "examples: local:/var/lib/grafana, docker:grafana:/var/lib/grafana, ssh:monitoring:/var/lib/grafana"


def parse(text: str, docker: Docker, hosts: Hosts) -> Place:
    """Return the place that `text` names. `docker:` asks Docker where the container's files are; `ssh:` does not connect yet.

    Raises ConfigError for text that is not a place or names a host that is not configured, LifeboatError when there is no
    such container.
    """
    kind, _, rest = text.partition(":")
    if kind == "local" and rest.startswith("/"):
        return LocalPlace(Path(rest))
    if kind == "docker":
        container, _, path = rest.partition(":")
        if container and path.startswith("/"):
            # Its files are read where Docker keeps them: at the disk's speed, and under the same SQLite locks as the service's.
            return LocalPlace(docker.host_path(container, path), name=text)
    if kind == "ssh":
        host, _, path = rest.partition(":")
        if host and path.startswith("/"):
            # Imported here: a process that uses no SSH does not wait for its library.
            from backups.places.remote.place import SshPlace

            return SshPlace(hosts.connect(host), path)
    raise ConfigError(f"{text!r} is not a place", hint=_EXAMPLES)
