"""A kit is written whole or not at all, never over what is none, and what is remembered of it is what it holds."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.site import Site
from tests.unit.verification.rescue.sites import ENVIRONMENT, site_of
from verification.rescue import kept, kit
from verification.rescue.sealed import Keys

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
RECIPIENT = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg"


def made(tmp_path: Path, out: Path) -> kit.Made:
    site, path = site_of(tmp_path / "etc", more={"repositories": {}})
    return kit.make(site, path, out, Keys(recipients=[RECIPIENT]), now=NOW, environment=ENVIRONMENT)


@pytest.fixture(autouse=True)
def _no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verification.rescue.program.files", lambda _: {"install.sh": b"true"})
    monkeypatch.setattr("backups.repository.repository.Repository.identifier", lambda _: "aa11")


def test_an_earlier_kit_and_its_page_are_written_over(tmp_path: Path) -> None:
    for _ in range(2):
        done = made(tmp_path, tmp_path / "kit.age")
        assert done.page == tmp_path / "kit.age.md"
        assert {each.stat().st_mode & 0o777 for each in (done.file, done.page)} == {0o600}


@pytest.mark.parametrize("there", ["README", "README.md"])
def test_what_is_none_is_not_written_over(there: str, tmp_path: Path) -> None:
    (tmp_path / there).write_text("# Mine\n")
    with pytest.raises(LifeboatError, match=f"{there}.* is there already, and .*; nothing was written"):
        made(tmp_path, tmp_path / "README")
    assert [(each.name, each.read_text()) for each in tmp_path.glob("README*")] == [(there, "# Mine\n")]


def test_what_changed_while_it_was_made_is_complained_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetching what Python needs takes minutes."""

    def slow(_: object) -> dict[str, bytes]:
        (tmp_path / "etc" / "keys" / "repository.key").write_text("another")
        return {}

    monkeypatch.setattr("verification.rescue.program.files", slow)
    made(tmp_path, tmp_path / "kit.age")
    path = tmp_path / "etc" / "lifeboat.yaml"
    site = Site.open(path, narrow=False)
    last = kept.read(site)
    assert last is not None
    assert kept.changes(last, site, path, environment=ENVIRONMENT) == [
        f"{tmp_path / 'etc' / 'keys' / 'repository.key'} has changed"
    ]
