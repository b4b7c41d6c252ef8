"""A repository whose disk is not mounted is never made anew: this machine knows it by its id, and stops where it finds another."""

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from backups.errors import ConfigError, LifeboatError
from backups.machine import commands_run
from backups.repository import identity
from deployments.demo import configuration as demo
from tests.contract.toy_site import ToySite, toy, toy_template
from tests.integration.flows.conftest import Said, lifeboat
from tests.servers import restic
from verification.restore.order import Order
from verification.restore.plan import plan

__all__ = ["lifeboat", "toy", "toy_template"]

Lifeboat = Callable[..., Said]

WRITES_OR_CLAIMS = [
    ("backup",),
    ("backup", "--kind", "full"),
    ("verify", "--backup", "latest"),
    ("prune",),
    ("prune", "--dry-run"),
    ("status",),
    ("list",),
    ("show", "toy"),
    ("restore", "toy", "--to", "local:/nowhere/to/be/written", "--dry-run"),
]


def unmounted(toy: ToySite) -> None:
    """The disk is gone: its mount point is empty."""
    toy.repository.rename(toy.folder / "the disk")
    toy.repository.mkdir()


def another(toy: ToySite) -> None:
    """The disk is gone, and somebody has made a repository in its place, with the same password."""
    toy.repository.rename(toy.folder / "the disk")
    restic.make(toy.repository, "correct horse")


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.parent.name != "locks"}


@pytest.mark.parametrize("lost", [unmounted, another])
def test_whatever_writes_or_claims_stops_and_asks_whether_the_disk_is_mounted(
    toy: ToySite, lifeboat: Lifeboat, tmp_path: Path, lost: Callable[[ToySite], None]
) -> None:
    config = str(toy.folder / "lifeboat.yaml")
    known = toy.open().repository.recognise()
    lost(toy)
    found = toy.open().repository.identifier()
    before = files(toy.repository)
    for words in WRITES_OR_CLAIMS:
        done = lifeboat(*words, "--config", config, *(("--out", str(tmp_path / "report")) if words[0] == "verify" else ()))
        said = done.out + done.err
        assert done.code == 2, (words, said)
        assert f"is its disk mounted? known here is {known}, found is {found or 'none'}" in said, words
        assert "--init" in said, words
    doctor = lifeboat("doctor", "--config", config)
    assert doctor.code == 1
    assert f"is its disk mounted? known here is {known}, found is {found or 'none'}" in doctor.out
    assert f"is its disk mounted? known here is {known}" in lifeboat("watch", "--config", config).out
    assert files(toy.repository) == before, "something was written"
    shutil.rmtree(toy.repository)
    (toy.folder / "the disk").rename(toy.repository)
    assert lifeboat("backup", "--config", config).code == 0, "mounted again"
    assert toy.open().repository.recognise() == known


@pytest.mark.parametrize("lost", [unmounted, another])
def test_init_says_that_it_is_meant_and_is_remembered(toy: ToySite, lifeboat: Lifeboat, lost: Callable[[ToySite], None]) -> None:
    config = str(toy.folder / "lifeboat.yaml")
    known = toy.open().repository.recognise()
    lost(toy)
    done = lifeboat("backup", "--init", "--config", config)
    assert done.code == 0, done.err
    new = toy.open().repository.recognise()
    assert new not in (None, known)
    assert str(new) in (toy.folder / "state" / "repository.id").read_text()
    assert lifeboat("backup", "--config", config).code == 0, "no --init is needed again"


@pytest.mark.parametrize("words", [("verify", "--backup", "latest"), ("prune",), ("restore", "toy", "--dry-run")])
def test_a_machine_that_takes_no_backups_says_so_by_its_own_commands_and_makes_nothing(
    toy: ToySite, lifeboat: Lifeboat, tmp_path: Path, words: tuple[str, ...]
) -> None:
    config, state = str(toy.folder / "lifeboat.yaml"), toy.folder / "state" / "repository.id"
    more = {"verify": ("--out", str(tmp_path / "report")), "restore": ("--to", f"local:{tmp_path}/back")}.get(words[0], ())
    identity.remember(state, "another")
    assert lifeboat(*words, *more, "--config", config).code == 2
    done = lifeboat(*words, *more, "--init", "--config", config)
    assert done.code == 0, done.out + done.err
    assert identity.known(state) == toy.open().repository.identifier()
    unmounted(toy)
    refused = lifeboat(*words, *more, "--init", "--config", config)
    assert refused.code == 2
    assert "there is no repository at" in refused.err
    assert not any(toy.repository.iterdir())


def test_a_state_that_is_old_or_lost_learns_it_and_says_so_once(toy: ToySite, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "backups")
    repository = toy.open().repository
    assert not (toy.folder / "state" / "repository.id").exists()
    for _ in range(2):
        toy.open().repository.backups()
    [line] = [record.message for record in caplog.records if "knows the repository" in record.message]
    assert str(repository.identifier()) in line
    (toy.folder / "state" / "repository.id").write_text("")
    toy.open().repository.backups()
    assert identity.known(toy.folder / "state" / "repository.id") == repository.identifier(), "as after a full disk"


def test_a_state_that_cannot_be_read_is_reported_and_nothing_is_written(toy: ToySite) -> None:
    (toy.folder / "state" / "repository.id").mkdir(parents=True)
    with pytest.raises(LifeboatError, match=r"repository.id, which says which repository this machine uses, cannot be read"):
        toy.back_up()


def test_a_second_demo_in_the_same_directory_makes_a_repository_of_its_own(tmp_path: Path) -> None:
    """It removes the first one's, and keeps its state."""
    state = tmp_path / "demo" / "state" / identity.FILE
    for number in range(2):
        with demo.opened(tmp_path / "demo"):
            assert identity.known(state) is None
            identity.remember(state, f"that of demo {number}")


def test_a_restore_is_planned_from_no_other_repository(toy: ToySite) -> None:
    site = toy.open()
    site.repository.recognise()
    another(toy)
    with pytest.raises(ConfigError, match="is another one than this machine knows: is its disk mounted"):
        plan(site, Order("toy", "local:/nowhere"), None, now=None)  # type: ignore[arg-type]


def asked(toy: ToySite) -> int:
    """How often restic is asked for a repository's id while it is listed."""
    found: list[str] = []
    with commands_run.listening(lambda words, _: found.append(words)):
        toy.open().repository.backups()
    return sum("cat config" in words for words in found)


def test_one_whose_config_is_as_it_was_is_known_without_restic(toy: ToySite) -> None:
    assert asked(toy) == 1, "the state is new"
    assert asked(toy) == 0


def _other_bytes_of_the_same_repository(toy: ToySite) -> None:
    """As after `restic migrate`: the same id, encrypted anew."""
    config = toy.repository / "config"
    key = json.loads(toy.open().repository._restic(["cat", "masterkey", "--no-lock"], "read").output)
    content = toy.open().repository._restic(["cat", "config", "--no-lock"], "read").output
    parts = (base64.b64decode(key["encrypt"]), base64.b64decode(key["mac"]["k"]), base64.b64decode(key["mac"]["r"]))
    config.chmod(0o600)
    config.write_bytes(restic._seal(content, *parts))


def _note_that_is_no_text(toy: ToySite) -> None:
    (toy.folder / "state" / "repository.config").write_bytes(b"\xff\xfe")


def _note_of_another(toy: ToySite) -> None:
    """As when the known id was changed by hand, or by an older Lifeboat, and is the right one now."""
    note = toy.folder / "state" / "repository.config"
    note.write_text(f"another {note.read_text().split()[1]}\n")


def _note_of_another_config(toy: ToySite) -> None:
    note = toy.folder / "state" / "repository.config"
    note.write_text(f"{note.read_text().split()[0]} {'0' * 64}\n")


@pytest.mark.parametrize(
    "changed",
    [
        _other_bytes_of_the_same_repository,
        _note_that_is_no_text,
        _note_of_another,
        _note_of_another_config,
        lambda toy: (toy.folder / "state" / "repository.config").unlink(),
    ],
)
def test_restic_is_asked_again_wherever_the_config_does_not_tell(toy: ToySite, changed: Callable[[ToySite], None]) -> None:
    assert asked(toy) == 1
    changed(toy)
    assert asked(toy) == 1
    assert asked(toy) == 0


def test_a_config_that_is_exchanged_while_restic_reads_it_is_not_taken_for_the_one_that_was_read(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("one")

    def ask() -> str:
        (tmp_path / "config").write_text("two")
        return "id-in-one"

    state = tmp_path / "state" / "repository.id"
    assert identity.recognise(state, str(tmp_path), "there", ask) == "id-in-one"
    assert not state.with_suffix(".config").exists()
    assert identity.recognise(state, str(tmp_path), "there", lambda: "id-in-one") == "id-in-one"
    (tmp_path / "config").write_text("two")
    assert identity.recognise(state, str(tmp_path), "there", lambda: pytest.fail("asked again")) == "id-in-one"
