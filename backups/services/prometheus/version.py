"""Compares versions: a copy must run on the source's major version, since 2.x and 3.x answer range queries differently."""

import re

from backups.errors import ConfigError, LifeboatError, Transient
from backups.machine.docker import Docker, Image
from backups.services.upgraded import VERSION_SECONDS

_VERSION = re.compile(r"version (\S+)")


def major(version: str) -> int:
    """Return the first number of a version; raises LifeboatError for text that is not one."""
    match = re.match(r"v?(\d+)\.", version)
    if match is None:
        raise LifeboatError(f"{version!r} is not a version of Prometheus", hint="is this url Prometheus?")
    return int(match.group(1))


def of_image(docker: Docker, image: Image, name: str) -> str:
    """Return the version of the Prometheus in an image, by running it in a container called `name`.

    Raises ConfigError when there is none in it.
    """
    try:
        container = docker.run(name, image, entrypoint=["/bin/prometheus"], command=["--version"])
    except Transient:
        raise
    except LifeboatError as error:
        raise ConfigError(
            f"the image {image.name} does not hold Prometheus: {error.message.replace(f'the image {image.name}', 'it')}",
            hint="set `image` to one of prom/prometheus",
        ) from error
    try:
        code, output = container.wait(VERSION_SECONDS), container.logs(20)
    finally:
        container.remove()
    match = _VERSION.search(output)
    if code != 0 or match is None:
        raise ConfigError(
            f"the image {image.name} does not hold Prometheus: /bin/prometheus --version ends with code {code}: "
            f"{' '.join(output[:200].split())}",
            hint="set `image` to one of prom/prometheus",
        )
    return match.group(1)


def check_same_major(source: str, image_version: str, image: str) -> None:
    """Raise ConfigError unless both are of one major version."""
    if major(source) != major(image_version):
        raise ConfigError(
            f"the source is Prometheus {source}, the image {image} holds {image_version}: "
            "they answer range queries differently, so nothing could be verified",
            hint=f"set `image` to Prometheus {major(source)}.x, best to the source's version {source}",
        )
