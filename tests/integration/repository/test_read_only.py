"""A repository on a disk that is mounted read-only gives back everything; whatever would write says so at once."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backups.errors import LifeboatError
from backups.repository.repository import Repository
from backups.secret import Secret
from tests.contract.toy_site import ToySite, toy, toy_template
from tests.integration.flows.conftest import Said, lifeboat

__all__ = ["lifeboat", "toy", "toy_template"]

Lifeboat = Callable[..., Said]


@pytest.fixture
def sealed(toy: ToySite) -> Iterator[ToySite]:
    """The site, its repository mounted read-only: root may not write there either."""
    subprocess.run(["mount", "--bind", str(toy.repository), str(toy.repository)], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", str(toy.repository)], check=True)
    yield toy
    subprocess.run(["umount", "--lazy", str(toy.repository)], check=True)


def test_it_gives_back_everything_and_says_what_it_cannot_keep(sealed: ToySite, lifeboat: Lifeboat, tmp_path: Path) -> None:
    config, out = ("--config", str(sealed.folder / "lifeboat.yaml")), tmp_path / "report"
    assert [row["kind"] for row in json.loads(lifeboat("list", "--json", *config).out)] == ["full", "incremental"]
    assert json.loads(lifeboat("show", "toy", "--json", *config).out)["kind"] == "incremental"
    verified = lifeboat("verify", "--backup", "latest", "--out", str(out), *config)
    assert verified.code == 0, verified.out + verified.err
    assert "the evidence is not kept in the repository" in verified.err
    kept = json.loads((out / "report.json").read_text())["kept"]
    assert kept["snapshot"] is None
    assert "it is read-only from here" in kept["reason"]
    restored = lifeboat("restore", "toy", "--to", f"local:{tmp_path}/back", *config)
    assert restored.code == 0, restored.out + restored.err
    assert (tmp_path / "back" / "log.txt").read_text() == (sealed.source / "log.txt").read_text()

    doctor = lifeboat("doctor", *config)
    assert doctor.code == 1
    assert "opens, 2 backups" in doctor.out
    assert "cannot save to the repository" in doctor.out
    refused = lifeboat("backup", *config)
    assert refused.code == 2
    assert "it is read-only from here" in refused.err
    with pytest.raises(LifeboatError, match=r"cannot prune the repository .*: it is read-only from here"):
        sealed.open().repository.prune()
    assert not list((sealed.repository / "locks").iterdir())


_FAKE = """#!/bin/sh
echo "$@" >> '{log}'
case " $* " in
  *" --no-lock "*) echo '{{}}'; exit 0 ;;
esac
echo "{words}" >&2
exit 1
"""


@pytest.mark.parametrize(
    "words",
    [
        "client.PutObject: Access Denied.\nunable to create lock in backend",
        "server response unexpected: 403 Forbidden (403)\nunable to create lock in backend",
        "sftp: permission denied\nunable to create lock in backend",
        "write: no space left on device\nunable to create lock in backend",
    ],
)
def test_elsewhere_it_is_read_without_a_lock_once_a_lock_was_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, words: str
) -> None:
    """As restic says it of each kind; the second read does not try again."""
    fake, calls = tmp_path / "bin" / "restic", tmp_path / "calls"
    fake.parent.mkdir()
    fake.write_text(_FAKE.format(log=calls, words=words))
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}{os.environ['PATH']}")
    repository = Repository("s3:http://127.0.0.1:1/bucket", tmp_path / "cache", Secret("correct horse"), patience=0)
    for _ in range(2):
        repository.fetch("abc", tmp_path / "into")
    asked = [line for line in calls.read_text().splitlines() if line != "version"]
    assert ["--no-lock" in line for line in asked] == [False, True, True]
    assert sum("it is read without a lock" in record.message for record in caplog.records) == 1
    with pytest.raises(LifeboatError, match="it is read-only from here"):
        repository.forget(["abc"])


def test_a_lock_that_somebody_holds_is_not_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake, calls = tmp_path / "bin" / "restic", tmp_path / "calls"
    fake.parent.mkdir()
    fake.write_text(_FAKE.format(log=calls, words="unable to create lock in backend: repository is already locked by PID 1"))
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}{os.environ['PATH']}")
    repository = Repository("s3:http://127.0.0.1:1/bucket", tmp_path / "cache", Secret("correct horse"), patience=0)
    with pytest.raises(LifeboatError, match="it is locked"):
        repository.fetch("abc", tmp_path / "into")
    assert "--no-lock" not in calls.read_text()
