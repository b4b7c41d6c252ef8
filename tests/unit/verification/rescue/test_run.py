"""A rescue goes through all services in their order, whatever becomes of one, and goes on where it was ended."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from backups.errors import Damaged, LifeboatError
from backups.site import Site
from backups.witness import Check
from tests.unit.verification.rescue.sites import site_of
from verification.evidence import keys, rescues, signed
from verification.evidence.evidence import BackupPart
from verification.evidence.rescues import ReachedPart, Rescue
from verification.rescue import run
from verification.rescue.contents import Contents
from verification.rescue.reach import Offer, Reached
from verification.rescue.unpacked import Kit
from verification.restore.order import Order, Restoration

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
KIT = Kit(Contents(lifeboat="1", host="old", made_at=NOW, configuration="/etc/lifeboat.yaml"), {}, "0" * 64)
ORDER = ["prometheus", "agama", "grafana"]


def restoration(order: Order, **more: Any) -> Restoration:
    name = f"{order.service}-20261129T000004Z"
    part = BackupPart(id=name, kind="full", chain=(name,), taken_at=NOW, bytes=1)
    stated = {"verdict": "verified", "delivered": order.to, **more}
    return Restoration(
        service=order.service, type="mysql", started_at=NOW, finished_at=NOW, backup=part, to=order.to, lost_seconds=0.0, **stated
    )


@pytest.fixture
def rescued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Rescue, list[tuple[str, str]]]]:
    """Rescue three services; `ends`: what becomes of some, an error to raise or a part of the result."""
    site, _ = site_of(tmp_path / "etc", more={"evidence": {}})
    (tmp_path / "kit").mkdir()

    def go(*, lacking: tuple[LifeboatError, ...] = (), kept: bool = False, **ends: Any) -> tuple[Rescue, list[tuple[str, str]]]:
        asked: list[tuple[str, str]] = []

        def restore(there: Site, order: Order) -> Restoration:
            asked.append((order.service, there.repository_name))
            end = ends.get(order.service, {})
            if isinstance(end, BaseException):
                raise end
            folder = Path(order.to.removeprefix("local:"))
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "data").write_text("back")
            return restoration(order, **end)

        monkeypatch.setattr(run, "restore", restore)
        offers = [Offer(name, "mysql", "second", None, f"local:{tmp_path}/srv/{name}", None) for name in ORDER]
        reached = Reached(
            lacking, [ReachedPart(name="first", url="/gone", why="gone"), ReachedPart(name="second", url="/there")], offers
        )
        return run.rescue(KIT, site, tmp_path / "kit", reached, kept=kept, now=lambda: NOW), asked

    return go


def test_the_hint_of_a_restore_is_told_as_one_of_a_restore(rescued: Callable[..., Any]) -> None:
    """Its options are none of a rescue."""
    raised = LifeboatError("it holds something", hint="name another place, or --replace")
    told = {"verdict": "failed", "error": "not equal", "hint": "deliver it all the same: --anyway"}
    report, _ = rescued(prometheus=raised, agama=told)
    assert [each.hint for each in report.services] == [
        "with lifeboat restore prometheus: name another place, or --replace",
        "with lifeboat restore agama: deliver it all the same: --anyway",
        None,
    ]


def test_all_come_back_in_their_order_from_where_they_are(rescued: Callable[..., Any]) -> None:
    report, asked = rescued()
    assert asked == [(name, "second") for name in ORDER]
    assert (report.verdict, [each.service for each in report.services]) == ("verified", ORDER)


@pytest.mark.parametrize(
    ("end", "verdict", "why"),
    [
        (LifeboatError("no such image", hint="pull it"), "could-not-run", "no such image"),
        (Damaged("a pack is gone"), "could-not-run", "a pack is gone"),
        (ValueError("a bug"), "could-not-run", "a bug"),
        ({"verdict": "failed", "delivered": None, "error": "not equal; the target was not touched"}, "failed", "not equal"),
        ({"verdict": "failed", "checks": (Check("t", "rows", 1, 2, passed=False),)}, "failed", "t"),
    ],
)
def test_one_that_fails_stops_no_other(end: Any, verdict: str, why: str, rescued: Callable[..., Any]) -> None:
    report, asked = rescued(agama=end)
    assert len(asked) == 3
    assert [each.verdict for each in report.services] == ["verified", verdict, "verified"]
    assert why in (report.services[1].why or "")
    assert report.exit_code == {"failed": 1, "could-not-run": 2}[verdict]


def test_started_again_it_goes_on_with_what_is_not_back(rescued: Callable[..., Any]) -> None:
    rescued(agama=LifeboatError("away"))
    report, asked = rescued()
    assert asked == [("agama", "second")]
    assert (report.verdict, [each.earlier for each in report.services]) == ("verified", [True, False, True])


def test_what_was_removed_since_comes_back_again(rescued: Callable[..., Any], tmp_path: Path) -> None:
    rescued()
    shutil.rmtree(tmp_path / "srv" / "agama")
    (tmp_path / "srv" / "grafana" / "data").unlink()
    report, asked = rescued()
    assert [name for name, _ in asked] == ["agama", "grafana"]
    assert [each.earlier for each in report.services] == [True, False, False]
    for _ in range(2):
        report, asked = rescued()
    assert asked == []
    assert [[note for note in each.notes if "was not compared again" in note] for each in report.services] == [[run._SINCE]] * 3


def test_one_that_was_interrupted_goes_on(rescued: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        rescued(agama=KeyboardInterrupt())
    _, asked = rescued()
    assert [name for name, _ in asked] == ["agama", "grafana"]


def test_a_note_of_what_is_back_that_cannot_be_read_is_told(rescued: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "kit" / "back.json").write_text("{")
    with pytest.raises(LifeboatError, match="says what is back already, cannot be read"):
        rescued()


def test_without_its_tools_nothing_is_begun(rescued: Callable[..., Any]) -> None:
    report, asked = rescued(lacking=(LifeboatError("there is no restic", hint="install it"),))
    assert asked == []
    assert {each.why for each in report.services} == {"there is no restic"}


def test_the_report_is_kept_signed_in_a_repository_that_takes_it(
    rescued: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(report: Rescue, directory: Path, repository: Any) -> str:
        shutil.copytree(directory, tmp_path / "saved")
        return "ab12"

    monkeypatch.setattr(rescues, "keep", keep)
    report, _ = rescued(kept=True)
    assert report.kept is not None
    assert report.kept.snapshot == "ab12"
    key = keys.signer(Site.open(tmp_path / "etc" / "lifeboat.yaml")).public_key
    stated = signed.check(tmp_path / "saved" / rescues.REPORT, key).statement.predicate
    assert (stated.verdict, [each.service for each in stated.drills]) == ("verified", ORDER)
    assert Rescue.model_validate_json((tmp_path / "kit" / rescues.REPORT).read_bytes()) == report


def test_a_report_that_no_repository_takes_says_so(rescued: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise LifeboatError("it is read-only from here")

    monkeypatch.setattr(rescues, "keep", refuse)
    report, _ = rescued(kept=True)
    assert report.kept is not None
    assert (report.verdict, report.kept.reason) == ("verified", "it is read-only from here")
