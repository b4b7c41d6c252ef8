"""Restores into a running Grafana through its HTTP API: the targets `api` and `api:URL`."""

from pathlib import Path

from backups import plural
from backups.errors import LifeboatError
from backups.services.grafana.api import facts, kinds
from backups.services.grafana.api import put as putting
from backups.services.grafana.api.objects import Objects, load, shortened, write
from backups.services.grafana.api.read import read
from backups.services.grafana.api.resources import contact_points
from backups.services.grafana.api.resources.order import CONTENT
from backups.services.grafana.client import Client
from backups.services.http.address import shown


class GrafanaReceiver:
    """See `Receiver`. What has another name than an object of the backup stays; what has the same one is written over."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def __str__(self) -> str:
        return f"api:{shown(self._client.url)}"

    def entries(self) -> list[str]:
        """See `Receiver`: folders, dashboards, data sources and the like; accounts and settings every server has."""
        return sorted(str(key) for key in read(self._client).bodies if key.kind in CONTENT)

    def keep(self, directory: Path) -> None:
        """See `Receiver`: as a backup through the API holds it, and without secrets, since they would lie there in clear."""
        directory.mkdir(parents=True, mode=0o700)
        write(contact_points.without_secrets(read(self._client)), directory)

    def receive(self, tree: Path, name: str) -> list[str]:
        """See `Receiver`."""
        wanted = load(tree, name)
        target = putting.put(wanted, self._client)
        # What the server does not let in or out again to whoever writes cannot be compared; the notes say so.
        closed = {pair: reason for pair, reason in target.before.closed.items() if pair[1] in _kinds(wanted, pair[0])}
        left_out = set(target.before.closed)
        if not wanted.of(0, kinds.USER):
            left_out.add((0, kinds.USER))  # a backup that knows members only: they became users
        there = putting.present(target, left_out)
        differs = putting.unequal(facts.facts(wanted, closed=left_out, without=target.unattainable), there)
        if differs:
            facts_differ = plural.count(len(differs), "fact")
            raise LifeboatError(
                f"{self} took everything, but differs from the backup in {facts_differ}: {shortened(differs, 5)}",
                hint="is somebody else writing there? what was put there stays; begin again to go over it",
            )
        more = [
            f"{key}, {one.get('type')} {one.get('uid')}"
            for key, some in putting.kept_integrations(target).items()
            for one in some
        ]
        others = sorted(str(key) for key in target.before.bodies if key not in wanted.bodies and key.kind in CONTENT)
        created = plural.count(len(target.made), "user")
        return [
            *target.notes,
            *putting.left_to_others(target),
            *(f"org {number} {kind} cannot be compared there: {reason}" for (number, kind), reason in sorted(closed.items())),
            *([f"created {created}, each with a random password: {shortened(sorted(target.made))}"] if target.made else []),
            *([f"was there before and stays: {shortened(others + more)}"] if others or more else []),
        ]


def _kinds(objects: Objects, organisation: int) -> set[str]:
    return {key.kind for key in objects.bodies if key.organisation == organisation}
