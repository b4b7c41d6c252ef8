"""Runs one drill of the toy service's newest backup."""

from backups.machine import runs
from tests.contract.toy_site import ToySite
from verification.drill.plan import plan
from verification.drill.tamper import Tamper
from verification.evidence.evidence import DrillResult
from verification.verify import drill_one


def latest(toy: ToySite, tamper: Tamper | None = None) -> DrillResult:
    site = toy.open()
    with runs.start(site.state) as run:
        [planned] = plan(site, ["toy"], ["latest"])
        return drill_one(site, planned, run, tamper=tamper)
