"""Finds the target that an operator names after `--to`."""

from backups.errors import ConfigError
from backups.machine.docker import Docker
from backups.places.container import NewContainer
from backups.places.parse import parse
from backups.services.base import Service
from backups.services.received import Received
from backups.site import Site
from verification.restore.target.api import ApiTarget
from verification.restore.target.base import Target
from verification.restore.target.container import ContainerTarget
from verification.restore.target.own import is_own
from verification.restore.target.place import PlaceTarget


def open_target(text: str, site: Site, docker: Docker, service: Service, *, served: bool) -> Target:
    """The target that `text` names; raises ConfigError for text that names none.

    served: a service is to run on what is put there: it is stopped and started, where the place is its own
    """
    kind, _, url = text.partition(":")
    if kind == "api":
        if not isinstance(service, Received):
            raise ConfigError(
                f"{service.name} cannot be restored to {text!r}", hint="only Grafana takes a restore through its API"
            )
        if url and not url.startswith(("http://", "https://")):
            raise ConfigError(f"{text!r} names no server", hint="api: the service's own url; or api:https://another.example")
        return ApiTarget(service.receiver(url or None), site.state, service.name)
    container = NewContainer.named(text, docker)
    if container:
        return ContainerTarget(container, service, docker)
    place = parse(text, docker, site.hosts)
    return PlaceTarget(place, text, site, service, docker, served and is_own(text, service, docker, site.hosts))
