"""Asks a running service for its version and looks where its files are: what `lifeboat init` writes down.

Changes nothing.
"""

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from backups.errors import LifeboatError
from backups.machine.docker import Docker
from backups.services.grafana.client import Client as Grafana
from backups.services.http.address import shown
from backups.services.mysql.versions import Version
from backups.services.prometheus.api import Api as Prometheus

_SECONDS = 10.0
_GREETING_WITH_VERSION = 10
"""The protocol version, the first byte of every MySQL server's greeting since 3.21."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Found:
    """What a service said.

    version: None when it did not answer, or does not say; then `fault` says why. image: what its copies can run on
    place, config_place: where its files were found, None where that could not be seen from this machine
    mariadb: whether a MySQL service is a MariaDB
    """

    image: str
    version: str | None = None
    fault: str | None = None
    place: str | None = None
    config_place: str | None = None
    mariadb: bool = False


def mysql(host: str, port: int, docker: Docker) -> Found:
    """Read the version from the greeting that the server sends to everybody: no user is needed."""
    try:
        version = Version.parse(_greeting(host, port))
    except (OSError, ValueError) as error:
        return Found("mysql:9.7", fault=f"MySQL at {host}:{port} did not answer: {_reason(error)}")
    kind = "mariadb" if version.mariadb else "mysql"
    # Any image of the series takes a clone since 8.0.37, and a dump; before, it has to be the same release.
    exact = not version.mariadb and version.number < (8, 0, 37)
    tag = version.release if exact else version.series
    image = _image([f"{kind}:{version.release}", f"{kind}:{tag}", f"lifeboat/{kind}:{version.series}"], f"{kind}:{tag}", docker)
    return Found(image, version=version.release, mariadb=version.mariadb)


def prometheus(url: str, account: tuple[str, str] | None, docker: Docker) -> Found:
    """Ask for the version and the flags, which name the data directory and the configuration file."""
    api = Prometheus(url.rstrip("/"), account)
    try:
        version, flags = api.version(), api.flags()
    except LifeboatError as error:
        return Found("prom/prometheus:v3.5.0", fault=error.message)
    # A packager's suffix (3.5.3+ds1) is in no image's tag.
    release = _release(version)
    series = ".".join(release.split(".")[:2])
    image = _image([f"prom/prometheus:v{release}", f"lifeboat/prometheus:{series}"], f"prom/prometheus:v{release}", docker)
    configuration = str(Path(flags.get("config.file", "")).parent)
    return Found(
        image,
        version=version,
        place=_place(url, flags.get("storage.tsdb.path", ""), docker),
        config_place=_place(url, configuration, docker),
    )


def grafana(url: str, docker: Docker) -> Found:
    """Ask /api/health for the version, which needs no account."""
    try:
        version = Grafana(url.rstrip("/")).health(_SECONDS).version
    except LifeboatError as error:
        return Found("grafana/grafana:12.4.1", fault=error.message)
    place, configuration = (
        _place(url, "/var/lib/grafana", docker, "grafana.db"),
        _place(url, "/etc/grafana", docker, "grafana.ini"),
    )
    if version is None:
        fault = f"Grafana at {shown(url)} answers and hides its version"
        return Found("grafana/grafana:12.4.1", fault=fault, place=place, config_place=configuration)
    return Found(f"grafana/grafana:{_release(version)}", version=version, place=place, config_place=configuration)


def _greeting(host: str, port: int) -> str:
    """The version in a MySQL server's first packet; raises OSError, or ValueError when it is not MySQL or sends us away."""
    with socket.create_connection((host, port), timeout=_SECONDS) as connection, connection.makefile("rb") as stream:
        head = stream.read(4)
        body = stream.read(int.from_bytes(head[:3], "little")) if len(head) == 4 else b""
    if body[:1] == b"\xff":
        raise ValueError(body[3:].decode(errors="replace"))
    if not body or body[0] != _GREETING_WITH_VERSION:
        raise ValueError("what listens there is not MySQL")
    # MariaDB puts a version that old clients accept before its own.
    return body[1:].partition(b"\0")[0].decode(errors="replace").removeprefix("5.5.5-")


def _release(version: str) -> str:
    """The version less whatever its packager has added."""
    found = re.match(r"\d+(\.\d+)*", version)
    return found.group() if found else version


def _image(preferred: Sequence[str], otherwise: str, docker: Docker) -> str:
    """The first of the images that is on this machine, else the one to be pulled."""
    try:
        return next((name for name in preferred if docker.present(name)), otherwise)
    except LifeboatError:
        return otherwise


def _place(url: str, path: str, docker: Docker, file: str = "") -> str | None:
    """Where this machine has the directory `path` of the server at `url`: in a container, or in its own file system."""
    if not path.startswith("/"):
        return None
    container = _container(url, docker)
    if container is not None:
        try:
            return f"docker:{container}:{path}" if (docker.host_path(container, path) / file).exists() else None
        except (LifeboatError, OSError):
            return None
    here = urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
    return f"local:{path}" if here and (Path(path) / file).exists() else None


def _container(url: str, docker: Docker) -> str | None:
    """The container of this machine that answers at `url`: by its address, or by a port that it publishes."""
    parts = urlsplit(url)
    port = parts.port or _PORTS.get(parts.scheme, 0)
    try:
        running = docker.client().containers.list()
    except Exception:  # noqa: BLE001 - whatever is wrong with Docker: then it is not known, and `doctor` says more
        return None
    for container in running:
        settings = container.attrs["NetworkSettings"]
        addresses = [network["IPAddress"] for network in settings["Networks"].values()]
        published = [binding["HostPort"] for bindings in settings["Ports"].values() for binding in bindings or ()]
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.hostname in addresses or (local and str(port) in published):
            return str(container.name)
    return None


def _reason(error: Exception) -> str:
    text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    return re.sub(r"\s+", " ", text).lower() if isinstance(error, OSError) else text
