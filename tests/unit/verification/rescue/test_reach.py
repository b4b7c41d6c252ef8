"""Where each service comes from: its newest backup, in the first repository that has it; and to where it comes back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.errors import ConfigError, LifeboatError
from backups.manifest import BackupRecord
from backups.past import Sign, tag_of
from backups.repository.listing import Listing
from backups.site import Site
from tests.unit.verification.rescue.sites import site_of
from verification.rescue import reach

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def backup(service: str, age: timedelta) -> BackupRecord:
    at = NOW - age
    name = f"{service}-{at:%Y%m%dT%H%M%SZ}"
    return BackupRecord(
        id=name,
        service=service,
        type="mysql",
        kind="full",
        chain=name,
        sequence=0,
        standalone=False,
        taken_at=at,
        size=1,
        snapshot="ab",
    )


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return site_of(tmp_path / "etc")[0]


def looked(
    site: Site, monkeypatch: pytest.MonkeyPatch, held: dict[str, list[BackupRecord] | LifeboatError | None], **more: str
) -> reach.Reached:
    by_url = {each.url: name for name, each in site.settings.every_repository.items()}

    def recognise(repository: object) -> str | None:
        found = held[by_url[repository.url]]  # type: ignore[attr-defined]
        if isinstance(found, LifeboatError):
            raise found
        return None if found is None else "aa11"

    monkeypatch.setattr("backups.repository.repository.Repository.recognise", recognise)
    monkeypatch.setattr(
        "backups.repository.repository.Repository.listing", lambda repository, _: Listing(held[by_url[repository.url]])
    )  # type: ignore[arg-type]
    monkeypatch.setattr("backups.repository.repository.Repository.snapshots", lambda *_: [])
    monkeypatch.setattr(reach, "_lacking", lambda _: [])
    return reach.look(site, to_base=more.get("to_base"), now=NOW)


DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("first", "second", "place"),
    [
        ([backup("agama", DAY)], [backup("agama", DAY)], "first"),
        ([backup("agama", DAY)], [backup("agama", HOUR)], "second"),
        ([backup("agama", HOUR)], [backup("agama", DAY)], "first"),
        ([], [backup("agama", DAY)], "second"),
        (None, [backup("agama", DAY)], "second"),
        (LifeboatError("away"), [backup("agama", DAY)], "second"),
        ([backup("agama", HOUR), backup("agama", -DAY)], [], "first"),
        ([backup("agama", -DAY)], [], None),
        (LifeboatError("away"), LifeboatError("away too"), None),
    ],
)
def test_a_service_comes_from_where_its_newest_backup_is(
    first: list[BackupRecord] | LifeboatError | None,
    second: list[BackupRecord] | LifeboatError,
    place: str | None,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = looked(site, monkeypatch, {"first": first, "second": second}, to_base="local:/srv")
    assert [each.service for each in found.offers] == ["prometheus", "agama", "grafana"]
    offers = {each.service: each for each in found.offers}
    assert offers["agama"].repository == place
    assert (offers["agama"].why is None) == (place is not None)
    assert offers["grafana"].why


def test_a_repository_that_cannot_be_used_is_told_with_its_hint(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    found = looked(
        site, monkeypatch, {"first": None, "second": LifeboatError("another one: known is a, found is b", hint="mount it")}
    )
    assert [(each.name, each.why) for each in found.repositories] == [
        ("first", f"there is no repository at {site.settings.every_repository['first'].url} (hint: is its disk mounted?)"),
        ("second", "another one: known is a, found is b (hint: mount it)"),
    ]


@pytest.mark.parametrize(
    ("base", "to"),
    [
        ("local:/srv/restored/", "local:/srv/restored/agama"),
        ("ssh:new:/srv", "ssh:new:/srv/agama"),
        ("docker:again", "docker:again-agama"),
        ("docker:box:/srv", "docker:box:/srv/agama"),
        (None, None),
    ],
)
def test_a_service_has_a_place_of_its_own(base: str | None, to: str | None, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    more = {"to_base": base} if base else {}
    (found,) = [
        each
        for each in looked(site, monkeypatch, {"first": [backup("agama", DAY)], "second": []}, **more).offers
        if each.service == "agama"
    ]
    assert found.to == to
    assert (found.why is None) == (to is not None)


@pytest.mark.parametrize("base", ["", "/srv", "local:srv", "api", "docker:", "s3:bucket", "ssh:/srv"])
def test_what_is_no_place_is_told_before_anything_is_asked(base: str, site: Site) -> None:
    with pytest.raises(ConfigError, match="names no place"):
        reach.look(site, to_base=base, now=NOW)


def test_a_newest_backup_that_looks_suspicious_is_named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = backup("agama", HOUR).model_copy(update={"suspicious": tag_of((Sign(kind="rows", found=10, usual=100),))})
    found = looked(site, monkeypatch, {"first": [backup("agama", DAY), odd], "second": []}, to_base="local:/srv")
    (offer,) = [each for each in found.offers if each.service == "agama"]
    assert offer.backup == odd
    assert offer.doubt is not None
    assert "looks suspicious" in offer.doubt
    assert [each.why for each in found.repositories] == [None, None], "a repository with a suspicious backup is reached"
    assert f"the last one before it is {backup('agama', DAY).id}" in offer.doubt


def incremental(age: timedelta, *, of: BackupRecord, sequence: int) -> BackupRecord:
    stated = {"kind": "incremental", "chain": of.chain, "sequence": sequence}
    return backup(of.service, age).model_copy(update=stated)


FULL = backup("agama", 2 * DAY)
SECOND, THIRD = incremental(DAY, of=FULL, sequence=1), incremental(HOUR, of=FULL, sequence=2)


@pytest.mark.parametrize(
    ("first", "second", "place", "back", "broken"),
    [
        ([FULL, SECOND, THIRD], [FULL, SECOND], "first", THIRD, None),
        ([FULL, THIRD], [FULL, SECOND], "second", SECOND, "first"),
        ([FULL, THIRD], [FULL, SECOND, THIRD], "second", THIRD, None),
        ([SECOND, THIRD], [FULL], "second", FULL, "first"),
        ([FULL, SECOND], [FULL, THIRD], "first", SECOND, "second"),
        ([SECOND, THIRD], [], "first", THIRD, None),
    ],
)
def test_what_has_not_all_of_its_chain_is_passed_over_and_named(
    first: list[BackupRecord],
    second: list[BackupRecord],
    place: str,
    back: BackupRecord,
    broken: str | None,
    site: Site,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where a copy was cut short, another repository has what is needed."""
    found = looked(site, monkeypatch, {"first": first, "second": second}, to_base="local:/srv")
    (offer,) = [each for each in found.offers if each.service == "agama"]
    assert (offer.repository, offer.backup) == (place, back)
    assert (offer.doubt is not None) == (broken is not None)
    assert broken is None or f"{THIRD.id} is newer than {back.id}" in (offer.doubt or "")
    assert broken is None or f"the repository {broken} has not all of its chain" in (offer.doubt or "")
