"""Two repositories: each is proven by itself, and when the first is gone a new user is told what the second can bring back."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.contract import toy as toys
from tests.contract.toy_site import ToySite
from tests.integration.flows.conftest import Said
from tests.servers import restic
from verification import copying
from verification.evidence import proven, store
from verification.verify import verify

Typed = Callable[..., Said]


@pytest.fixture
def both(toy: ToySite) -> ToySite:
    """The toy site with a second repository, which has a copy of all."""
    (toy.folder / "key2").touch(mode=0o600)
    (toy.folder / "key2").write_text("another horse\n")
    site = toy.configure(more=f"repositories: {{offsite: {{url: offsite, password_file: '{toy.folder}/key2'}}}}")
    site.at("offsite").repository.ensure_for_copies_of(site.repository)
    restic.cheapen(toy.folder / "offsite", "another horse")
    (copied,) = copying.copy_all(site)
    assert copied.fault is None
    assert copied.backups == 2
    return toy


@pytest.fixture
def typed(both: ToySite, lifeboat: Typed, monkeypatch: pytest.MonkeyPatch) -> Typed:
    monkeypatch.setenv("LIFEBOAT_CONFIG", str(both.folder / "lifeboat.yaml"))
    return lifeboat


def test_a_proof_from_one_repository_proves_nothing_of_the_other(both: ToySite, typed: Typed, tmp_path: Path) -> None:
    """What is drilled when nothing is chosen is the first as ever, and the newest backup in the other one."""
    site, now = both.open(), datetime.now(UTC)
    latest = site.repository.backups()[-1]
    assert typed("status").code == 1

    only = verify(site, ["toy"], selections=["latest"], repository="offsite")
    assert [(each.repository, each.verdict) for each in only.drills] == [("offsite", "verified")]
    assert (only.kept and only.kept.snapshot, only.kept and only.kept.repository) != (None, None)
    assert store.proofs(site.repository, datetime.now(UTC)) == {}
    assert not proven.here(site.state, site.repository.listing().backups), "it would be restored by itself"
    (status,) = json.loads(typed("status", "--json").out)
    (there,) = status["repositories"]
    assert (status["standing"], there["standing"], there["behind"], there["backups"]) == ("never-proven", "verified", 0, 2)
    assert there["restore_seconds"] == only.drills[0].restore_seconds
    assert (there["proven_backup"], there["complaints"]) == (latest.id, [])

    out = tmp_path / "report"
    usual = typed("verify", "--json", "--out", str(out))
    assert usual.code == 0, usual.err
    drills = json.loads(usual.out)["drills"]
    assert [(each["selection"], each["also"], each["repository"], each["verdict"]) for each in drills] == [
        ("worst", ["latest"], "first", "verified"), ("latest", [], "offsite", "verified"),
    ]  # fmt: skip
    assert "<h2>toy from offsite <" in (out / "report.html").read_text()
    assert "drills from further repositories" in (out / "history.html").read_text()
    assert 'name="toy latest from offsite"' in (out / "junit.xml").read_text()
    assert len(verify(site, ["toy"], selections=["latest"]).drills) == 1

    assert re.search(r"from offsite: verified at [0-9: -]+ UTC, back in ", typed("history").out)

    # What is damaged there is damaged there alone.
    for pack in (both.folder / "offsite" / "data").rglob("*"):
        if pack.is_file():
            pack.chmod(0o600)
            pack.write_bytes(bytes(len(pack.read_bytes())))
    shutil.rmtree(site.state / "cache")
    damaged = typed("verify", "--from", "offsite", "--backup", "latest", "--out", str(out))
    assert damaged.code == 1, damaged.out + damaged.err
    assert "latest from offsite" in damaged.out
    said = typed("status")
    assert said.code == 1
    (status,) = json.loads(typed("status", "--json").out)
    assert (status["standing"], status["repositories"][0]["standing"]) == ("verified", "failed")
    assert status["complaints"] == ["offsite: the last verification from there failed"]
    assert "toy the last verification from there failed" in " ".join(said.out.split())
    assert store.proofs(site.repository, now + timedelta(days=365))[latest.id].verdict == "verified"

    # Another one in its place has the same backups, and the evidence about the lost one: nothing ever came back from it.
    shutil.rmtree(both.folder / "offsite")
    assert typed("copy", "--init").code == 0
    (status,) = json.loads(typed("status", "--json").out)
    assert (status["repositories"][0]["standing"], status["repositories"][0]["behind"]) == ("never-proven", 0)


def test_the_first_is_gone_and_a_restore_offers_the_second(both: ToySite, typed: Typed, tmp_path: Path) -> None:
    """As a new user would: the directory is moved away; what the error says to type brings the service back."""
    latest = both.open().repository.backups()[-1].id
    assert typed("verify", "--from", "offsite", "--backup", "latest", "--out", str(tmp_path / "report")).code == 0
    shutil.move(both.repository, both.folder / "moved")
    target = f"local:{tmp_path}/back"

    refused = typed("restore", "toy", "--to", target)
    assert refused.code == 2
    assert "from the repository first: there is no repository at" in refused.err
    assert f"offsite holds {latest}, " in refused.err
    assert "it was verified from there " in refused.err
    assert not (tmp_path / "back").exists()
    command = refused.err.split("ago, back in ")[1].partition(": ")[2].strip().splitlines()[0]
    assert command == f"lifeboat restore toy --from offsite --to {target}"

    words = shlex.split(command)[1:]
    planned = typed(*words, "--dry-run")
    assert "the repository offsite, not the first" in planned.out
    assert "in the last drill (" in planned.out
    done = typed(*words)
    assert done.code == 0, done.out + done.err
    assert done.out.startswith("verified")
    assert "out of the repository offsite" in done.out
    assert toys.names(tmp_path / "back") == toys.names(both.source)
    (book,) = (both.folder / "state" / "restores").iterdir()
    assert "from the repository offsite, not the first" in book.read_text()

    for command in ("list", "status", "history toy", "show toy", f"diff toy {latest} latest"):
        said = typed(*command.split())
        assert said.code == 2
        assert f"lifeboat {command.replace('status', 'list')} --from offsite" in said.err, said.err
    assert latest in typed("list", "--from", "offsite").out
    (told,) = json.loads(typed("history", "--from", "offsite", "--json").out)
    assert latest in [each["id"] for each in told["backups"]]
    assert "verified" in typed("show", "toy", "--from", "offsite").out

    # Monday comes, and nobody has mended it: what is left is proven, and the evidence of that is kept there.
    (drilled,) = [each for each in json.loads(typed("verify", "--json").out)["drills"] if each["verdict"] == "verified"]
    assert drilled["repository"] == "offsite"
    evidence = verify(both.open(), ["toy"], rotate=True)
    assert [each.verdict for each in evidence.drills] == ["could-not-run", "could-not-run", "verified"]
    assert "look into another repository: lifeboat verify toy --from offsite" in (evidence.drills[0].hint or "")
    assert evidence.kept
    assert (evidence.kept.repository, evidence.kept.snapshot is not None) == ("offsite", True)
    assert "there is no repository at" in (evidence.kept.reason or "")
    shutil.move(both.folder / "moved", both.repository)
    (status,) = json.loads(typed("status", "--json").out)
    assert status["repositories"][0]["proven_at"] >= evidence.finished_at.isoformat()[:19]


def test_one_that_cannot_be_reached_is_named(both: ToySite, typed: Typed) -> None:
    shutil.move(both.folder / "offsite", both.folder / "moved")
    said = typed("status")
    assert said.code == 1
    assert "cannot be read: there is no repository at" in " ".join(said.out.split())
    evidence = verify(both.open(), ["toy"], rotate=True)
    assert [each.verdict for each in evidence.drills] == ["verified", "could-not-run"]
    assert evidence.verdict == "could-not-run"
    refused = typed("restore", "toy", "--from", "offsite", "--to", "local:/nowhere")
    assert "lifeboat restore toy --from first --to local:/nowhere" in refused.err
    unknown = typed("verify", "--from", "vault")
    assert (unknown.code, unknown.err.splitlines()) == (
        2, ["lifeboat: there is no repository vault in lifeboat.yaml", "hint: configured: first, offsite"]
    )  # fmt: skip


def test_a_backup_that_is_damaged_in_the_first_is_offered_from_the_second(both: ToySite, typed: Typed, tmp_path: Path) -> None:
    """A byte of a file in it: that is found when it is fetched, before the target is touched."""
    pack = max((path for path in (both.repository / "data").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    pack.chmod(0o600)
    pack.write_bytes(content)
    refused = typed("restore", "toy", "--to", f"local:{tmp_path}/back")
    assert refused.code == 1, refused.out + refused.err
    told = " ".join((refused.out + refused.err).split())
    assert "from the repository first: " in told
    assert "its content is damaged" in told
    assert f"lifeboat restore toy --from offsite --to local:{tmp_path}/back" in told
    assert not (tmp_path / "back").exists()
    assert typed("restore", "toy", "--to", f"local:{tmp_path}/back", "--from", "offsite").code == 0
