"""What a further repository gets beside backups, and what is said of a copy: on listings, without restic."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.config import file
from backups.errors import LifeboatError
from backups.follow.piece import LOG
from backups.manifest import BACKUP
from backups.repositories.alone import Busy, alone
from backups.repositories.missing import Behind
from backups.repository import trust
from backups.repository.listing import Snapshot, listing
from backups.site import Site
from flows.commands import copying as by_hand
from verification import copying
from verification.copying import Copied
from verification.evidence import drilled, store

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OLD, YOUNG = "agama-20260901T000000Z", "agama-20261122T000000Z"


def backup(identifier: str, age: int, sequence: int = 0, tree: str = "") -> Snapshot:
    taken = NOW - age * DAY
    name = f"{identifier}-{sequence + 1}" if sequence else identifier
    kind = "incremental" if sequence else "full"
    tags = (BACKUP, f"backup={name}", "service=agama", "type=mysql", f"kind={kind}", f"chain={identifier}", f"sequence={sequence}", f"taken={taken.isoformat()}", "bytes=1")  # fmt: skip
    return snapshot(name, taken, *tags, tree=tree)


def snapshot(name: str, at: datetime, *tags: str, tree: str = "") -> Snapshot:
    digits = name.encode().hex()[-64:].rjust(64, "0")
    return Snapshot(digits, at, tags, tree or digits)


def piece(after: str, age: int) -> Snapshot:
    at = NOW - age * DAY
    return snapshot(f"log-{after}", at, LOG, "service=agama", f"after={after}", "first=1", "last=2", f"until={at.isoformat()}", "bytes=1")  # fmt: skip


def evidence(about: str, age: int, kind: str = store.TAG) -> Snapshot:
    at = NOW - age * DAY
    return snapshot(f"{kind}-{about}-{age}", at, kind, f"proof={about}|verified|1.0|{at.isoformat()}")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "lifeboat.yaml").write_text(
        "repository: {url: one, password: x}\nrepositories: {offsite: {url: two, password: y, retention: {keep: 5d, delete_after: 7d}}}\n"
        "services: {agama: {type: mysql, image: m, host: h, user: u, password: p}}\n"
    )
    return Site(file.load(tmp_path / "lifeboat.yaml"))


def holds(snapshots: Sequence[Snapshot]) -> copying._Holds:
    return copying._Holds(snapshots, listing(snapshots, {}, {}))


def planned(
    site: Site, first: Sequence[Snapshot], further: Sequence[Snapshot] = (), *, only: copying.Only | None = None
) -> tuple[list[str], set[str]]:
    found = copying._plan(site, "offsite", holds(first), holds(further), NOW, only)
    return [each.id for each in found.backups], set(found.others)


def test_evidence_and_logs_come_along_as_far_as_retention_there_keeps_them(site: Site) -> None:
    young = [backup(YOUNG, 3), backup(YOUNG, 2, 1)]
    first = [
        backup(OLD, 80),
        *young,
        log := piece(f"{YOUNG}-2", 1),
        piece(YOUNG, 3),
        piece(OLD, 79),
        late := evidence(OLD, 2),
        evidence(OLD, 60),
        about := evidence(YOUNG, 60),
        damage := evidence(OLD, 3, drilled.DAMAGE),
        said := snapshot("trust", NOW - 300 * DAY, trust.TAG, f"trusted={OLD}"),
    ]
    backups, others = planned(site, first)
    assert backups == [YOUNG, f"{YOUNG}-2"], "the old chain would go there at once"
    assert others == {each.id for each in (log, late, about, damage, said)}
    again = [Snapshot(f"{number:064}", each.time, each.tags, each.tree) for number, each in enumerate(first)]
    assert planned(site, first, again) == ([], set()), "a copy is another snapshot of the same"


def test_whoever_follows_a_log_copies_its_pieces_alone_and_those_of_what_is_there(site: Site) -> None:
    first = [full := backup(YOUNG, 3), log := piece(YOUNG, 1), evidence(YOUNG, 1)]
    assert planned(site, first, [full], only="logs") == ([], {log.id})
    assert planned(site, first, [], only="logs") == ([], set())


def test_whoever_has_a_verdict_copies_what_it_shows_alone(site: Site) -> None:
    first = [backup(YOUNG, 3), piece(YOUNG, 1), shown := evidence(YOUNG, 1), said := snapshot("trust", NOW, trust.TAG)]
    assert planned(site, first, only="evidence") == ([], {shown.id, said.id})
    assert planned(site, first, [shown, said], only="evidence") == ([], set())


def test_a_verdict_fails_for_no_repository_and_waits_for_none(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    here = Site(site.settings.model_copy(update={"state": tmp_path / "state"}))
    with alone(here.state, "offsite", timedelta(hours=6)):
        (outcome,) = copying.copy_all(here, only="evidence")
        assert (outcome.fault, outcome.others) == (None, 0)
        by_hand.copy_evidence(here)
    assert caplog.text == ""

    def away(*_: object, **__: object) -> None:
        raise LifeboatError("it does not answer")

    monkeypatch.setattr(copying, "copy", away)
    by_hand.copy_evidence(here)
    assert "what was shown is not copied: offsite: nothing was copied: it does not answer" in caplog.text


def test_whoever_follows_a_log_waits_for_no_other_copy(site: Site, tmp_path: Path) -> None:
    here = Site(site.settings.model_copy(update={"state": tmp_path / "state"}))
    with alone(here.state, "offsite", timedelta(hours=6)), pytest.raises(Busy, match="is being copied to, or pruned"):
        copying.copy(here, "offsite", only="logs")


def test_a_snapshot_there_that_only_says_that_it_is_the_backup_is_no_copy_of_it(site: Site) -> None:
    forged = backup(YOUNG, 3, tree="f" * 64)
    assert planned(site, [backup(YOUNG, 3)], [forged])[0] == [YOUNG]


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Copied("offsite", 0, 0, 0.1), "offsite: it has all"),
        (Copied("offsite", 2, 1, 4.0), "offsite: 2 backups and 1 other snapshot copied in 4.0 s"),
        (
            Copied("offsite", 1, 0, 4.0, LifeboatError("one is damaged"), Behind(2, NOW)),
            "offsite: 1 backup copied in 4.0 s, 2 backups behind, since that of 2026-11-23 12:00 UTC: one is damaged",
        ),
        (Copied("offsite", 0, 0, 0.0, LifeboatError("it is away")), "offsite: nothing was copied: it is away"),
    ],
)
def test_what_came_of_it_is_told_in_a_line(outcome: Copied, words: str) -> None:
    assert outcome.words == words


def test_how_far_one_that_cannot_be_asked_is_behind_is_known_by_what_was_there_last(site: Site, tmp_path: Path) -> None:
    held = holds([backup(YOUNG, 3), backup(YOUNG, 2, 1)]).listing.backups
    here = Site(site.settings.model_copy(update={"state": tmp_path / "state"}))
    assert copying.known_lag(here, "offsite", held, NOW) == Behind(2, NOW - 3 * DAY)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "snapshots-offsite.seen").write_text(f"{YOUNG} {'0' * 64} {YOUNG}\n")
    assert copying.known_lag(here, "offsite", held, NOW) == Behind(1, NOW - 2 * DAY)
    assert copying.lag(here, "offsite", held, held, NOW) is None
