"""A backup that a clock dated in the future: no command takes it for the latest, each that looks names it, none deletes it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.contract.toy_site import ToySite
from tests.integration.flows.conftest import Said, lifeboat
from tests.integration.retention.conftest import fabricate, identifier

__all__ = ["lifeboat"]


def test_it_is_named_by_whatever_looks_and_chosen_by_nothing(toy: ToySite, lifeboat: Callable[..., Said], tmp_path: Path) -> None:
    config, ahead = (
        ("--config", str(toy.folder / "lifeboat.yaml")),
        datetime.now(UTC).replace(microsecond=0) + timedelta(days=400),
    )
    site = toy.open()
    latest = site.repository.backups()[-1].id
    fabricate(site, tmp_path / "scratch", "ahead", [ahead])
    named = f"is dated {ahead:%Y-%m-%d %H:%M:%S} UTC, in the future: it is now {datetime.now(UTC):%Y-%m-%d %H:}"

    for words, code in ((("list",), 0), (("status",), 1), (("doctor",), 1), (("watch",), 0)):
        done = lifeboat(*words, *config)
        assert done.code == code, done.out + done.err
        assert named in done.out, words
        assert identifier("ahead") in done.out, words
    assert [row["in_future"] for row in json.loads(lifeboat("list", "--json", *config).out)] == [False, False, True]
    [status] = json.loads(lifeboat("status", "--json", *config).out)
    assert (status["last_backup"], status["backups"]) == (latest, 3)
    [seen] = json.loads(lifeboat("watch", "--json", *config).out)
    assert named in seen["ahead"][0]

    assert json.loads(lifeboat("show", "toy", "--json", *config).out)["id"] == latest
    verified = lifeboat("verify", "--json", "--out", str(tmp_path / "report"), *config)
    assert verified.code == 0, verified.err
    assert {drill["backup"]["id"] for drill in json.loads(verified.out)["drills"]} == {latest}
    assert json.loads(verified.out)["rpo"]["measured_seconds"] >= 0
    planned = lifeboat("restore", "toy", "--to", f"local:{tmp_path}/back", "--dry-run", "--json", *config)
    assert json.loads(planned.out)["backup"] == latest

    pruned = json.loads(lifeboat("prune", "--json", *config).out)
    assert [chain["keep"] for chain in pruned["chains"]] == [True, True]
    assert "in the future" in pruned["chains"][-1]["reason"]
    assert toy.back_up() != latest
    extended = site.repository.backups()
    assert [backup.sequence for backup in extended if backup.chain == extended[0].chain] == [0, 1, 2]
