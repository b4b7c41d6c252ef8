"""How a site stands: every way in which it can be not well is told."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.chains import chains
from backups.config.settings import Objectives
from backups.errors import LifeboatError
from backups.manifest import BackupRecord
from verification.evidence.store import Proof
from verification.watch import metrics
from verification.watch.status import ServiceStatus, assess

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def record(identifier: str, age: timedelta) -> BackupRecord:
    return BackupRecord.model_construct(
        snapshot=identifier * 8, id=identifier, service="agama", type="mysql", kind="full", chain=identifier, sequence=0,
        taken_at=NOW - age, size=1000, standalone=False,
    )  # fmt: skip


def standing(ages: dict[str, timedelta], proofs: dict[str, Proof]) -> ServiceStatus:
    held = chains(record(identifier, age) for identifier, age in ages.items())
    (result,) = assess({"agama": "mysql"}, held, proofs, Objectives(), now=NOW)
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
    text = metrics.render([standing({"a": 9 * HOUR, "b": DAY}, {"a": proof(3 * HOUR, "failed")})], Objectives(), now=NOW)
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
