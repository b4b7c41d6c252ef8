"""What a key costs: restic's own, which Lifeboat's repositories have, and that of the tests' repositories, else like any other."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import AT, repository_at
from tests.servers import restic


def cost(repository: Path) -> int:
    """What scrypt is told to spend on the one key of a repository: bytes of memory, times passes over it."""
    (key,) = (json.loads(path.read_text()) for path in (repository / "keys").iterdir())
    assert key["kdf"] == "scrypt"
    return 128 * int(key["N"]) * int(key["r"]) * int(key["p"])


def shape(repository: Path) -> set[str]:
    """The names that every empty repository has; a key is called by its hash."""
    paths = (path.relative_to(repository) for path in repository.rglob("*"))
    return {str(path) if path.parent.name != "keys" else "keys/KEY" for path in paths}


def test_a_repository_of_lifeboats_has_the_key_that_restic_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the real restic from the beginning: its key is dear to try, and the tests' own differs in that alone."""
    cheap = repository_at(tmp_path / "cheap" / "repository")
    cheap.ensure()
    monkeypatch.setenv("PATH", restic.path_of_the_real_one())
    dear = repository_at(tmp_path / "dear" / "repository")
    dear.ensure()
    assert cost(Path(dear.url)) >= 16 * 2**20, "restic's least: 16 MiB"
    assert cost(Path(cheap.url)) == 128 * 2 * 8
    assert shape(Path(cheap.url)) == shape(Path(dear.url))


def test_the_real_restic_takes_a_repository_of_the_tests_for_whole(tmp_path: Path) -> None:
    repository = repository_at(tmp_path / "repository")
    repository.ensure()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "noise").write_bytes(os.urandom(5_000_000))
    snapshot = repository.save(tmp_path / "data", host="here", tags=["lifeboat"], at=AT)
    repository.check(read_data=True)
    repository.fetch(snapshot, tmp_path / "back")
    assert (tmp_path / "back" / "noise").read_bytes() == (tmp_path / "data" / "noise").read_bytes()
    with pytest.raises(Exception, match="the password is wrong"):
        repository_at(tmp_path / "repository", password="a guess").exists()


def test_what_is_no_new_directory_is_left_to_the_real_restic(tmp_path: Path) -> None:
    """One that is there already is refused by restic itself, and stays as it is."""
    restic.make(tmp_path / "repository", "correct horse")
    before = (tmp_path / "repository" / "config").read_bytes()
    environment = os.environ | {"RESTIC_REPOSITORY": str(tmp_path / "repository"), "RESTIC_PASSWORD": "another"}
    refused = subprocess.run(["restic", "init"], env=environment, capture_output=True, text=True, check=False)
    assert refused.returncode != 0
    assert "already" in refused.stderr
    assert (tmp_path / "repository" / "config").read_bytes() == before
