"""The manifests of a chain: each is read when it is wanted, once, and one that is damaged ends the chain."""

from typing import Any, cast

import pytest

from backups.errors import ChainBroken, Damaged, LifeboatError
from backups.manifest import BackupRecord, Manifest
from backups.members import Members
from tests.unit.test_manifest import manifest

IDS = [f"agama-20261123T00000{number}Z" for number in range(4)]
RECORDS = [BackupRecord.from_tags("f" * 64, manifest(id=each, chain=each).tags()) for each in IDS]


class Held:
    """A repository that notes what is read of it; what is in `faults` cannot be."""

    def __init__(self, faults: dict[str, LifeboatError] | None = None) -> None:
        self.faults = faults or {}
        self.read: list[str] = []

    def manifest(self, record: BackupRecord) -> Manifest:
        self.read.append(record.id)
        if record.id in self.faults:
            raise self.faults[record.id]
        return manifest(id=record.id, chain=record.id)


def members(held: Held) -> Members:
    return Members(cast("Any", held), cast("Any", RECORDS))


def test_only_what_is_wanted_is_read_and_once() -> None:
    held = Held()
    chain = members(held)
    assert len(chain) == 4
    assert bool(chain)
    assert chain[-1].id == chain[3].id == IDS[3]
    assert held.read == [IDS[3]]
    assert [each.id for each in chain[:2]] == [IDS[0], IDS[1]]
    assert chain.of(IDS[1]) is chain[1]
    assert chain.of("another") is None
    assert sorted(held.read) == [IDS[0], IDS[1], IDS[3]]
    assert [each.id for each in chain] == IDS
    assert sorted(held.read) == IDS
    with pytest.raises(IndexError):
        chain[4]


def test_a_damaged_one_breaks_the_chain_for_whoever_wants_it() -> None:
    chain = members(Held({IDS[1]: Damaged("its data are gone")}))
    assert chain[-1].id == IDS[3]
    with pytest.raises(ChainBroken, match="its data are gone"):
        list(chain)
    with pytest.raises(ChainBroken, match="its data are gone"):
        chain.of(IDS[1])


def test_one_that_cannot_be_read_now_says_so() -> None:
    with pytest.raises(LifeboatError, match="no way there") as fault:
        list(members(Held({IDS[0]: LifeboatError("no way there", hint="try again")})))
    assert not isinstance(fault.value, ChainBroken)
