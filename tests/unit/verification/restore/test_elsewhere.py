"""A restore that cannot have its backup says what each other repository could bring back, and what to type."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backups.config.settings import Settings
from backups.errors import ConfigError, Damaged, LifeboatError
from backups.manifest import BackupRecord
from backups.past import Sign, tag_of
from backups.services.base import Point
from backups.site import Site
from verification.clone import clone
from verification.clone.cloned import CloneOrder
from verification.evidence import repositories
from verification.evidence.store import Held, Proof
from verification.restore import elsewhere
from verification.restore.order import Order

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
A, B = "agama-20261122T000000Z", "agama-20261123T000000Z"


def site(*further: str) -> Site:
    return Site(
        Settings.model_validate(
            {
                "repository": {"url": "/first", "password": "x"},
                "repositories": {name: {"url": f"/{name}", "password": "x"} for name in further},
                "services": {
                    "agama": {"type": "grafana", "image": "g:12",
                              "restore": {"to": "local:/g"}},
                },
            }
        )
    )  # fmt: skip


def record(identifier: str, hours: float) -> BackupRecord:
    return BackupRecord.model_construct(
        snapshot="ab" * 32, id=identifier, service="agama", type="grafana", kind="full", chain=identifier, sequence=0,
        taken_at=NOW - hours * HOUR, size=1000, standalone=False,
    )  # fmt: skip


def held(*records: BackupRecord, **proofs: Proof) -> Held:
    return Held(list(records), {{"a": A, "b": B}[name]: proof for name, proof in proofs.items()}, (), ())


def said(found: Held | LifeboatError, **order: Any) -> str:
    return elsewhere.offer(site("offsite"), Order("agama", "local:/g", **order), "offsite", found, NOW)


def test_what_it_holds_when_that_was_proven_from_there_and_what_to_type() -> None:
    proven = Proof("verified", 240.0, NOW - 60 * HOUR)
    both = (record(A, 33), record(B, 9))
    assert said(held(*both, b=proven)) == (
        f"offsite holds {B}, 9 h 00 min old, it was verified from there 2 d 12 h ago, back in 4 min 00 s: "
        "lifeboat restore agama --from offsite"
    )
    assert said(held(*both, a=proven)) == (
        f"offsite holds {B}, 9 h 00 min old, not proven itself; {A} was verified from there 2 d 12 h ago, back in 4 min 00 s: "
        "lifeboat restore agama --from offsite"
    )
    assert "nothing in it says that it was ever proven from there: lifeboat restore" in said(held(*both))
    assert f"offsite holds {A}, 33 h 00 min old" in said(held(*both), backup=A)


@pytest.mark.parametrize(
    ("type_", "hours", "said_"),
    [
        ("mysql", 34, "offsite does not reach 2026-11-21 23:00:00 UTC either; its 2 backups of agama are of {a} to {b}"),
        ("mysql", 20, f"offsite holds {B}, 9 h 00 min old, nothing in it says that it was ever proven from there: lifeboat"),
        ("mysql", 8, "offsite does not reach 2026-11-23 01:00:00 UTC either; its 2 backups of agama are of {a} to {b}"),
        ("grafana", 34, "offsite does not reach 2026-11-21 23:00:00 UTC either; its 2 backups of agama are of {a} to {b}"),
        ("grafana", 8, f"offsite holds {B}, 9 h 00 min old, nothing in it says that it was ever proven from there: lifeboat"),
    ],
)
def test_a_time_that_it_does_not_reach_either_is_offered_no_command(tmp_path: Path, type_: str, hours: float, said_: str) -> None:
    both = [record(A, 33).model_copy(update={"type": type_}), record(B, 9).model_copy(update={"type": type_})]
    section = "type: mysql, host: h, password: x" if type_ == "mysql" else "type: grafana, url: 'http://g', place: 'local:/g'"
    (tmp_path / "lifeboat.yaml").write_text(
        "state: s\nrepository: {url: r, password: x}\nrepositories: {offsite: {url: o, password: x}}\n"
        f"services: {{agama: {{image: 'i:1', {section}}}}}\n"
    )
    where = Site.open(tmp_path / "lifeboat.yaml")
    order = Order("agama", "local:/g", at=NOW - hours * HOUR)
    said = elsewhere.offer(where, order, "offsite", held(*both), NOW)
    assert said.startswith(said_.format(a="2026-11-22 00:00:00 UTC", b="2026-11-23 00:00:00 UTC")), said
    assert ("lifeboat" in said) is said_.endswith("lifeboat")


def test_one_that_looks_like_ransomware_is_offered_with_that_word() -> None:
    odd = record(B, 9).model_copy(update={"suspicious": tag_of((Sign(kind="rows", found=3, usual=1000),))})
    assert "9 h 00 min old, looks suspicious (3 rows, 1,000 before), nothing in it says that it was ever proven" in said(
        held(odd)
    )


def test_what_does_not_help_is_said_so_without_a_command() -> None:
    assert said(held(record(A, 33)), backup=B) == f"offsite does not hold {B} either; its newest of agama is {A}"
    assert said(held()) == "offsite holds no backup of agama"
    assert said(held(record(A, -3))) == "offsite holds no backup of agama"
    assert said(LifeboatError("no route")) == "offsite cannot be read either: no route"


@pytest.mark.parametrize(
    ("order", "typed"),
    [
        (Order("agama", "local:/g"), "lifeboat restore agama --from offsite"),
        (Order("agama", "docker:a b", backup=A, replace=True), f"lifeboat restore agama --from offsite --to 'docker:a b' --backup {A} --replace"),
        (Order("agama", "local:/g", at=NOW, anyway=True), "lifeboat restore agama --from offsite --at 2026-11-23T09:00:00Z --anyway"),
        (
            Order("agama", "local:/g", at=Point(position="u:7", before=True), tables=("a.b", "a.c"), second_replay=False, image="i"),
            "lifeboat restore agama --from offsite --before u:7 --tables a.b,a.c --image i --no-second-replay",
        ),
        (Order("agama", "local:/g", at=Point(position="u:7")), "lifeboat restore agama --from offsite --at u:7"),
    ],
)  # fmt: skip
def test_the_command_asks_for_the_same(order: Order, typed: str) -> None:
    assert elsewhere.command(site("offsite"), order, "offsite") == typed


def test_the_fault_keeps_its_kind_and_offers_what_can_be_read_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(site: Site, names: Sequence[str], now: datetime) -> dict[str, Held | LifeboatError]:
        assert names == ["offsite", "vault"]
        return {"offsite": LifeboatError("no route"), "vault": held(record(B, 9))}

    monkeypatch.setattr(repositories, "look", look)
    order = Order("agama", "local:/g")
    for kind in (Damaged, ConfigError, LifeboatError):
        with pytest.raises(kind) as raised, elsewhere.offered(site("offsite", "vault"), order, NOW):
            raise kind("it is gone", hint="mount it")
        assert type(raised.value) is kind
        assert raised.value.message == "from the repository first: it is gone"
        assert (raised.value.hint or "").startswith(f"mount it; others: vault holds {B}, 9 h 00 min old, nothing in it says ")
        assert (raised.value.hint or "").endswith("lifeboat restore agama --from vault; offsite cannot be read either: no route")


def test_with_one_repository_a_fault_is_as_it_was() -> None:
    fault = Damaged("it is gone")
    assert elsewhere.with_offers(site(), Order("agama", "local:/g"), fault, NOW) is fault
    assert repositories.named(site(), fault, "lifeboat list") is fault


def test_other_commands_name_the_other_repositories() -> None:
    told = repositories.named(site("offsite", "vault"), Damaged("it is gone", hint="mount it"), "lifeboat list agama")
    assert isinstance(told, Damaged)
    assert told.hint == (
        "mount it; or look into another repository: lifeboat list agama --from offsite, lifeboat list agama --from vault"
    )
    back = repositories.named(site("offsite").at("offsite"), LifeboatError("no route"), "lifeboat list")
    assert back.hint == "look into another repository: lifeboat list --from first"


def test_a_masked_clone_is_never_offered_as_a_restore() -> None:
    """Who types what the hint says for a restore puts the original into the container that was to be masked."""
    at = datetime(2026, 11, 22, 14, 3, 20, tzinfo=UTC)
    for more in ({}, {"at": at}, {"image": "mysql:9.7"}, {"backup": B}):
        order = CloneOrder("agama", "docker:dev", Path("/etc/my masks.yaml"), fresh_key=True, **more)
        found = elsewhere.offer(site("offsite"), clone._restoring(order), "offsite", held(record(A, 33), record(B, 9)), NOW)
        typed = found.rpartition(": lifeboat ")[2]
        assert "restore" not in typed
        assert typed.startswith("clone agama --from offsite --to docker:dev ")
        assert typed.endswith("--mask '/etc/my masks.yaml' --fresh-key")
    assert "--at 2026-11-22T14:03:20Z --mask" in elsewhere.command(
        site(), clone._restoring(CloneOrder("agama", "docker:dev", Path("m"), at=at)), "offsite"
    )
