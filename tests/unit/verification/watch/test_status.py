"""How a site stands: every way in which it can be not well is told."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.chains import chains
from backups.config.settings import Objectives
from backups.errors import LifeboatError
from backups.follow import standing as noted
from backups.follow.piece import Piece
from backups.follow.standing import Standing
from backups.manifest import BackupRecord
from backups.repository.trust import Trust
from tests.unit.verification.report.test_history_page import weeks
from verification.evidence.history import ServiceHistory
from verification.evidence.joint import Joint, Stated
from verification.evidence.rescues import ColdStart, FromNothing
from verification.evidence.store import Proof
from verification.evidence.trend import Trend
from verification.watch import metrics
from verification.watch.followed import Kept
from verification.watch.followed import kept as kept_logs
from verification.watch.repositories import InRepository
from verification.watch.status import ServiceStatus, assess

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def record(identifier: str, age: timedelta) -> BackupRecord:
    return BackupRecord.model_construct(
        snapshot=identifier * 8, id=identifier, service="agama", type="mysql", kind="full", chain=identifier, sequence=0,
        taken_at=NOW - age, size=1000, standalone=False,
    )  # fmt: skip


def standing(ages: dict[str, timedelta], proofs: dict[str, Proof], log: Kept | None = None) -> ServiceStatus:
    held = chains(record(identifier, age) for identifier, age in ages.items())
    (result,) = assess({"agama": "mysql"}, held, proofs, Objectives(), now=NOW, logs={"agama": log} if log else None)
    return result


def proof(age: timedelta, verdict: str = "verified", seconds: float = 30.0) -> Proof:
    return Proof(verdict, seconds, NOW - age)  # type: ignore[arg-type]


def test_a_fresh_backup_and_a_fresh_proof_are_well() -> None:
    result = standing({"a": 9 * HOUR}, {"a": proof(3 * HOUR)})
    assert (result.standing, result.rpo_kept, result.rto_kept, result.complaints) == ("verified", True, True, ())


@pytest.mark.parametrize(
    ("ages", "proofs", "complaint"),
    [
        ({}, {}, "has no backup"),
        ({"a": 27 * HOUR}, {"a": proof(HOUR)}, "the last backup is 27 h 00 min old, 26 h 00 min are allowed"),
        ({"a": HOUR}, {}, "no backup of it was ever proven"),
        ({"a": HOUR}, {"a": proof(9 * DAY)}, "the last proof is 9 d 0 h old, 8 d 0 h are allowed"),
        ({"a": HOUR}, {"a": proof(HOUR, "failed")}, "its last verification failed"),
        ({"a": HOUR, "b": 2 * HOUR}, {"a": proof(HOUR), "b": proof(HOUR, "failed")}, "its last verification failed"),
        ({"a": HOUR}, {"a": proof(HOUR, seconds=7201)}, "the last restore took 2 h 00 min, the objective is 2 h 00 min"),
    ],
)
def test_whatever_is_not_well_is_told(ages: dict[str, timedelta], proofs: dict[str, Proof], complaint: str) -> None:
    assert complaint in standing(ages, proofs).complaints


def test_a_suspicious_backup_is_complained_of_until_somebody_trusts_it() -> None:
    ages = {"a": 3 * DAY, "b": 2 * DAY, "c": HOUR}
    marked = [
        record(name, age).model_copy(update={"suspicious": "rows:4:900"} if name != "a" else {}) for name, age in ages.items()
    ]

    def judged(*trusted: str) -> ServiceStatus:
        trusts = {each: Trust.model_construct(backup=each, at=NOW, by="root", reason="meant") for each in trusted}
        (found,) = assess({"agama": "mysql"}, chains(marked), {"c": proof(HOUR)}, Objectives(), now=NOW, trusts=trusts)
        return found

    assert judged().suspicious == ("b", "c")
    (complaint,) = judged().complaints
    assert complaint.startswith("backup b looks suspicious: 4 rows, 900 before, and 1 more since; nothing of it is pruned")
    assert complaint.endswith("if that was meant: lifeboat trust agama --reason WHY")
    assert judged("b").suspicious == ("c",)
    assert (judged("b", "c").suspicious, judged("b", "c").complaints) == ((), ())
    assert 'lifeboat_suspicious_backups{service="agama",type="mysql"} 2' in metrics.render([judged()], Objectives(), now=NOW)


def test_a_newer_success_takes_an_older_failures_place() -> None:
    assert standing({"a": HOUR, "b": DAY}, {"b": proof(7 * DAY, "failed"), "a": proof(HOUR)}).standing == "verified"


def test_metrics_are_replaced_whole_and_never_invent_a_time(tmp_path: Path) -> None:
    path = tmp_path / "lifeboat.prom"
    path.write_text("old")
    metrics.write(metrics.render([standing({}, {})], Objectives(), now=NOW), path)
    text = path.read_text()
    assert 'lifeboat_rpo_kept{service="agama",type="mysql"} 0' in text
    assert "lifeboat_backup_timestamp_seconds{" not in text
    assert [entry.name for entry in tmp_path.iterdir()] == ["lifeboat.prom"]
    with pytest.raises(LifeboatError, match="cannot be written"):
        metrics.write(text, tmp_path / "absent" / "lifeboat.prom")


def test_metrics_tell_the_objectives_beside_what_is_measured() -> None:
    """Rules and panels take what is allowed from here; every name that is told is in NAMES, and every name is told."""
    seen = standing({"a": 9 * HOUR, "b": DAY}, {"a": proof(3 * HOUR, "failed")}, Kept(NOW - HOUR))
    foreseen = weeks(8).model_copy(update={"forecast": Trend(at=NOW, words="")})
    there = InRepository(
        repository="offsite", backups=1, behind=1, behind_since=NOW, standing="verified", proven_at=NOW, restore_seconds=30.0
    )
    seen = seen.model_copy(update={"repositories": (there,)})
    joint = Joint(Stated(at=NOW, verdict="verified", panels=2, equal=2), NOW)
    nothing = FromNothing(NOW - DAY, kit_old=True, cold=ColdStart(NOW - HOUR, "failed", NOW - 2 * DAY))
    text = metrics.render([seen], Objectives(), now=NOW, histories=[foreseen], nothing=nothing, joint=joint)
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    of = '{service="agama",type="mysql"}'
    assert float(values["lifeboat_objective_rpo_seconds"]) == 26 * 3600
    assert float(values["lifeboat_objective_rto_seconds"]) == 2 * 3600
    assert float(values["lifeboat_objective_proof_seconds"]) == 8 * 86400
    assert float(values["lifeboat_status_timestamp_seconds"]) == NOW.timestamp()
    assert float(values[f"lifeboat_backup_timestamp_seconds{of}"]) == (NOW - 9 * HOUR).timestamp()
    assert float(values[f"lifeboat_first_backup_timestamp_seconds{of}"]) == (NOW - DAY).timestamp()
    assert float(values[f"lifeboat_proof_timestamp_seconds{of}"]) == (NOW - 3 * HOUR).timestamp()
    assert (values[f"lifeboat_proof_failed{of}"], values[f"lifeboat_proof_verified{of}"]) == ("1", "0")
    assert {name.partition("{")[0] for name in values} == metrics.NAMES


def test_a_label_cannot_break_out_of_its_quotes() -> None:
    status = standing({"a": HOUR}, {}).model_copy(update={"service": 'a"b\\c\nd'})
    text = metrics.render([status], Objectives(), now=NOW)
    assert 'lifeboat_backups{service="a\\"b\\\\c\\nd",type="mysql"} 1' in text.splitlines()


@pytest.mark.parametrize(
    ("nothing", "values"),
    [
        (FromNothing(), {}),
        (FromNothing(NOW - DAY, kit_old=False), {"kit_timestamp_seconds": (NOW - DAY).timestamp(), "kit_outdated": 0}),
        (FromNothing(None, kit_old=True), {"kit_outdated": 1}),
        (
            FromNothing(cold=ColdStart(NOW - DAY, "verified", NOW - DAY)),
            {
                "cold_start_timestamp_seconds": (NOW - DAY).timestamp(),
                "cold_start_failed": 0,
                "cold_start_proven_timestamp_seconds": (NOW - DAY).timestamp(),
            },
        ),
        (
            FromNothing(cold=ColdStart(NOW - DAY, "could-not-run", None)),
            {"cold_start_timestamp_seconds": (NOW - DAY).timestamp(), "cold_start_failed": 1},
        ),
    ],
)
def test_the_kit_and_the_cold_start_are_told_as_far_as_they_are_known(nothing: FromNothing, values: dict[str, float]) -> None:
    lines = metrics.render([], Objectives(), now=NOW, nothing=nothing).splitlines()
    told = dict(line.split(" ") for line in lines if line.startswith(("lifeboat_kit", "lifeboat_cold")))
    assert {name: float(value) for name, value in told.items()} == {f"lifeboat_{name}": value for name, value in values.items()}
    assert f"lifeboat_objective_cold_start_seconds {35 * 86400.0}" in lines


@pytest.mark.parametrize(
    ("log", "lost", "kept", "complaint"),
    [
        (None, 30 * HOUR, False, "the last backup is 30 h 00 min old, 26 h 00 min are allowed"),
        (Kept(NOW - HOUR), HOUR, True, None),
        (Kept(NOW - 27 * HOUR), 27 * HOUR, False, "what is kept of its log is 27 h 00 min old, 26 h 00 min are allowed"),
        (Kept(NOW - 31 * HOUR), 30 * HOUR, False, "the last backup is 30 h 00 min old, 26 h 00 min are allowed"),
        (Kept(NOW - HOUR, "it was purged"), HOUR, True, "its log is not followed: it was purged"),
        (Kept(None, "it was purged"), 30 * HOUR, False, "its log is not followed: it was purged"),
    ],
)
def test_what_is_kept_of_the_log_counts_for_the_rpo(log: Kept | None, lost: timedelta, kept: bool, complaint: str | None) -> None:
    result = standing({"a": 30 * HOUR}, {"a": proof(3 * HOUR)}, log)
    assert (result.rpo_seconds, result.rpo_kept) == (lost.total_seconds(), kept)
    assert complaint in result.complaints if complaint else result.complaints == ()


def test_a_log_without_a_backup_is_of_no_use() -> None:
    result = standing({}, {}, Kept(NOW - HOUR))
    assert (result.rpo_seconds, result.log_until, result.rpo_kept, result.complaints[0]) == (None, None, False, "has no backup")


FULL, NIGHT = "agama-20261122T000000Z", "agama-20261123T000000Z"


def test_a_log_is_kept_as_far_as_its_pieces_lead_without_a_gap(tmp_path: Path) -> None:
    """Behind the newest backup alone; by the follower's own note only where it goes on from that one too."""

    def piece(after: str, first: int, until: timedelta) -> Piece:
        return Piece(
            snapshot=f"{first:x}a", service="agama", after=after, first=first, last=first, until=NOW - until, size=1
        )  # fmt: skip

    held = chains(
        [
            record(FULL, 30 * HOUR),
            record(NIGHT, 9 * HOUR).model_copy(update={"kind": "incremental", "chain": FULL, "sequence": 1}),
        ]
    )
    pieces = [piece(FULL, 1, 10 * HOUR), piece(NIGHT, 1, 8 * HOUR), piece(NIGHT, 2, 7 * HOUR), piece(NIGHT, 4, 5 * HOUR)]
    assert kept_logs(tmp_path, held, pieces, NOW) == {"agama": Kept(NOW - 7 * HOUR)}
    assert kept_logs(tmp_path, held, pieces[:1], NOW) == {}
    for after, until, expected in (
        (NIGHT, NOW - HOUR, Kept(NOW - HOUR, "it is slow")),
        (FULL, NOW - HOUR, Kept(NOW - 7 * HOUR)),
        (NIGHT, NOW + HOUR, Kept(NOW - 7 * HOUR, "it is slow")),
    ):
        noted.note(noted.directory(tmp_path, "agama"), Standing(after, NOW, until, "it is slow", 2))
        assert kept_logs(tmp_path, held, pieces, NOW) == {"agama": expected}


def test_the_newest_values_of_a_history_are_metrics_and_what_is_not_known_has_no_sample() -> None:
    def written(found: ServiceHistory) -> set[str]:
        text = metrics.render([], Objectives(), now=NOW, histories=[found])
        return {line for line in text.splitlines() if not line.startswith(("#", "lifeboat_objective", "lifeboat_status"))}

    found = weeks(8)
    of = 'service="agama",type="mysql"'
    lines = written(found)
    assert {
        f'lifeboat_backup_bytes{{{of},kind="full"}} 10000000',
        f'lifeboat_backup_bytes{{{of},kind="incremental"}} 10000001',
        f'lifeboat_backup_holds{{{of},unit="rows"}} 120',
        f"lifeboat_lock_seconds{{{of}}} 0.02",
        f'lifeboat_restore_phase_seconds{{{of},phase="fetch"}} 24.1',
    } <= lines
    assert not any("forecast" in line for line in lines), "it is too far away"
    at = {"at": NOW, "earliest": None, "latest": NOW + DAY}
    foreseen = written(found.model_copy(update={"forecast": found.forecast.model_copy(update=at)}))
    assert {line.rpartition(" ")[0] for line in foreseen - lines} == {
        f'lifeboat_rto_forecast_timestamp_seconds{{{of},bound="{bound}"}}' for bound in ("expected", "latest")
    }
    newest = max(found.detections, key=lambda each: each.at)
    assert {
        f"lifeboat_verifier_drill_timestamp_seconds{{{of}}} {newest.at.timestamp()}",
        f"lifeboat_verifier_faults{{{of}}} {newest.injected}",
        f"lifeboat_verifier_faults_noticed{{{of}}} {newest.noticed}",
    } <= lines
    assert written(found.model_copy(update={"backups": (), "drills": (), "detections": ()})) == set()


@pytest.mark.parametrize("lost", [(), (1,), (2,), (1, 2)])
@pytest.mark.parametrize("step", range(4))
def test_a_followers_note_counts_only_while_the_repository_holds_what_it_noted(
    tmp_path: Path, lost: tuple[int, ...], step: int
) -> None:
    """It may have ended, and its pieces may have been deleted since: one in the middle, the last, or all of them."""
    held = chains([record(FULL, 30 * HOUR)])
    pieces = [
        Piece(snapshot=f"{at:x}a", service="agama", after=FULL, first=at, last=at, until=NOW - (10 - at) * HOUR, size=1)
        for at in (1, 2)
        if at not in lost
    ]
    there = {(): 2, (1,): 0, (2,): 1, (1, 2): 0}[lost]
    noted.note(noted.directory(tmp_path, "agama"), Standing(FULL, NOW, NOW - HOUR, None, step))
    by_pieces = NOW - (10 - there) * HOUR if there else None
    until = NOW - HOUR if there >= step else by_pieces
    assert kept_logs(tmp_path, held, pieces, NOW) == ({"agama": Kept(until)} if until else {})


def test_a_note_of_an_older_follower_which_does_not_say_what_it_saved_counts_for_nothing(tmp_path: Path) -> None:
    path = noted.directory(tmp_path, "agama") / "standing"
    path.parent.mkdir(parents=True)
    for fault in ("", "it is slow\nand odd"):
        path.write_text(f"{FULL}\n{NOW.isoformat()}\n{NOW.isoformat()}\n{fault}")
        assert noted.read(path.parent) is None
