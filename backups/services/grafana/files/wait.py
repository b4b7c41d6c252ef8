"""Waiting for a restored Grafana, and whether it is the version that was backed up."""

from backups.errors import Damaged, LifeboatError
from backups.machine.docker import Container, wait_until
from backups.manifest import Manifest
from backups.services.grafana.client import Api, Health
from backups.services.grafana.files import start as starting

READY_SECONDS = 300.0
ANOTHER = "verify another backup, and take a full"


def wait(container: Container, manifest: Manifest) -> str:
    """Wait until the server in the container is healthy; its URL.

    Raises Damaged, with its last words, when it ends or never is healthy; LifeboatError when it is of another version.
    """
    seen: list[tuple[str, Health]] = []

    def healthy() -> bool:
        try:
            url = f"http://{container.address()}:{starting.PORT}"
            seen.append((url, Api(url).health(seconds=5)))
        except LifeboatError as error:
            if container.running():
                return False
            raise Damaged(
                f"the restored Grafana ended while it started: {container.logs(8)}",
                hint=f"is {manifest.source.image} the source's image? else {ANOTHER}",
            ) from error
        return seen[-1][1].ok

    if not wait_until(healthy, seconds=READY_SECONDS, interval=0.2):
        raise Damaged(f"the restored Grafana is not healthy after {READY_SECONDS:.0f} s: {container.logs(8)}", hint=ANOTHER)
    url, health = seen[-1]
    _same_version(health.version, manifest)
    return url


def _same_version(runs: str | None, manifest: Manifest) -> None:
    """A newer server migrates the database, an older one cannot read it: neither proves this backup."""
    backed_up = manifest.source.version
    if runs and backed_up[:1].isdigit() and runs.split(".")[:2] != backed_up.split(".")[:2]:
        raise LifeboatError(
            f"the image {manifest.source.image} runs Grafana {runs}, the backup is of {backed_up}",
            hint="set the service's `image:` in lifeboat.yaml to the source's version, and take a backup",
        )
