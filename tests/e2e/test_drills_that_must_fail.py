"""The verifier is drilled: boats damaged in every way we know, and each time the verdict is `failed` and names the culprit.

All on real copies of what the demo's week of backups left; the sources are gone, their passwords are not there.
"""

import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import sqlalchemy

from backups.services.base import Copy, Fetched
from backups.site import Site
from deployments.grafana_standin import edits
from tests.e2e.conftest import Rehearsed
from verification.drill.tamper import Tamper
from verification.evidence.evidence import DrillResult
from verification.verify import verify


def drilled(site: Site, service: str, tamper: Tamper | None, selection: str = "latest") -> DrillResult:
    (result,) = verify(site, [service], selections=[selection], tamper=tamper).drills
    return result


def culprits(result: DrillResult) -> set[tuple[str, str]]:
    return {(check.subject, check.metric) for check in result.failures}


def sql(*statements: str) -> Callable[[Copy], None]:
    """Change the restored MySQL; every statement must change something."""

    def change(copy: Copy) -> None:
        engine = sqlalchemy.create_engine(copy.database_url("agama") or "")
        with engine.begin() as connection:
            for statement in statements:
                done = connection.execute(sqlalchemy.text(statement)).rowcount
                assert done > 0 or statement.startswith("DROP"), statement
        engine.dispose()

    return change


SWAP = (
    "UPDATE product JOIN (SELECT 1 AS id, (SELECT title FROM product WHERE id = 2) AS title "
    "UNION SELECT 2, (SELECT title FROM product WHERE id = 1)) AS other USING (id) SET product.title = other.title"
)
DAMAGE = {
    "a row deleted": (
        "DELETE FROM order_line ORDER BY order_id, line LIMIT 1",
        {("agama.order_line", "rows"), ("agama.order_line", "fingerprint")},
    ),
    "a value changed": ("UPDATE payment SET amount = amount + 0.01 ORDER BY id LIMIT 1", {("agama.payment", "fingerprint")}),
    "two values swapped between rows": (SWAP, {("agama.product", "fingerprint")}),
    "a table dropped": ("DROP TABLE newsletter", {("agama.newsletter", "rows"), ("agama.newsletter", "definition")}),
    "a trigger dropped": ("DROP TRIGGER client_changed", {("trigger agama.client_changed", "definition")}),
}
"""What is done to the restored MySQL, each to another thing, and what is to be named."""


def test_a_damaged_database_is_caught(rehearsed: Rehearsed) -> None:
    """What was not touched is equal, what was touched is named with both values, however much it is at once."""
    statements = [statement for statement, _ in DAMAGE.values()]
    expected = {culprit for _, named in DAMAGE.values() for culprit in named}
    result = drilled(rehearsed.site(), "agama", Tamper("; ".join(DAMAGE), running=sql(*statements)))
    assert result.verdict == "failed", result.error
    assert expected <= culprits(result)
    assert {subject for subject, _ in culprits(result)} == {subject for subject, _ in expected}
    assert all(check.expected != check.observed for check in result.failures)


def lose_log(chain: Sequence[Fetched]) -> None:
    """Take a binary log away from the middle of the chain."""
    segments = sorted((chain[1].data / "log").iterdir())
    assert segments
    segments[0].unlink()


def test_a_binary_log_missing_from_the_chain_is_caught(rehearsed: Rehearsed) -> None:
    result = drilled(rehearsed.site(), "agama", Tamper("a binary log missing", fetched=lose_log), "worst")
    assert result.verdict == "failed"
    assert "binlog." in (result.error or "")


def lose_block(chain: Sequence[Fetched]) -> None:
    shutil.rmtree(next(path for path in sorted((chain[-1].data / "blocks").iterdir())))


def damage_chunk(_: Copy, directory: Path) -> None:
    """Flip one bit in the middle of a chunk file of the copy."""
    chunk = max(directory.rglob("chunks/0*"), key=lambda path: path.stat().st_size)
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 1
    chunk.unlink()
    chunk.write_bytes(bytes(content))
    chunk.chmod(0o644)


@pytest.mark.parametrize(
    "tamper",
    [Tamper("a block removed", fetched=lose_block), Tamper("a chunk damaged", files=damage_chunk)],
    ids=lambda tamper: tamper.description.replace(" ", "-"),
)
def test_damaged_metrics_are_caught(rehearsed: Rehearsed, tamper: Tamper) -> None:
    """The block is named, by its ULID."""
    result = drilled(rehearsed.site(), "prometheus", tamper)
    assert result.verdict == "failed", result.error
    assert "block" in f"{result.error} {culprits(result)}"


def test_a_damaged_grafana_is_caught(rehearsed: Rehearsed) -> None:
    """A dashboard removed, a panel's query changed, a data source removed: each is named."""

    def files(_: Copy, directory: Path) -> None:
        database = directory / "grafana" / "grafana.db"
        edits.delete_dashboard(database, "welcome")
        edits.change_panel(database, "agama-orders", 1, targets=[{"refId": "A", "expr": "vector(1)"}])
        edits.delete_rows(database, "data_source", "uid = 'agama-mysql'")

    result = drilled(rehearsed.site(), "grafana", Tamper("three things changed", files=files))
    assert result.verdict == "failed", result.error
    said = f"{result.error} {culprits(result)}"
    assert [each for each in ("dashboard welcome", "dashboard agama-orders", "data source agama-mysql") if each not in said] == []


def test_a_byte_flipped_in_the_repository_is_caught(rehearsed: Rehearsed, tmp_path: Path) -> None:
    """One byte of every pack: nothing of it can be read back as it was stored, and nobody says otherwise."""
    home = tmp_path / "demo"
    shutil.copytree(rehearsed.home, home, ignore=shutil.ignore_patterns("state", "report*"))
    chance = random.Random(7)
    for pack in (path for path in (home / "repository" / "data").rglob("*") if path.is_file()):
        pack.chmod(0o600)
        with pack.open("r+b") as file:
            file.seek(chance.randrange(pack.stat().st_size))
            byte = file.read(1)
            file.seek(-1, 1)
            file.write(bytes([byte[0] ^ 0x40]))
    result = drilled(Site.open(home / "lifeboat.yaml"), "grafana", None)
    assert result.verdict == "failed"
    assert "repository" in (result.error or "")


@pytest.mark.parametrize("service", ["agama", "prometheus", "grafana"])
def test_a_restore_slower_than_the_objective_is_caught(rehearsed: Rehearsed, service: str) -> None:
    """The same copies under an objective of a millisecond: equal, and failed, with both numbers."""
    site = rehearsed.site()
    objectives = site.settings.objectives.model_copy(update={"rto": site.settings.objectives.rto / 7_200_000})
    result = drilled(Site(site.settings.model_copy(update={"objectives": objectives})), service, None)
    assert (result.verdict, result.rto_met, result.failures) == ("failed", False, [])
    assert any("the objective is" in reason for reason in result.reasons)


def test_nothing_of_a_damaged_drill_is_kept_as_proof(rehearsed: Rehearsed) -> None:
    """A boat that was damaged on purpose says nothing about the backup it came from."""
    before = rehearsed.site().repository.snapshots("lifeboat-evidence")
    evidence = verify(rehearsed.site(), ["grafana"], selections=["latest"], tamper=Tamper("nothing at all"))
    assert evidence.kept is not None
    assert evidence.kept.snapshot is None
    assert rehearsed.site().repository.snapshots("lifeboat-evidence") == before
