"""Finds the demo's images: official ones on this machine or pulled, else ones built from Debian packages."""

import logging
from dataclasses import dataclass
from pathlib import Path

from backups.errors import LifeboatError
from backups.machine import processes
from backups.machine.docker import Docker, Image

log = logging.getLogger(__name__)

_BUILD = Path(__file__).parents[1] / "images" / "build.sh"


@dataclass(frozen=True)
class Wanted:
    """An official image, and the one that `deployments/images/build.sh` makes in its place under the name `build`."""

    official: str
    built: str
    build: str


MYSQL = Wanted("mysql:9.7", "lifeboat/mysql:9.7", "mysql")
PROMETHEUS = Wanted("prom/prometheus:v3.5.0", "lifeboat/prometheus:3.5", "prometheus")
GRAFANA = Wanted("grafana/grafana:12.4.1", "lifeboat/grafana-standin:12.4", "grafana-standin")


@dataclass(frozen=True)
class Images:
    """What the three sources and their copies run on."""

    mysql: Image
    prometheus: Image
    grafana: Image


def obtain(docker: Docker) -> Images:
    """Find, pull or build all three; raises LifeboatError when one is not to be found and cannot be built."""
    return Images(
        mysql=_obtain(docker, MYSQL),
        prometheus=_obtain(docker, PROMETHEUS),
        grafana=_obtain(docker, GRAFANA, standin=True),
    )


def _obtain(docker: Docker, wanted: Wanted, *, standin: bool = False) -> Image:
    """Find, pull or build one. `standin`: the built image is not the real server, so a pull is tried first even if it is here."""
    found = docker.present(wanted.official) or (None if standin else docker.present(wanted.built))
    if found:
        return found
    try:
        log.info("images: pulling %s", wanted.official)
        return docker.image(wanted.official)
    except LifeboatError:
        log.info("images: %s cannot be pulled here; using %s", wanted.official, wanted.built)
    return docker.present(wanted.built) or _build(docker, wanted)


def _build(docker: Docker, wanted: Wanted) -> Image:
    log.info("images: building %s from Debian packages, which takes a minute or two", wanted.built)
    completed = processes.run([str(_BUILD), wanted.build])
    found = docker.present(wanted.built)
    if completed.code != 0 or found is None:
        raise LifeboatError(
            f"the image {wanted.built} could not be built (code {completed.code}): {' '.join(completed.errors[-400:].split())}",
            hint=f"docker pull {wanted.official} where there is a registry; else see deployments/images/README.md",
        )
    return found
