"""A suspicious backup is said loudly: on standard error, as an event that pages, and beside the backup in Prefect's table."""

import pytest

from backups.manifest import Manifest
from backups.past import Packed, Past, Sign
from flows.commands.suspicious import print_suspicious
from tests.unit.test_manifest import manifest

SIGNS = (Sign(kind="bytes", found=120 << 20, usual=1 << 20), Sign(kind="packed", found=93, usual=2))
FIGURES = "120.0 MiB are new, 1.0 MiB are usual, 93 % of it is hardly compressible, 2 % at most before"


def taken(*signs: Sign) -> Manifest:
    return manifest(past=Past(packed=Packed(blocks=9, hard=(0, 0, 0, 0, 0)), earlier=5, needed=5, signs=signs))


def test_it_is_said_on_standard_error_with_its_figures_and_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    print_suspicious(taken(*SIGNS))
    said = capsys.readouterr()
    assert said.out == ""
    assert f"lifeboat: agama: backup agama-20261123T000000Z looks suspicious: {FIGURES}\n" in said.err
    assert "if that was meant: lifeboat trust agama-20261123T000000Z --reason WHY" in said.err


def test_it_pages_beside_being_a_backup_that_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks import events
    from tasks.backup import _note

    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(events, "emit_event", lambda *, event, resource, payload: sent.append((event, payload["text"])))
    events.send_backups([("agama", taken(*SIGNS)), ("agama", taken()), ("agama", manifest())])
    assert [event for event, _ in sent] == [
        "lifeboat.backup.completed",
        events.BACKUP_SUSPICIOUS,
        *["lifeboat.backup.completed"] * 2,
    ]
    assert sent[1][1].startswith(f"agama-20261123T000000Z looks suspicious: {FIGURES}; it is kept")
    assert (_note(taken(*SIGNS)), _note(taken()), _note(manifest(reason="x"))) == (f"looks suspicious: {FIGURES}", "", "x")
