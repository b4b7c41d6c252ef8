"""Plans the drill of a moment: of what `lifeboat restore --at` would bring back."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from backups import chains as chaining
from backups.chains import Chain
from backups.errors import LifeboatError
from backups.follow import piece
from backups.follow.piece import LOG, Piece
from backups.machine.docker import Docker
from backups.manifest import BACKUP
from backups.services.base import Point
from backups.site import Site
from verification.drill.plan import SELECTED, Planned, plan, unchosen, with_turn
from verification.evidence import repositories
from verification.evidence.words import utc
from verification.restore.moment import RestorePoints
from verification.restore.plan import Manifests


def drills(
    site: Site,
    names: Sequence[str],
    selections: Sequence[str],
    at: datetime | Point | None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    image: str | None = None,
    *,
    repository: str | None = None,
    rotate: bool = False,
) -> list[Planned]:
    """Plan what `lifeboat verify` drills: the moment `at` of each service, a time (UTC) or at a transaction of its log; on
    `image`, if one is named, which is one service's.

    With `selections`, these backups instead, of those taken by then; without either, the usual ones. Never raises for what the
    repository holds or lacks. Raises LifeboatError for a position together with selections.

    repository: the name of the one to bring back from, None for the first. rotate: then also, of each service, the newest
    backup in the further repository whose turn it is (`verification/drill/rotation.py`)
    """
    if repository is not None:
        site = site.at(repository)
    if image is not None:
        if len(names) != 1:
            raise LifeboatError(
                f"--image {image} is of one service, and {len(names)} are to be drilled: {', '.join(names)}",
                hint="name the service: lifeboat verify SERVICE --image NAME",
            )
        return [replace(planned, image=image) for planned in drills(site, names, selections, at, now)]
    if rotate:
        return with_turn(site, names, drills(site, names, selections, at, now), now)
    if at is None or (selections and isinstance(at, datetime)):
        return plan(site, names, selections or SELECTED, at=at, now=now)
    if selections:
        raise LifeboatError(
            f"--backup and {at} are two ways to say what is drilled: a position of the log is a moment of its own",
            hint="give one of them; or a time, --at TIME: then backups taken by then are chosen from",
        )
    asked = utc(at) if isinstance(at, datetime) else str(at)
    try:
        snapshots = site.repository.snapshots(BACKUP, LOG)
        held = chaining.chains(site.repository.listing(snapshots).backups)
        pieces = piece.read(snapshots)
    except LifeboatError as fault:
        error = repositories.named(site, fault, "lifeboat verify", names)
        return [replace(unchosen(site, name, "moment", [], now()), error=error, asked=asked) for name in names]
    return [replace(_planned(site, name, held.get(name, []), pieces, at, now()), asked=asked) for name in names]


def all_usual(*chosen: object) -> bool:
    """Whether nothing is chosen of what is to be drilled: then it is the usual verification of everything."""
    return not any(chosen)


def _planned(
    site: Site, name: str, members: Sequence[Chain], pieces: Sequence[Piece], at: datetime | Point, now: datetime
) -> Planned:
    empty = unchosen(site, name, "moment", members, now)
    try:
        points = RestorePoints(site.service(name, Docker()), chaining.present(members, now), Manifests(site.repository), pieces)
        choice = points.at(at) if isinstance(at, datetime) else points.at_position(at)
    except LifeboatError as error:
        return replace(empty, error=error)
    return replace(empty, chain=choice.chain, point=choice.point, later=choice.later)
