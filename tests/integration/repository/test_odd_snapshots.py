"""Snapshots that are no backup and no evidence, whatever they say: every command names them, leaves them out, and works for the rest."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backups.errors import Damaged
from backups.repository import seen
from tests.contract.toy_site import ToySite, toy, toy_template
from tests.integration.flows.conftest import Said, lifeboat
from tests.servers.forge import Thief

__all__ = ["lifeboat", "toy", "toy_template"]

Lifeboat = Callable[..., Said]

ID = "toy-20261126T000000Z"
TAGS = {
    "backup": ID, "service": "toy", "type": "toy", "kind": "full", "chain": ID, "sequence": "0", "taken": "2026-11-26T00:00:00+00:00",
    "bytes": "1", "limits": "0",
}  # fmt: skip
"""Those of a backup as it would be."""
VALUES = [
    "",
    "/etc/systemd/system",
    "../x",
    "..",
    "a\0b",
    "\x1b[2J\x1b]0;owned\x07",
    "x\ny",
    "[/evil]",
    "9" * 5000,
    "-1",
    "1_0",
    "NaN",
    "ü",
]
OF_ONE = {
    "kind": ["evil", "incremental"],
    "taken": ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59+00:00", "2026-11-26T00:00:00", "1e400"],
    "sequence": ["1", "1000000000000"],
    "chain": ["toy-20261126T000001Z"],
}


def odd_backups() -> Iterator[list[str]]:
    """Tags that claim to be a backup's, and are not."""
    yield ["lifeboat"]
    for key in TAGS:
        if key != "limits":
            yield ["lifeboat", *(f"{name}={value}" for name, value in TAGS.items() if name != key)]
        for value in [*VALUES, *OF_ONE.get(key, [])]:
            yield ["lifeboat", *(f"{name}={value if name == key else old}" for name, old in TAGS.items())]
        yield ["lifeboat", *(f"{name}={value}" for name, value in TAGS.items()), f"{key}=1"]


def odd_evidence(true: str) -> Iterator[list[str]]:
    """Tags that claim to prove the true backup, and do not."""
    good = [true, "failed", "1.0", "2026-11-26T00:00:00+00:00"]
    for number in range(4):
        for value in [*VALUES[:8], "latest", "inf", "2026-11-26T00:00:00", "9999-12-31T23:59:59+00:00"]:
            if (number, value) not in ((2, ""), (2, "9" * 5000)):
                yield ["lifeboat-evidence", "verdict=failed", f"proof={'|'.join([*good[:number], value, *good[number + 1 :]])}"]
    yield ["lifeboat-evidence", "proof="]
    yield ["lifeboat-evidence", f"proof={'|'.join(good)}|more"]


@pytest.fixture
def thief(toy: ToySite) -> Thief:
    return Thief.of(toy.repository, "correct horse")


def some_tree(toy: ToySite) -> str:
    return toy.open().repository.snapshots()[0].tree


def verbs(toy: ToySite, into: Path) -> Iterator[Sequence[str]]:
    yield ("list",)
    yield ("list", "toy", "--json")
    yield ("show", "toy")
    yield ("status",)
    yield ("doctor",)
    yield ("watch",)
    yield ("restore", "toy", "--to", f"local:{into}/dry", "--dry-run")
    yield ("verify", "--out", f"{into}/report")
    yield ("restore", "toy", "--to", f"local:{into}/back")
    yield ("prune",)
    yield ("backup",)


def test_every_command_names_them_all_and_does_what_it_did_without_them(
    toy: ToySite, thief: Thief, lifeboat: Lifeboat, tmp_path: Path
) -> None:
    true, tree = toy.open().repository.backups(), some_tree(toy)
    config = ("--config", str(toy.folder / "lifeboat.yaml"))
    assert lifeboat("verify", "--out", str(tmp_path / "first"), *config).code == 0
    codes = [
        lifeboat(*words, *config).code for words in verbs(toy, tmp_path / "before") if words[0] in ("doctor", "watch", "status")
    ]
    evidence = {thief.snapshot(tags, tree) for tags in odd_evidence(true[-1].id)}
    odd = evidence | {thief.snapshot(tags, tree) for tags in odd_backups()}
    # Times that no calendar has stop nobody either, whatever is dated so.
    for time in ("0001-01-01T00:00:00+14:00", "9999-12-31T00:00:00Z"):
        odd.add(thief.snapshot(["lifeboat", "backup=x"], tree, time=time))
        thief.snapshot(["of somebody else"], tree, time=time)
    odd.add(thief.file("snapshots", b"garbage" * 30))
    assert len(odd) > 150
    after: list[int] = []

    for words in verbs(toy, tmp_path):
        done = lifeboat(*words, *config)
        told = done.out + done.err
        read = odd - evidence if words[0] in ("watch", "verify", "restore") else odd
        missing = [snapshot for snapshot in read if snapshot[:8] not in told]
        assert not missing, f"{words}: {len(missing)} are not named"
        assert "\x1b[2J" not in told
        assert not set("\0\x07") & set(told)
        if words[0] in ("doctor", "watch", "status"):
            after.append(done.code)
        else:
            assert done.code == 0, (words, done.err[-2000:])
        if words == ("list", "toy", "--json"):
            rows = json.loads(done.out)
            assert [row["id"] for row in rows if not row["odd"]] == [backup.id for backup in true]
            assert {row["snapshot"][:8] for row in rows if row["odd"]} == {snapshot[:8] for snapshot in odd}

    # A snapshot that restic cannot read is damage of the repository, and status says so.
    assert after == [1, *codes[1:]]
    *_, last = toy.open().repository.backups()
    assert (last.kind, last.chain, last.sequence) == ("incremental", true[0].chain, 2)
    assert {path.name for path in (toy.repository / "snapshots").iterdir()} >= odd, "prune deletes none of them by itself"


def test_one_that_is_asked_for_is_an_error_that_says_what_is_odd(
    toy: ToySite, thief: Thief, lifeboat: Lifeboat, tmp_path: Path
) -> None:
    tags = ["lifeboat", *(f"{name}={'evil' if name == 'kind' else value}" for name, value in TAGS.items())]
    snapshot, config = thief.snapshot(tags, some_tree(toy)), ("--config", str(toy.folder / "lifeboat.yaml"))
    for words in (
        ("show", ID),
        ("verify", "--backup", ID, "--out", str(tmp_path)),
        ("restore", "toy", "--backup", ID, "--to", "local:/x", "--dry-run"),
    ):
        done = lifeboat(*words, *config)
        assert done.code == 1, (words, done.err)
        assert f"snapshot {snapshot[:8]} is left out: its tags" in done.out + done.err


class Twice:
    """A true backup, and a snapshot with other content that claims to be it."""

    def __init__(self, toy: ToySite, thief: Thief) -> None:
        self.toy = toy
        *_, self.true = toy.open().repository.backups()
        manifest = toy.open().repository.manifest(self.true)
        other = thief.tree([thief.directory_node("data", []), thief.file_node("manifest.json", b"{}")])
        self.false = thief.snapshot(manifest.tags(), other, time="2020-01-01T00:00:00Z")


def test_of_two_that_claim_to_be_the_same_the_one_that_was_there_before_counts(
    toy: ToySite, thief: Thief, lifeboat: Lifeboat
) -> None:
    twice = Twice(toy, thief)
    listing = toy.open().repository.listing()
    assert [record.snapshot for record in listing.backups][-1] == twice.true.snapshot
    assert [odd.snapshot for odd in listing.odd] == [twice.false]
    assert f"that is snapshot {twice.true.snapshot[:8]}, which was here before it" in str(listing.odd[0])
    listing.require_not_odd(twice.true.id)
    toy.back_up()
    assert toy.open().repository.backups()[-1].sequence == 2, "its chain is built on"


def test_where_neither_was_known_before_neither_is_believed_and_a_line_of_the_operators_decides(
    toy: ToySite, thief: Thief
) -> None:
    twice = Twice(toy, thief)
    memory = toy.open().state / seen.FILE
    memory.unlink()
    listing = toy.open().repository.listing()
    assert {odd.snapshot for odd in listing.odd} == {twice.false, twice.true.snapshot}
    assert [record.sequence for record in listing.backups] == [0]
    with pytest.raises(Damaged, match="which of them is true is not known here, so neither is believed"):
        listing.require_not_odd(twice.true.id)
    toy.back_up()
    *_, full = toy.open().repository.backups()
    assert full.kind == "full", "nothing is built on a chain that is not known"
    assert not full.standalone
    memory.write_text(f"{memory.read_text()}{twice.true.id} {twice.true.snapshot} {twice.true.chain}\n")
    assert twice.true in toy.open().repository.backups()


def test_a_copy_of_a_backups_own_snapshot_is_no_dispute(toy: ToySite, thief: Thief) -> None:
    site = toy.open()
    [*_, last] = site.repository.snapshots()
    (site.state / seen.FILE).unlink(missing_ok=True)
    thief.snapshot(last.tags, last.tree)
    listing = toy.open().repository.listing()
    assert (len(listing.backups), len(listing.odd), listing.disputed) == (2, 1, {})
    assert "it is the same as snapshot" in str(listing.odd[0])


def test_the_watch_passes_over_a_newest_backup_that_turns_out_to_be_none(toy: ToySite, thief: Thief, lifeboat: Lifeboat) -> None:
    """Its tags are those of a backup of now, and it has no manifest."""
    now = datetime.now(UTC)
    tags = {**TAGS, "backup": f"toy-{now:%Y%m%dT%H%M%SZ}-7", "chain": f"toy-{now:%Y%m%dT%H%M%SZ}-7", "taken": now.isoformat()}
    empty = thief.tree([thief.directory_node("data", [])])
    snapshot = thief.snapshot(["lifeboat", *(f"{name}={value}" for name, value in tags.items())], empty)
    toy.configure(more="watch: {pause: 0s}")
    (toy.source / "log.txt").unlink()
    done = lifeboat("watch", "--json", "--config", str(toy.folder / "lifeboat.yaml"))
    [seen_of_it] = json.loads(done.out)
    assert [problem["subject"] for problem in seen_of_it["seen"]] == ["file log.txt"], "compared with the one before"
    assert f"snapshot {snapshot[:8]}, which says that it is backup {tags['backup']}, holds no manifest.json" in done.err
