"""A kit of the toy service brings everything back where the machine is gone: from a further repository, in order, and again."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest

from tests import documented
from tests.contract import toy as toys
from tests.contract.toy_site import ToySite
from tests.integration.flows.conftest import Said

CommandLine = Callable[..., Said]


@pytest.fixture
def kit(toy: ToySite, lifeboat: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kit of a site with two services that hold the same, two repositories and a variable; its machine is gone then."""
    shutil.copytree(toy.repository, tmp_path / "elsewhere")
    monkeypatch.setenv("TOY_PASSWORD", "only in the kit")
    toy.configure(
        more=f"repositories: {{second: {{url: {tmp_path}/elsewhere, password_file: key}}}}\nrescue: [toy]",
        service=", password: '${TOY_PASSWORD}'",
    )
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "identity.txt").write_text(str(identity))
    recipient = str(identity.to_public())
    config = ("--config", str(toy.folder / "lifeboat.yaml"))
    said = lifeboat("kit", "--out", str(tmp_path / "kit.age"), "--recipient", recipient, "--json", *config)
    # The toy's source is a directory that its settings name: no kit carries one, and says so.
    assert (said.code, "is a directory, and no directory is carried" in said.out) == (1, True), said.out + said.err
    (example,) = documented.examples("kit")
    assert documented.differences({**example, "repositories": {}}, {**json.loads(said.out), "repositories": {}}) == []
    assert "only in the kit" not in said.out + said.err
    told = tmp_path / "lifeboat.prom"
    assert lifeboat("status", "--metrics", str(told), *config).out.count("as new as the configuration") == 1
    assert re.search(r"^lifeboat_kit_outdated 0\n(#.*\n)*lifeboat_", told.read_text(), re.MULTILINE)
    assert re.search(r"^lifeboat_kit_timestamp_seconds \d+", told.read_text(), re.MULTILINE)
    monkeypatch.delenv("TOY_PASSWORD")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "kit.age"


@pytest.fixture
def rescue(kit: Path, lifeboat: CommandLine, tmp_path: Path) -> CommandLine:
    """`lifeboat rescue KIT …` into a folder of its own."""
    known = ("--to", str(tmp_path / "rescued"), "--identity", str(tmp_path / "identity.txt"))
    return lambda *words: lifeboat("rescue", str(kit), *known, *words)


def contents(root: Path) -> dict[str, str]:
    return {name: toys.digest(root / name) for name in toys.names(root)}


def test_all_comes_back_from_the_repository_that_is_left(toy: ToySite, rescue: CommandLine, tmp_path: Path) -> None:
    before = contents(toy.source)
    toy.folder.rename(tmp_path / "gone")
    base = ("--to-base", f"local:{tmp_path}/back")
    said = rescue("--dry-run", *base, "--json")
    assert said.code == 0, said.out + said.err
    report, planned = documented.examples("rescue")
    assert documented.differences(planned, json.loads(said.out)) == []
    assert [each["repository"] for each in json.loads(said.out)["services"]] == ["second"]
    assert not (tmp_path / "rescued").exists()

    (tmp_path / "back" / "toy").mkdir(parents=True)
    (tmp_path / "back" / "toy" / "mine.txt").write_text("mine")
    said = rescue(*base, "--json")
    (part,) = json.loads(said.out)["services"]
    assert (said.code, part["verdict"], part["repository"]) == (2, "could-not-run", "second")
    assert "holds something already: mine.txt" in part["why"]

    (tmp_path / "back" / "toy" / "mine.txt").unlink()
    said = rescue(*base, "--json")
    assert said.code == 0, said.out + said.err
    assert documented.differences(report, json.loads(said.out)) == []
    report = json.loads(said.out)
    assert [(each["name"], each["why"] is None) for each in report["repositories"]] == [("first", False), ("second", True)]
    assert [(each["service"], each["verdict"]) for each in report["services"]] == [("toy", "verified")]
    assert report["kept"]["snapshot"]
    assert contents(tmp_path / "back" / "toy") == before

    # Started again, it has nothing left to do, and touches nothing.
    said = rescue(*base)
    assert (said.code, "1 of 1 services brought back and verified, 1 of them by an earlier start" in said.out) == (0, True)


def test_a_damaged_backup_is_not_brought_back(toy: ToySite, rescue: CommandLine, tmp_path: Path) -> None:
    packs = [
        path
        for name in ("repository", "toy/repository", "elsewhere")
        for path in (tmp_path / name / "data").rglob("*")
        if path.is_file()
    ]
    for path in packs:
        path.chmod(0o600)
        path.write_bytes(b"\0" * path.stat().st_size)
    said = rescue("--to-base", f"local:{tmp_path}/back", "--json")
    assert said.code in {1, 2}
    (part,) = json.loads(said.out)["services"]
    assert part["verdict"] in {"failed", "could-not-run"}
    assert part["why"]
    assert not (tmp_path / "back" / "toy").exists()


def test_a_service_that_nobody_said_where_to_is_named(rescue: CommandLine) -> None:
    said = rescue("--json")
    (part,) = json.loads(said.out)["services"]
    assert (said.code, "nobody has said where toy is to come back" in part["why"]) == (2, True)


def test_the_mark_of_another_repository_is_told(toy: ToySite, rescue: CommandLine, tmp_path: Path) -> None:
    """A disk with another repository in the place of the one that the kit knows is not taken for it."""
    for place in (toy.repository, tmp_path / "elsewhere"):
        shutil.rmtree(place)
    said = rescue("--dry-run", "--to-base", f"local:{tmp_path}/back")
    assert said.code == 2
    assert "is its disk mounted?" in said.out
    assert "no repository is reached" in said.out
