"""How it stands with further repositories: each by what was proven there, and every way of being not well is told."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backups.chains import chains
from backups.config.settings import Objectives
from backups.errors import LifeboatError
from backups.repository.listing import Snapshot
from tests.unit.verification.samples import evidence, result
from tests.unit.verification.watch.test_status import DAY, HOUR, NOW, proof, record
from verification.evidence import store
from verification.evidence.store import Held, Proof
from verification.watch import metrics
from verification.watch.repositories import InRepository, allowed_age, assess, overall, proofs_there
from verification.watch.status import ServiceStatus
from verification.watch.status import assess as whole


def there(
    ages: dict[str, timedelta], proofs: dict[str, Proof], missing: dict[str, timedelta] | None = None, of: int = 1
) -> InRepository:
    """How it stands with agama in `offsite`, one of so many further repositories."""
    held = Held([record(identifier, age) for identifier, age in ages.items()], proofs, (), ())
    lacking = [record(identifier, age) for identifier, age in (missing or {}).items()]
    found: dict[str, Held | LifeboatError] = {"offsite": held} | {f"other-{number}": held for number in range(1, of)}
    return assess(["agama"], found, {"offsite": proofs}, {"offsite": lacking}, Objectives(), now=NOW)["agama"][0]


def test_one_that_has_all_and_was_proven_is_well() -> None:
    seen = there({"a": 9 * HOUR, "b": DAY}, {"a": proof(7 * DAY, seconds=90.0)})
    assert (seen.backups, seen.last_backup, seen.behind, seen.standing) == (2, "a", 0, "verified")
    assert (seen.proven_at, seen.restore_seconds, seen.rto_kept, seen.complaints) == (NOW - 7 * DAY, 90.0, True, ())


@pytest.mark.parametrize(
    ("ages", "proofs", "missing", "complaint"),
    [
        ({"a": DAY}, {}, {}, "no backup in it was ever proven"),
        ({"a": DAY}, {"a": proof(DAY, "failed")}, {}, "the last verification from there failed"),
        ({"a": DAY}, {"a": proof(9 * DAY)}, {}, "the last proof from there is 9 d 0 h old, 8 d 0 h are allowed"),
        (
            {"a": DAY},
            {"a": proof(DAY, seconds=7201)},
            {},
            "the last restore from there took 2 h 00 min, the objective is 2 h 00 min",
        ),
        ({"a": DAY}, {"a": proof(DAY)}, {"b": 50 * HOUR, "c": HOUR}, "lacks 2 backups, since 2 d 2 h"),
    ],
)
def test_what_is_not_well_with_one_is_told(
    ages: dict[str, timedelta], proofs: dict[str, Proof], missing: dict[str, timedelta], complaint: str
) -> None:
    assert there(ages, proofs, missing).complaints == (complaint,)


def test_a_copy_that_is_late_by_a_night_is_named_and_not_complained_of() -> None:
    seen = there({"a": DAY}, {"a": proof(DAY)}, {"b": 25 * HOUR})
    assert (seen.behind, seen.behind_since, seen.complaints) == (1, NOW - 25 * HOUR, ())


def test_they_take_turns_so_each_may_be_proven_more_seldom() -> None:
    assert there({"a": DAY}, {"a": proof(15 * DAY)}, of=2).complaints == ()
    assert there({"a": DAY}, {"a": proof(17 * DAY)}, of=2).standing == "stale"
    assert allowed_age(Objectives(), 3) == 24 * DAY


def test_one_that_cannot_be_read_is_a_complaint_of_every_service() -> None:
    gone = LifeboatError("no route to offsite")
    found = assess(["agama", "grafana"], {"offsite": gone}, {}, {"offsite": [record("b", DAY)]}, Objectives(), now=NOW)
    assert [(each.error, each.behind, each.standing) for (each,) in found.values()] == [
        ("no route to offsite", 1, None), ("no route to offsite", 0, None)
    ]  # fmt: skip
    assert found["grafana"][0].complaints == ("cannot be read: no route to offsite",)


def tagged(days: float, **changes: object) -> Snapshot:
    """The evidence of a verification so many days ago."""
    finished = NOW - days * DAY
    return Snapshot("ab" * 32, finished, tuple(store.tags(evidence(result(**changes), finished_at=finished))))


def test_a_proof_counts_wherever_its_evidence_is_kept_and_the_newest_of_both() -> None:
    """Kept in the first repository; in the one that was drilled where the first could not be reached."""
    backup = "agama-20261123T000000Z"
    first = [tagged(2, repository="offsite"), tagged(1, repository="other"), tagged(1, repository="first")]
    itself = Held([], {backup: proof(DAY, "failed")}, (), ())
    assert proofs_there("offsite", first, Held([], {}, (), ()), NOW)[backup].at == NOW - 2 * DAY
    assert proofs_there("offsite", first, itself, NOW)[backup].verdict == "failed"
    assert proofs_there("offsite", [tagged(0.5, repository="offsite")], itself, NOW)[backup].verdict == "verified"


NAMES = [None, "first", "offsite", "other"]


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(["verified", "failed"]), st.integers(1, 90)), max_size=6))
def test_no_proof_of_one_repository_is_ever_that_of_another(drills: list[tuple[str | None, str, int]]) -> None:
    """Whatever evidence there is: what is told of a repository is what its own newest drill showed, and nothing where it has none."""
    snapshots = [tagged(hours, repository=name, verdict=verdict) for name, verdict, hours in drills]
    for names in ({None, "first"}, {"offsite"}, {"other"}):
        own = [(-hours, verdict != "verified") for name, verdict, hours in drills if name in names]
        found = store.read_proofs(snapshots, NOW, frozenset(names))
        assert (
            [proof.verdict for proof in found.values()] == [("verified", "failed")[failed] for _, failed in [max(own)] if own]
            if own
            else not found
        )
    assert {tag.partition("|")[0] for each in snapshots for tag in each.tags if tag.startswith("proof-in=")} <= {
        "proof-in=offsite", "proof-in=other"
    }  # fmt: skip


def status(further: tuple[InRepository, ...]) -> ServiceStatus:
    held = chains([record("a", HOUR)])
    (found,) = whole({"agama": "mysql"}, held, {"a": proof(9 * DAY)}, Objectives(), now=NOW, further={"agama": further})
    return found


def test_a_service_complains_of_each_repository_by_its_name() -> None:
    found = status((there({"a": DAY}, {}),))
    assert found.complaints == (
        "the last proof is 9 d 0 h old, 8 d 0 h are allowed", "offsite: no backup in it was ever proven"
    )  # fmt: skip
    assert found.of_the_first == found.complaints[:1]


def test_metrics_name_the_repository_and_what_is_not_known_has_no_sample() -> None:
    unread = InRepository(repository="other", error="no route", behind=3, complaints=("cannot be read: no route",))
    text = metrics.render([status((there({"a": DAY}, {"a": proof(DAY)}, {"b": HOUR}), unread))], Objectives(), now=NOW)
    values = dict(
        line.rsplit(" ", 1) for line in text.splitlines() if line.startswith(("lifeboat_repository", "lifeboat_objective_rep"))
    )
    of = 'service="agama",type="mysql",repository='
    assert values == {
        'lifeboat_repository_reachable{repository="offsite"}': "1",
        'lifeboat_repository_reachable{repository="other"}': "0",
        f'lifeboat_repository_backups{{{of}"offsite"}}': "1",
        f'lifeboat_repository_behind{{{of}"offsite"}}': "1",
        f'lifeboat_repository_behind{{{of}"other"}}': "3",
        f'lifeboat_repository_behind_timestamp_seconds{{{of}"offsite"}}': str((NOW - HOUR).timestamp()),
        f'lifeboat_repository_proof_timestamp_seconds{{{of}"offsite"}}': str((NOW - DAY).timestamp()),
        f'lifeboat_repository_proof_verified{{{of}"offsite"}}': "1",
        f'lifeboat_repository_proof_failed{{{of}"offsite"}}': "0",
        f'lifeboat_repository_restore_seconds{{{of}"offsite"}}': "30.0",
        "lifeboat_objective_repository_proof_seconds": str(16 * 86400.0),
    }


def test_over_all_services_the_worst_is_told_and_a_few_complaints() -> None:
    good, never = there({"a": DAY}, {"a": proof(DAY, seconds=9.0)}), there({"a": DAY}, {}, {"b": 50 * HOUR})
    (found,) = overall({"agama": [good], "shop": [never], "grafana": [there({"a": DAY}, {"a": proof(2 * DAY, seconds=90.0)})]})
    assert (found.repository, found.backups, found.behind, found.behind_since) == ("offsite", 3, 1, NOW - 50 * HOUR)
    assert (found.standing, found.proven_at, found.restore_seconds) == ("never-proven", None, 90.0), "one was never proven"
    (proven,) = overall({name: [there({"a": DAY}, {"a": proof(days * DAY)})] for name, days in (("agama", 1), ("shop", 2))})
    assert (proven.standing, proven.proven_at) == ("verified", NOW - 2 * DAY), "the oldest of them"
    assert found.complaints == ("shop lacks 1 backup, since 2 d 2 h", "shop no backup in it was ever proven")
    (many,) = overall({f"service-{number}": [never] for number in range(200)})
    assert len(many.complaints) == 7
    assert many.complaints[-1] == "and 394 more"
    gone = InRepository(repository="offsite", error="no route", complaints=("cannot be read: no route",))
    (unread,) = overall({"agama": [gone], "shop": [gone]})
    assert (unread.backups, unread.standing, unread.complaints) == (None, None, ("cannot be read: no route",))
