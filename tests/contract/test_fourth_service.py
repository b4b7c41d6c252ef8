"""The acceptance test of the design: a fourth service is one module and one registry line, and everything else just works."""

from tests.contract.toy_site import ToySite
from verification.verify import verify


def test_a_fourth_service_is_backed_up_restored_and_proven(toy: ToySite) -> None:
    """`toy.py` and a line in the registry are all it takes: full, incrementals, both selections, checks, evidence."""
    site = toy.open()

    evidence = verify(site, site.chosen([]))

    assert [(drill.service, drill.type, drill.chosen, drill.verdict) for drill in evidence.drills] == [
        ("toy", "toy", "latest and worst", "verified")
    ], [drill.reasons for drill in evidence.drills]
    assert evidence.verdict == "verified"
    assert {len(drill.backup.chain) for drill in evidence.drills if drill.backup} == {2}
    assert {check.subject for check in evidence.drills[0].checks} == {
        "tree",
        "file letters/an odd [name]*.txt",
        "file log.txt",
        "file noise.bin",
        "file shop.sqlite",
    }
