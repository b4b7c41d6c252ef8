"""A masked copy: what its end is called, and that nothing half delivered is left."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backups.errors import Damaged, LifeboatError
from backups.services.base import Delivery
from backups.services.masked import Masked, Masking, NotClean, Ruled, Unruled
from flows.commands import clone as command
from verification.clone.clone import _Clone, _opened, _restoring
from verification.clone.cloned import Cloned, CloneOrder
from verification.evidence.evidence import MomentPart
from verification.restore.order import Order
from verification.restore.plan import Plan

AT = datetime(2026, 11, 22, 0, 0, 4, tzinfo=UTC)
PASSWORD = "a password of the developer's"


class Target:
    """A new container; `fails`: when."""

    def __init__(self, fails: BaseException | None) -> None:
        self.container = SimpleNamespace(name="agama-dev", remove=lambda: self.done.append("removed"))
        self.fails = fails
        self.done: list[str] = []

    def deliver(self, delivery: object, manifest: object, steps: Any) -> None:
        steps.touched = True
        self.done.append("filled")

    def begin(self, delivery: object, manifest: object, steps: Any) -> None:
        steps.delivered = "docker:agama-dev"
        if self.fails:
            raise self.fails


def made(state: Path, fails: BaseException | None = None) -> _Clone:
    backup = SimpleNamespace(id="agama-20261122T000004Z", kind="full", taken_at=AT)
    order = CloneOrder("agama", "docker:agama-dev", Path("masks.yaml"))
    plan: Any = SimpleNamespace(
        choice=SimpleNamespace(backup=backup, chain=[backup]),
        manifests=lambda _: None,
        needed=7,
        order=_restoring(order),
        service=SimpleNamespace(name="agama"),
    )
    site: Any = SimpleNamespace(state=state, repository_name="first")
    run: Any = SimpleNamespace(raise_if_cancelled=lambda: None)
    target: Any = Target(fails)
    clone = _Clone(site, order, _as_plan(plan), target, run, _no_masking, lambda: 0.0)
    delivery: Any = SimpleNamespace(notes=["a note"])
    clone.masked = Masked(_as_delivery(delivery), "developer", PASSWORD, tables={"shop.client": 3})
    return clone


def _no_masking(copy: object, box: object) -> Masking:
    raise AssertionError


def _as_plan(plan: Any) -> Plan:
    return plan  # type: ignore[no-any-return]


def _as_delivery(delivery: Any) -> Delivery:
    return delivery  # type: ignore[no-any-return]


def deliver(clone: _Clone) -> None:
    assert clone.masked
    clone._deliver(clone.masked)


def test_what_is_delivered_has_its_account_in_a_file_of_its_owner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clone = made(tmp_path)
    deliver(clone)
    result = clone.result(AT, AT)
    account = tmp_path / "clones" / "agama-dev.cnf"
    assert (result.verdict, result.exit_code, result.account_file) == ("masked", 0, account)
    assert account.stat().st_mode & 0o777 == 0o600
    assert PASSWORD in account.read_text()
    command.show(result)
    assert PASSWORD not in result.model_dump_json() + capsys.readouterr().out + repr(clone.masked)


@pytest.mark.parametrize("fault", [LifeboatError("ended while it started"), KeyboardInterrupt()])
def test_what_cannot_be_started_is_removed_again(tmp_path: Path, fault: BaseException) -> None:
    clone = made(tmp_path, fault)
    with pytest.raises(type(fault)):
        deliver(clone)
    target: Any = clone.target
    assert target.done == ["filled", "removed"]
    assert clone.delivered is None
    assert list((tmp_path / "clones").iterdir()) == []


@pytest.mark.parametrize(
    ("fault", "verdict", "code"),
    [(Damaged("not equal"), "failed", 1), (NotClean("originals"), "failed", 1), (LifeboatError("no room"), "could-not-run", 2)],
)
def test_what_its_end_is_called(tmp_path: Path, fault: LifeboatError, verdict: str, code: int) -> None:
    clone = made(tmp_path)
    clone.progress.fault = fault
    result = clone.result(AT, AT)
    assert (result.verdict, result.exit_code) == (verdict, code)
    assert (result.error, result.delivered, result.account_file) == (fault.message, None, None)


@pytest.mark.parametrize(
    ("unruled", "verdict", "code"),
    [((), "looked", 0), ((Unruled("shop.client.email", "an e-mail address", "email"),), "needs-rules", 1)],
)
def test_while_something_is_in_no_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], unruled: tuple[Unruled, ...], verdict: str, code: int
) -> None:
    clone = made(tmp_path)
    masking: Any = SimpleNamespace(unruled=unruled, ruled=[Ruled("shop.client.kind", "keep", "*.kind")])
    clone.masking, clone.masked = masking, None
    result = clone.result(AT, AT)
    assert (result.verdict, result.exit_code) == (verdict, code)
    command.show(result)
    out = capsys.readouterr().out
    assert ("shop.client.email: email  # an e-mail address" in out) == bool(unruled)
    assert "shop.client.kind: keep (*.kind)" in out


def test_it_is_never_called_verified() -> None:
    verdicts = ("masked", "looked", "needs-rules", "failed", "could-not-run")
    words = [Cloned.model_construct(verdict=verdict).words for verdict in verdicts]
    assert words[0] == "masked, not verified"
    assert all("verified" not in each for each in words[1:])


def test_rows_that_are_missing_are_not_handed_over(tmp_path: Path) -> None:
    clone = made(tmp_path)
    facts = [SimpleNamespace(subject="shop.client", metric="rows", value=4)]
    back: Any = SimpleNamespace(manifest=SimpleNamespace(witness=facts))
    with pytest.raises(LifeboatError, match=r"shop\.client has 3 rows, the witness counted 4; nothing was handed over"):
        clone._require_rows(back)
    facts[0].value = 3
    clone._require_rows(back)
    facts += [SimpleNamespace(subject="mysql.mine", metric="rows", value=4)]
    clone._require_rows(back)
    facts += [SimpleNamespace(subject=f"shop.{name}", metric="rows", value=4) for name in ("gone", "too")]
    with pytest.raises(LifeboatError, match=r"the masked copy lacks 2 tables of the original, first shop\.gone"):
        clone._require_rows(back)


@pytest.mark.parametrize("wrong", [None, "1 of 2 checks failed, first shop.client rows: expected 4, observed 3"])
def test_a_moment_that_is_not_what_the_log_makes_of_the_witness_is_not_masked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str | None
) -> None:
    clone, choice = made(tmp_path), SimpleNamespace(backup=SimpleNamespace(id="agama-20261122T000004Z"), point="moment")
    clone.plan = _as_plan(SimpleNamespace(choice=choice))
    clone.progress.moment = MomentPart(asked="moment", later="agama-20261123T000004Z", later_at=AT)
    for name, found in (("bring_back", "back"), ("go_on", None), ("compare_there", wrong)):
        monkeypatch.setattr(clone, name, lambda _, found=found: found)
    box: Any = None
    if wrong is None:
        assert clone._proven(box) == "back"
        assert "not taken on to the witness after it" in str(clone.progress.moment.why_not)
        return
    with pytest.raises(Damaged, match="moment is not what the log makes of the witness before it: 1 of 2") as refused:
        clone._proven(box)
    assert refused.value.hint == "take the proven backup before it: --backup agama-20261122T000004Z"


def test_a_backup_that_cannot_be_fetched_is_offered_from_the_other_repositories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a restore does; what it says to type makes a masked copy again, and never an unmasked one."""
    clone, offered = made(tmp_path), list[Order]()

    def offer(site: object, order: Order, fault: LifeboatError, now: datetime) -> LifeboatError:
        offered.append(order)
        return LifeboatError(fault.message, hint="others: offsite")

    monkeypatch.setattr("verification.restore.elsewhere.with_offers", offer)

    def away() -> None:
        clone.begin_step("fetch" if not offered else "mask", "Fetch it")
        raise LifeboatError("it does not answer")

    monkeypatch.setattr(clone, "carry_out", away)
    clone.try_out(lambda: AT)
    assert clone.result(AT, AT).hint == "others: offsite"
    assert [each.masked for each in offered] == [("--mask", "masks.yaml")]
    clone.try_out(lambda: AT)
    assert clone.result(AT, AT).hint is None, "it was fetched"


@pytest.mark.parametrize("to", ["local:/srv/copy", "docker:box:/var/lib/mysql", "api"])
def test_nothing_but_a_new_container_is_looked_at(tmp_path: Path, to: str) -> None:
    site: Any = SimpleNamespace(chosen=lambda names: names, service=lambda *_: None)
    run: Any = SimpleNamespace(docker=None)
    with pytest.raises(LifeboatError, match=f"is made in a new container, and {to} is none") as refused:
        _opened(site, CloneOrder("agama", to, Path("masks.yaml")), run)
    assert refused.value.hint == "lifeboat clone agama --to docker:NAME --mask masks.yaml"
