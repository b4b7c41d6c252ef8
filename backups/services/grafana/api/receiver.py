"""Restores into a running Grafana through its HTTP API: the targets `api` and `api:URL`."""

from pathlib import Path

from backups import plural
from backups.errors import LifeboatError
from backups.services.grafana.api import facts, kinds
from backups.services.grafana.api import put as putting
from backups.services.grafana.api.objects import Key, Objects, load, shortened, write
from backups.services.grafana.api.plan import Plan
from backups.services.grafana.api.read import read
from backups.services.grafana.api.resources import contact_points
from backups.services.grafana.api.resources.order import CONTENT
from backups.services.grafana.api.resources.target import Target
from backups.services.grafana.client import Client
from backups.services.http.address import shown
from backups.services.received import Foresight

_MOST = 50
_WRITTEN_OVER = "written over there, since it has the same name and was not equal"
_ACCOUNTS = frozenset({kinds.ORGANISATION, kinds.USER, kinds.MEMBER})


class GrafanaReceiver:
    """See `Receiver`. What has another name than an object of the backup stays; what has the same one is written over."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.lacking: list[str] = []

    def __str__(self) -> str:
        return f"api:{shown(self._client.url)}"

    @property
    def written(self) -> bool:
        """See `Receiver`."""
        return self._client.sent.writes > 0

    def entries(self) -> list[str]:
        """See `Receiver`: folders, dashboards, data sources and the like; accounts and settings every server has."""
        return sorted(str(key) for key in read(self._client).bodies if key.kind in CONTENT)

    def keep(self, directory: Path) -> None:
        """See `Receiver`: as a backup through the API holds it, and without secrets, since they would lie there in clear."""
        directory.mkdir(parents=True, mode=0o700)
        write(contact_points.without_secrets(read(self._client)), directory)

    def kept(self, directory: Path) -> list[str]:
        """See `Receiver`."""
        return sorted(str(key) for key in _keys(directory) or ())

    def foresee(self, tree: Path, name: str, first: Path | None = None) -> Foresight:
        """See `Receiver`."""
        plan = putting.foresee(load(tree, name), self._client, _keys(first))
        return Foresight(plan.held, [*_told(plan), *(f"may be refused there: {line}" for line in plan.doubts)], plan.clashes)

    def receive(self, tree: Path, name: str, first: Path | None = None, *, over: bool = True) -> list[str]:
        """See `Receiver`."""
        wanted = load(tree, name)
        target = putting.put(wanted, self._client, first=_keys(first), over=over)
        # What the server does not let in or out again to whoever writes cannot be compared; the notes say so.
        closed = {pair: reason for pair, reason in target.before.closed.items() if pair[1] in _kinds(wanted, pair[0])}
        left_out = set(target.before.closed)
        if not wanted.of(0, kinds.USER):
            left_out.add((0, kinds.USER))  # a backup that knows members only: they became users
        there = putting.present(target, left_out)
        differs = putting.unequal(facts.facts(target.wanted, closed=left_out, without=target.unattainable), there)
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
        others = sorted(
            str(key)
            for key in target.before.bodies
            if key not in wanted.bodies and key.kind in CONTENT and key not in target.emptied
        )
        created = plural.count(len(target.made), "user")
        self.lacking = _lacking(target)
        return [
            *target.notes,
            *_told(target),
            *putting.left_to_others(target),
            *(f"org {number} {kind} cannot be compared there: {reason}" for (number, kind), reason in sorted(closed.items())),
            *([f"created {created}, each with a random password: {shortened(sorted(target.made))}"] if target.made else []),
            *([f"was there before and stays: {shortened(others + more)}"] if others or more else []),
        ]


def _lacking(target: Target) -> list[str]:
    """What is not there as the backup has it. Accounts that were there before are kept as they are, which is no loss."""
    keys = sorted(str(key) for key in target.unattainable if key.kind not in _ACCOUNTS)
    return [f"{plural.count(len(keys), 'object')} not there as the backup has it: {shortened(keys, 5)}"] if keys else []


def _kinds(objects: Objects, organisation: int) -> set[str]:
    return {key.kind for key in objects.bodies if key.organisation == organisation}


def _keys(directory: Path | None) -> frozenset[Key] | None:
    """The names of what `keep` wrote."""
    return None if directory is None else frozenset(load(directory, directory.name).bodies)


def _told(plan: Plan | Target) -> list[str]:
    """What becomes of what the server has, and the backup has not or has elsewhere."""
    return [
        *([f"stays beside what the backup has: {shortened(plan.kept)}"] if plan.kept else []),
        *(f"changed there: {line}" for line in plan.moved),
        *([f"{_WRITTEN_OVER}: {shortened([str(key) for key in plan.replaced], _MOST)}"] if plan.replaced else []),
    ]
