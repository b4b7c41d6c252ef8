"""Describes how a restored Grafana's container starts, and waits until it is healthy and of the backup's version.

Its environment lets it talk to nobody and change nothing; both ways of bringing a backup back use it.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

from backups.errors import Damaged, LifeboatError
from backups.machine.docker import Container, Docker, Image
from backups.machine.wait import seldom, wait_until
from backups.manifest import Manifest
from backups.services.base import Sandbox
from backups.services.grafana.client import USER_HEADER, Client, Health
from backups.services.upgraded import VERSION_SECONDS

USER, GROUP = 472, 0
"""Who the official image runs as."""

PORT = 3000
INSIDE = "/var/lib/grafana"
INI = "lifeboat.ini"
PROVISIONING = "lifeboat-provisioning"

ENVIRONMENT = {
    "GF_PATHS_CONFIG": f"{INSIDE}/{INI}",
    "GF_PATHS_PROVISIONING": f"{INSIDE}/{PROVISIONING}",
    "GF_SERVER_PROTOCOL": "http",
    "GF_SERVER_HTTP_PORT": str(PORT),
    "GF_DATABASE_TYPE": "sqlite3",
    # Read as one of the database's own administrators, without a password. Only the sandbox's network reaches the copy.
    "GF_AUTH_PROXY_ENABLED": "true",
    "GF_AUTH_PROXY_HEADER_NAME": USER_HEADER,
    "GF_AUTH_PROXY_HEADER_PROPERTY": "username",
    "GF_AUTH_PROXY_AUTO_SIGN_UP": "false",
    # No alert is evaluated or sent: contact points of the source are in the database.
    "GF_UNIFIED_ALERTING_EXECUTE_ALERTS": "false",
    "GF_ALERTING_EXECUTE_ALERTS": "false",
    "GF_SMTP_ENABLED": "false",
    # Nothing is fetched from the internet; there is no way out, and waiting for it would cost time.
    "GF_ANALYTICS_REPORTING_ENABLED": "false",
    "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
    "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
    "GF_NEWS_NEWS_FEED_ENABLED": "false",
    "GF_PLUGINS_PREINSTALL_DISABLED": "true",
    "GF_PLUGINS_PUBLIC_KEY_RETRIEVAL_DISABLED": "true",
    "GF_SECURITY_DISABLE_GRAVATAR": "true",
    "GF_SNAPSHOTS_EXTERNAL_ENABLED": "false",
    # Its own cleaning removes history that the witness counted.
    "GF_DASHBOARDS_VERSIONS_TO_KEEP": "2147483647",
}

EMPTY_ENVIRONMENT = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("GF_AUTH_PROXY_")}
"""For a copy that begins empty: it lets in its first user, by password."""

READY_SECONDS = 300.0
_VERSION = re.compile(r"[0-9]{1,4}\.[0-9]{1,4}(?![0-9])")
_SAID = re.compile(r"Version ([0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4})")
ANOTHER_BACKUP = "verify another backup, and take a full"


def prepare_empty(directory: Path) -> None:
    """Make the data directory of a copy that begins empty: a configuration that says nothing, and nothing to provide."""
    (directory / PROVISIONING / "dashboards").mkdir(parents=True)
    directory.chmod(0o750 if os.geteuid() == 0 else 0o755)
    (directory / INI).touch(mode=0o600)


def wait(
    sandbox: Sandbox,
    container: Container,
    manifest: Manifest,
    written_by: Callable[[str], str | None] = lambda version: None,  # noqa: ARG005
    *,
    seconds: float = READY_SECONDS,
    of_any_version: bool = False,
) -> str:
    """Wait until the server in the container is healthy; its URL, for blocks of `Sandbox.reach`.

    written_by: says what a backup is of whose source did not say its version, where it is not of the given one
    of_any_version: whether it may be of another version than the backup
    Raises Damaged, with its last log lines, when it ends or never is healthy; LifeboatError when it is of another version.
    """
    answers: list[tuple[str, Health]] = []
    running = seldom(container.running)

    def healthy() -> bool:
        try:
            with sandbox.reach(container) as host:
                url = f"http://{host}:{PORT}"
                answers.append((url, Client(url, direct=True).health(seconds=5)))
        except LifeboatError as error:
            if running():
                return False
            # An image of another version may well end: that is not the backup's fault.
            if not of_any_version:
                _same_version(_tag(container.image.name, manifest.source.image), manifest, container.image.name, written_by)
            raise Damaged(
                f"the restored Grafana ended while it started: {container.logs(8)}",
                hint=f"is {container.image.name} the source's image? else {ANOTHER_BACKUP}",
            ) from error
        return answers[-1][1].ok

    if not wait_until(healthy, seconds=seconds, interval=0.2):
        raise Damaged(f"the restored Grafana is not healthy after {seconds:.0f} s: {container.logs(8)}", hint=ANOTHER_BACKUP)
    url, health = answers[-1]
    if not of_any_version:
        _same_version(health.version, manifest, container.image.name, written_by)
    return url


def version_in(image: Image, docker: Docker, name: str) -> str:
    """Return the version of the Grafana in an image, asked in a container called `name`; a stand-in's is in its tag.

    Raises LifeboatError when there is none in it.
    """
    if image.standin and (tagged := _VERSION.match(image.name.rpartition(":")[2])):
        return tagged[0]
    container = docker.run(name, image, entrypoint=["sh", "-c", "grafana server -v || grafana-server -v"], command=[])
    try:
        code, output = container.wait(VERSION_SECONDS), " ".join(container.logs(20).split())
    finally:
        container.remove()
    said = _SAID.search(output)
    if code or said is None:
        raise LifeboatError(
            f"the image {image.name} does not hold Grafana: asked for its version, it ends with code {code}: {output[:200]}",
            hint="name an image of grafana/grafana",
        )
    return said[1]


def _same_version(runs: str | None, manifest: Manifest, image: str, written_by: Callable[[str], str | None]) -> None:
    """A newer server migrates the database, an older one cannot read it: neither proves this backup."""
    if not runs:
        return
    backed_up: str | None = manifest.source.version
    if not manifest.source.version[:1].isdigit():
        backed_up = written_by(runs)
    elif runs.split(".")[:2] == manifest.source.version.split(".")[:2]:
        backed_up = None
    if backed_up:
        raise LifeboatError(
            f"the image {image} runs Grafana {runs}, the backup is of {backed_up}",
            hint="set the service's `image:` in lifeboat.yaml to the source's version, and take a backup",
        )


def _tag(image: str, source: str) -> str | None:
    """The version that an image's tag names; None where it names none, or where it is an image of something else."""
    (name, tag), (wanted, _) = (one.partition("@")[0].rpartition("/")[2].partition(":")[::2] for one in (image, source))
    return tag if name == wanted and _VERSION.match(tag) else None
