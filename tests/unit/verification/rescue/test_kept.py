"""A kit that is older than the configuration is complained of, whatever has changed; what is remembered of it tells no secret."""

import hashlib
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.config.exposed import named
from backups.repository import identity
from backups.repository.listing import Snapshot
from backups.site import Site
from tests.unit.verification.rescue.sites import ENVIRONMENT, site_of
from verification.evidence import rescues
from verification.evidence.rescues import FromNothing
from verification.rescue import from_nothing, gather, kept

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_a_guess_at_a_password_costs_memory() -> None:
    """16 MiB each: 128 * n * r."""
    dear = hashlib.scrypt(b"NAME=value", salt=b"\xaa" * 32, n=1 << 14, r=8, p=1, dklen=32)
    assert kept._slow(("NAME",), {"NAME": "value"}, "aa" * 32) == dear.hex()


@pytest.fixture(autouse=True)
def _cheap_guesses(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Digests that cost nothing, but for the test of what they cost."""
    if request.function is not test_a_guess_at_a_password_costs_memory:
        monkeypatch.setitem(kept._COST, "n", 2)


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a configuration, of which a kit was made."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    site, path = site_of(tmp_path / "etc")
    for each in site.repositories.values():
        assert each.known is not None
        identity.remember(each.known, "aa11")
    contents, members = gather.gather(site, path, now=NOW)
    kept.note(site, contents, members)
    return tmp_path / "etc"


def changes(etc: Path) -> list[str]:
    path = etc / "lifeboat.yaml"
    site = Site.open(path, narrow=False)
    last = kept.read(site)
    assert last is not None
    return kept.changes(last, site, path)


def test_a_new_kit_is_as_new_as_the_configuration(etc: Path) -> None:
    assert changes(etc) == []
    assert kept.examine(Site.open(etc / "lifeboat.yaml"), etc / "lifeboat.yaml").ok


def test_each_file_that_changes_is_named(etc: Path) -> None:
    for key, path in named(Site.open(etc / "lifeboat.yaml").settings):
        if key != ("state",):
            before = path.read_text()
            path.write_text("another content")
            assert changes(etc) == [f"{path} has changed"], key
            path.write_text(before)


CHANGES: dict[str, Callable[[Path, pytest.MonkeyPatch], object]] = {
    "lifeboat.yaml has changed": lambda etc, _: (etc / "lifeboat.yaml").open("a").write("# more\n"),
    "keys/ca.pem is in it, and here no more": lambda etc, _: (etc / "keys" / "ca.pem").unlink(),
    "a variable of the environment has another value": lambda _, patch: patch.setenv("BACKUP_KEY", "another"),
    "the repository second has another id": lambda etc, _: (etc / "state" / "repository-second.id").write_text("cc33"),
    "it brings Lifeboat": lambda _, patch: patch.setattr(kept, "version", lambda _: "9.9"),
}


@pytest.mark.parametrize("said", CHANGES)
def test_whatever_changes_is_complained_of(said: str, etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    CHANGES[said](etc, monkeypatch)
    assert [each for each in changes(etc) if said in each]
    site, path = Site.open(etc / "lifeboat.yaml", narrow=False), etc / "lifeboat.yaml"
    assert "is older than the configuration" in (kept.complaint(site, path) or "")
    assert not kept.examine(site, path).ok
    found = from_nothing.standing(site, path, (), NOW)
    assert (bool(found.complaints), found.facts.kit_old) == (True, True)


def test_a_new_file_and_a_new_variable_are_not_in_it(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (etc / "keys" / "more.pem").write_text("a new one")
    text = (etc / "lifeboat.yaml").read_text()
    monkeypatch.setenv("NEW_ONE", "x")
    (etc / "lifeboat.yaml").write_text(
        text.replace("keys/ca.pem", "keys/more.pem").replace("rest:https://user", "rest:https://${NEW_ONE}")
    )
    assert {each.rpartition("/")[2] for each in changes(etc)} >= {"more.pem is not in it", "the variable NEW_ONE is not in it"}


def test_a_timer_without_the_variables_complains_of_nothing(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENVIRONMENT:
        monkeypatch.delenv(name)
    assert changes(etc) == []


def test_a_user_who_may_not_look_complains_of_nothing(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat_of = Path.stat

    def closed(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path.is_relative_to(etc / "keys"):
            raise PermissionError(13, "Permission denied")
        return stat_of(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", closed)
    assert changes(etc) == []


def test_what_is_remembered_tells_no_secret(etc: Path) -> None:
    text = (etc / "state" / kept.FILE).read_text()
    assert not [value for value in ENVIRONMENT.values() if value in text or value.replace("\n", "\\n") in text]
    assert "content of" not in text
    assert (etc / "state" / kept.FILE).stat().st_mode & 0o077 == 0


def test_that_no_kit_was_ever_made_is_a_hint_and_no_failure(tmp_path: Path) -> None:
    site, path = site_of(tmp_path / "etc")
    finding = kept.examine(site, path)
    assert (finding.ok, finding.remedy is not None) == (True, True)
    said = from_nothing.standing(site, path, (), NOW)
    assert (said.complaints, "none was ever made" in said.lines[0][0]) == ([], True)
    assert said.facts == FromNothing()


def test_what_says_nothing_of_a_kit_is_told(etc: Path) -> None:
    (etc / "state" / kept.FILE).write_text("{}")
    site, path = Site.open(etc / "lifeboat.yaml"), etc / "lifeboat.yaml"
    assert "says nothing of the last kit" in kept.examine(site, path).message
    said = from_nothing.standing(site, path, (), NOW)
    assert (bool(said.complaints), said.facts) == (True, FromNothing(None, kit_old=True))


def cold(at: datetime, verdict: str = "verified") -> Snapshot:
    return Snapshot("ab" * 32, at, ("lifeboat-rescue", "kind=cold-start", f"verdict={verdict}"))


@pytest.mark.parametrize(
    ("snapshots", "said", "well"),
    [
        ((), "never drilled", True),
        ((cold(NOW - timedelta(days=3)),), "proven 3 d 0 h ago", True),
        ((cold(NOW - timedelta(days=36)),), "it should be younger than 35 d", False),
        ((cold(NOW - timedelta(days=3)), cold(NOW - timedelta(days=1), "failed")), "came to failed", False),
        ((cold(NOW - timedelta(days=3)), cold(NOW - timedelta(days=1), "could-not-run")), "came to could-not-run", False),
        ((cold(NOW - timedelta(days=3)), cold(NOW + timedelta(days=3), "failed")), "proven 3 d 0 h ago", True),
        ((Snapshot("ab" * 32, NOW, ("lifeboat-rescue", "kind=rescue", "verdict=failed")),), "never drilled", True),
    ],
)
def test_the_last_start_from_nothing_is_judged_once_there_is_a_kit(
    snapshots: tuple[Snapshot, ...], said: str, well: bool, etc: Path
) -> None:
    site, path = Site.open(etc / "lifeboat.yaml"), etc / "lifeboat.yaml"
    found = from_nothing.standing(site, path, snapshots, NOW)
    line, is_well = found.lines[-1]
    assert (said in line, is_well) == (True, well), line
    assert found.facts.kit_at == NOW
    assert found.facts.cold == rescues.newest_cold_start(snapshots, NOW)


def test_a_kit_that_was_never_drilled_is_complained_of_after_a_while(etc: Path) -> None:
    site, path = Site.open(etc / "lifeboat.yaml"), etc / "lifeboat.yaml"
    assert from_nothing.standing(site, path, (), NOW + timedelta(days=36)).complaints
