"""The only package that talks to Docker: images, containers, networks and volumes of this machine."""

from backups.machine.docker.client import RUN_LABEL, STANDIN_LABEL, STATE_LABEL, Docker, Limits
from backups.machine.docker.container import Container, Image

__all__ = ["RUN_LABEL", "STANDIN_LABEL", "STATE_LABEL", "Container", "Docker", "Image", "Limits"]
