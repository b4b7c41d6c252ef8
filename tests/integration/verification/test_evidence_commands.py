"""Evidence as an auditor gets it: signed when it was made, checked without the repository, taken out of it for a period."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests import documented
from tests.contract.toy_site import ToySite
from tests.integration.flows.conftest import Said, lifeboat
from verification.evidence.drilled import TAG
from verification.evidence.evidence import Evidence
from verification.evidence.export import FILES

__all__ = ["lifeboat"]

Lifeboat = Callable[..., Said]


@pytest.fixture
def public(toy: ToySite, lifeboat: Lifeboat, tmp_path: Path) -> Path:
    """The public key of a site that has verified, and has some evidence of before signatures."""
    config = str(toy.folder / "lifeboat.yaml")
    older = tmp_path / "older"
    older.mkdir()
    at = datetime.now(UTC) - timedelta(days=2)
    bare = Evidence.model_validate(
        {"lifeboat": "0.1.0", "host": "lighthouse", "verdict": "could-not-run", "started_at": at, "finished_at": at,
         "rto": {"budget_seconds": 1, "measured_seconds": None, "met": None}, "rpo": {"budget_seconds": 1, "measured_seconds": None, "met": None},
         "drills": ()}
    )  # fmt: skip
    (older / "report.html").write_text("<script>alert(1)</script>")
    (older / "report.json").write_text(bare.model_dump_json(exclude={"triggered_by", "considered", "ran"}))
    toy.open().repository.save(older, host="lighthouse", tags=[TAG, "verdict=could-not-run"], at=at)
    said = lifeboat("verify", "--backup", "latest", "--out", str(tmp_path / "report"), "--config", config)
    assert said.code == 0, said.err
    printed = lifeboat("evidence", "key", "--config", config)
    assert printed.code == 0
    path = tmp_path / "evidence.pub"
    path.write_text(printed.out)
    return path


def test_a_report_is_checked_offline_and_taken_out_for_an_auditor(
    toy: ToySite, lifeboat: Lifeboat, public: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert report["triggered_by"]
    assert report["considered"] == [
        {"service": "toy", "backups": [each.id for each in toy.open().repository.backups()], "repository": None}
    ]
    assert {each["name"]: bool(each["sha256"]) for each in report["ran"]} == {
        "lifeboat": True, "python": False, "restic": True, "docker": False,
    }  # fmt: skip

    # What is signed stays signed: it is saved again as the evidence of another day, and once more as it is.
    repository = toy.open().repository
    finished_at = datetime.fromisoformat(report["finished_at"])
    kept = tmp_path / "kept"
    kept.mkdir()
    for each in repository.snapshots(TAG):
        if "verdict=verified" in each.tags:
            for name in FILES:
                (kept / name).write_bytes(repository.read(each.id, name))
    repository.save(kept, host="lighthouse", tags=[TAG, "verdict=verified"], at=finished_at - timedelta(days=1))
    repository.save(kept, host="lighthouse", tags=[TAG, "verdict=verified"], at=finished_at)

    config = ("--config", str(toy.folder / "lifeboat.yaml"))
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    begin = f"{datetime.now(UTC) - timedelta(days=3):%Y-%m-%d}"
    out = tmp_path / "export"
    exported = lifeboat("evidence", "export", "--from", begin, "--to", today, "--out", str(out), *config)
    assert exported.code == 0, exported.err
    assert "4 verifications, 1 of them signed with this machine's key: " in exported.out
    assert lifeboat("evidence", "export", "--from", begin, "--to", today, "--out", str(out), *config).code == 2, "it is not empty"
    assert lifeboat("evidence", "export", "--from", today, "--to", begin, "--out", str(tmp_path / "none"), *config).code == 2
    index = (out / "index.html").read_text()
    assert "unsigned: by an older Lifeboat, by one without a key, or by somebody else" in index
    assert "it was saved again under another time" in index
    assert ", which counts there" in index
    every = sorted(path.name for path in out.iterdir() if path.is_dir())
    assert len(every) == 4
    folders = [every[0], next(name for name in every if f'href="{name}/report.html"' in index)]
    assert f'href="{folders[1]}/report.html"' in index
    assert f'href="{folders[0]}.html"' in index
    assert "<script" not in (out / f"{folders[0]}.html").read_text(), "anybody may have written the page in the folder"

    # From here on there is nothing but the files.
    shutil.rmtree(toy.folder)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LIFEBOAT_CONFIG", raising=False)
    said = lifeboat("evidence", "verify", "report/report.json", "--key", str(public))
    assert (said.code, said.err) == (0, "")
    assert "signed and unchanged: 4 files in report" in said.out
    whole = lifeboat("evidence", "verify", "export", "--key", str(public), "--json")
    assert whole.code == 0, whole.err
    told = json.loads(whole.out)
    assert documented.differences(documented.examples("evidence verify")[0], told) == []
    assert {f"{folders[0]}/report.json", f"{folders[1]}/report.json", "index.html", "evidence.pub", "history.html"} <= set(
        told["files"]
    )
    assert told["others"] == []
    changed = out / folders[1] / "report.json"
    changed.write_bytes(changed.read_bytes().replace(b'"verified"', b'"failed"', 1))
    refused = lifeboat("evidence", "verify", "export", "--key", str(public))
    assert refused.code == 1
    assert f"export/{folders[1]}/report.json was changed after it was signed: its SHA-256 is " in refused.err
    (out / folders[0] / "report.json").write_text("{}")
    assert lifeboat("evidence", "verify", str(out / folders[0] / "report.json"), "--key", str(public)).code == 1, (
        "it is unsigned by itself"
    )
