"""Runs servers for the tests of method api: the stand-in inside this process, built or empty, and clients of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backups.services.grafana.client import Client
from deployments.grafana_standin import edits
from deployments.grafana_standin.database import Layout, build
from deployments.grafana_standin.serving import serving

LOGIN, PASSWORD = "harbour-master", "a new server's first password"
TOKEN = "glsa_reads_everything_of_its_organisation"


@contextmanager
def built(directory: Path, layout: Layout = "resource", token: str = TOKEN) -> Iterator[str]:
    """A server that holds something of every kind, with a service account that may see its organisation; its URL."""
    directory.mkdir(exist_ok=True)
    build(directory / "grafana.db", layout=layout)
    edits.add_service_account(directory / "grafana.db", "lifeboat", "Admin", token)
    with serving(directory) as url:
        yield url


@contextmanager
def empty(directory: Path) -> Iterator[str]:
    """A new server that holds nothing but its first user; its URL."""
    directory.mkdir(exist_ok=True)
    with serving(directory, GF_SECURITY_ADMIN_USER=LOGIN, GF_SECURITY_ADMIN_PASSWORD=PASSWORD) as url:
        yield url


def admin(url: str) -> Client:
    """Asked as the administrator of a built server."""
    return Client.basic(url, "admin", "admin", direct=True)


def first(url: str) -> Client:
    """Asked as the first user of an empty server."""
    return Client.basic(url, LOGIN, PASSWORD, direct=True)


def robot(url: str, token: str = TOKEN) -> Client:
    """Asked by a token."""
    return Client(url, f"Bearer {token}", direct=True)
