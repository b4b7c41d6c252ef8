"""The command line: what it prints, what it ends with, and that bad input gets a message and a hint."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from backups.machine import commands_run
from tests.contract.toy_site import IMAGE, ToySite

Lifeboat = Callable[..., Any]
COMMANDS = (
    "init",
    "config check",
    "config show",
    "demo",
    "doctor",
    "backup",
    "list",
    "show",
    "verify",
    "prune",
    "status",
    "restore",
    "watch",
    "alerts",
)


@pytest.fixture
def config(toy: ToySite, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = toy.folder / "lifeboat.yaml"
    monkeypatch.setenv("LIFEBOAT_CONFIG", str(path))
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches(lifeboat: Lifeboat, command: str) -> None:
    said = lifeboat(*command.split(), "--help")
    assert said.code == 0
    assert "Exit code" in said.out


def test_backup_list_verify_and_status_tell_one_story(lifeboat: Lifeboat, config: Path, tmp_path: Path) -> None:
    """A backup appears in the list, is proven, and the list and the status then say so."""
    said = lifeboat("backup", "toy", "--kind", "full")
    assert said.code == 0, said.err
    identifier = re.findall(r"toy-\d{8}T\d{6}Z(?:-\d+)?", said.out)[0]
    assert "never drilled" in lifeboat("list").out
    assert lifeboat("status").code == 1

    said = lifeboat("verify", "--out", str(tmp_path / "out"))
    assert said.code == 0, said.out + said.err
    assert json.loads((tmp_path / "out" / "report.json").read_text())["verdict"] == "verified"

    rows = json.loads(lifeboat("list", "--json").out)
    assert {row["id"]: row["proof"] and row["proof"]["verdict"] for row in rows}[identifier] == "verified"
    status = lifeboat("status", "--json", "--metrics", str(tmp_path / "lifeboat.prom"))
    assert status.code == 0
    assert json.loads(status.out)[0]["standing"] == "verified"
    assert "lifeboat_proof_verified" in (tmp_path / "lifeboat.prom").read_text()


def test_doctor_changes_nothing_and_tells_what_to_type(lifeboat: Lifeboat, config: Path, toy: ToySite) -> None:
    """All well is 0; a missing source is 1 with its remedy."""
    assert lifeboat("doctor").code == 0
    config.write_text(config.read_text().replace(str(toy.source), "/absent/source"))
    said = lifeboat("doctor")
    assert said.code == 1
    assert "✗ source" in said.out
    assert "mkdir it" in said.out


def test_doctor_does_not_make_the_repository(lifeboat: Lifeboat, config: Path, toy: ToySite) -> None:
    config.write_text(config.read_text().replace("url: repository", "url: elsewhere"))
    said = lifeboat("doctor")
    assert "the first backup makes it" in said.out
    assert not (toy.folder / "elsewhere").exists()


def test_a_backup_without_its_secret_could_not_run(lifeboat: Lifeboat, config: Path, toy: ToySite) -> None:
    """The message names the service, the variable and what to do; the verification needs none of it."""
    toy.configure(service=", password: '${NOT_SET_ANYWHERE}'")
    said = lifeboat("backup")
    assert said.code == 2
    assert "toy: the environment variable NOT_SET_ANYWHERE" in said.err
    assert "hint: " in said.err
    assert lifeboat("verify", "--backup", "latest", "--out", str(toy.folder / "out")).code == 0


def test_a_damaged_repository_ends_with_one(lifeboat: Lifeboat, config: Path, toy: ToySite) -> None:
    """A flipped byte in every pack: the verdict is failed, the exit code 1."""
    for pack in (toy.repository / "data").rglob("*"):
        if pack.is_file():
            content = bytearray(pack.read_bytes())
            content[len(content) // 3] ^= 0xFF
            pack.chmod(0o600)
            pack.write_bytes(bytes(content))
    said = lifeboat("verify", "--backup", "latest", "--out", str(toy.folder / "out"))
    assert said.code == 1, said.out + said.err
    assert "failed" in said.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("backup", "nobody"), "there is no service nobody"),
        (("verify", "--at", "yesterday"), "is neither a time nor a GTID"),
        (("verify", "--backup", "toy-1"), "toy has no backup toy-1"),
        (("list", "--config", "/absent.yaml"), "there is no configuration file /absent.yaml"),
        (("backup", "--kind", "huge"), "huge"),
        (("launch",), "launch"),
    ],
)
def test_bad_input_could_not_run(
    lifeboat: Lifeboat, config: Path, arguments: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    """Exit code 2, a message that names what was wrong, no traceback."""
    extra = ("--out", str(tmp_path / "out")) if arguments[0] == "verify" else ()
    said = lifeboat(*arguments, *extra)
    assert said.code == 2
    assert words in " ".join((said.out + said.err).split())


def test_an_unknown_key_is_told_with_its_line(lifeboat: Lifeboat, config: Path) -> None:
    config.write_text(config.read_text().replace("source:", "source: /x, sauce:"))
    said = lifeboat("list")
    assert said.code == 2
    assert re.search(r"lifeboat.yaml:\d+: ", said.err.replace("\n", ""))
    assert "did you mean source?" in said.err


def test_docker_down_could_not_run(lifeboat: Lifeboat, config: Path, toy: ToySite, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drill without Docker is never verified."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///absent/docker.sock")
    said = lifeboat("verify", "--backup", "latest", "--out", str(toy.folder / "out"))
    assert said.code == 2
    assert "could-not-run" in said.out
    assert "Docker does not answer" in said.out


def test_an_image_that_cannot_be_had_could_not_run(lifeboat: Lifeboat, config: Path, toy: ToySite) -> None:
    config.write_text(config.read_text().replace(IMAGE, "lifeboat/no-such-image:1"))
    assert lifeboat("backup", "--kind", "full").code == 0
    said = lifeboat("verify", "--backup", "latest", "--out", str(toy.folder / "out"))
    assert said.code == 2
    assert "cannot be pulled" in said.out


def test_a_backup_that_is_not_there_is_not_shown(lifeboat: Lifeboat, config: Path, toy: ToySite) -> None:
    """A mistyped id gets the nearest one as a hint."""
    meant = toy.open().repository.backups()[0].id
    for wanted, hint in ((meant.replace("T", "Y"), f"did you mean {meant}?"), ("grafana-7", "see: lifeboat list")):
        said = lifeboat("show", wanted)
        assert said.code == 2
        assert f"there is no backup {wanted} in the repository" in said.err
        assert f"hint: {hint}" in said.err


def test_a_service_without_a_backup_has_none_to_show(lifeboat: Lifeboat, config: Path) -> None:
    config.write_text(config.read_text().replace("  toy: ", "  other: "))
    said = lifeboat("show", "other")
    assert said.code == 2
    assert "other has no backup in the repository" in said.err
    assert "hint: take one: lifeboat backup other" in said.err


def test_show_tells_of_one_backup(lifeboat: Lifeboat, config: Path, tmp_path: Path) -> None:
    """By the name of its service, the newest; one backup alone is told in the singular."""
    newest = lifeboat("show", "toy").out
    assert "chain        2 backups" in newest
    full = re.findall(r"(toy-\S+) full", newest)[0]
    said = lifeboat("show", full)
    assert said.code == 0
    assert "chain        1 backup, " in said.out
    assert "never drilled" in said.out
    assert re.search(r"witness +\d+ facts about \d+ subjects", said.out)
    planned = lifeboat("restore", "toy", "--backup", full, "--to", f"local:{tmp_path}/back", "--dry-run").out
    assert f"{full}, from 1 backup, " in planned


def test_a_chain_with_a_hole_is_not_shown_as_whole(lifeboat: Lifeboat, config: Path, toy: ToySite) -> None:
    full = toy.open().repository.backups()[0]
    toy.open().repository.forget([full.snapshot])
    said = lifeboat("show", "toy")
    assert said.code == 1
    assert f"chain {full.chain} is broken" in said.err


def test_quiet_prints_nothing_when_all_went_well_and_everything_when_not(lifeboat: Lifeboat, config: Path, toy: ToySite) -> None:
    """Before and after the command's name. What reports, reports all the same."""
    said = lifeboat("backup", "--quiet")
    assert (said.code, said.out, said.err) == (0, "", "")
    said = lifeboat("-q", "prune")
    assert (said.code, said.out, said.err) == (0, "", "")
    assert "toy" in lifeboat("list", "-q").out
    toy.configure(service=", password: '${NOT_SET_ANYWHERE}'")
    said = lifeboat("backup", "-q")
    assert said.code == 2
    assert "toy: " in said.err


def test_verbose_prints_what_is_run(lifeboat: Lifeboat, config: Path) -> None:
    said = lifeboat("list", "--verbose")
    assert "ran restic snapshots" in said.err
    assert "ran " not in said.out
    assert "correct horse" not in said.err
    assert lifeboat("-v", "list").err.count("ran restic") == 1
    assert lifeboat("list").err == ""


@pytest.mark.parametrize("command", ["list", "status"])
def test_what_reads_tags_alone_asks_restic_for_them_once(command: str, toy: ToySite, lifeboat: Lifeboat) -> None:
    asked: list[str] = []
    with commands_run.listening(lambda words, _: asked.append(words)):
        for _ in range(2):
            lifeboat(command, "--config", str(toy.folder / "lifeboat.yaml"))
    restic = [words.split()[1] for words in asked if words.startswith("restic")]
    assert restic == ["cat", "snapshots", "snapshots"], "which repository is it? a state that is new has to ask"
