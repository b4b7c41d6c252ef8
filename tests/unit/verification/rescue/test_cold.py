"""What a cold start makes of the lines that it types: where one does not work that is the verdict, else what the rescue reports."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.verification.evidence.test_rescues import report
from tests.unit.verification.rescue.sites import site_of
from verification.evidence.rescues import Rescue
from verification.rescue import cold, terminal
from verification.rescue.contents import Contents
from verification.rescue.unpacked import Kit

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
KIT = Kit(Contents(lifeboat="1", host="old", made_at=NOW, configuration="/etc/lifeboat.yaml"), {}, "0" * 64)


class Container:
    """Ends each line as it was told to, by what the line holds."""

    def __init__(self, folder: Path, ends: Mapping[str, int], found: Rescue | None = None, printed: str = "") -> None:
        self.folder, self.ends, self.found, self.printed, self.typed = folder, ends, found, printed, list[str]()

    def execute(self, arguments: Sequence[str]) -> int:
        self.typed.append(arguments[-1])
        code = next((code for part, code in self.ends.items() if part in arguments[-1]), 0)
        (self.folder / "printed").write_text(self.printed)
        if self.found and " rescue " in arguments[-1] and "--dry-run" not in arguments[-1]:
            (self.folder / "rescued").mkdir()
            (self.folder / "rescued" / "rescue.json").write_text(self.found.model_dump_json())
        return code


def typed(
    tmp_path: Path, ends: Mapping[str, int], found: Rescue | None = None, printed: str = "", took: float = 60.0
) -> tuple[Rescue, Container]:
    folder = tmp_path / "cold"
    folder.mkdir()
    terminal.put(folder, "five odd words in a row")
    container = Container(folder, ends, found, printed)
    times = iter([NOW, NOW + timedelta(seconds=took)])
    site, _ = site_of(tmp_path / "etc")
    made: Any = container
    return terminal.type_lines(made, KIT, folder, site, lambda: next(times)), container


def test_all_that_the_page_says_is_typed_and_timed(tmp_path: Path) -> None:
    found, container = typed(tmp_path, {}, report("verified", "verified", kind="rescue"))
    assert (found.kind, found.verdict, len(found.services), found.error) == ("cold-start", "verified", 2, None)
    assert [step.name.split()[0] for step in found.steps][:2] == ["apt-get", "apt-get"]
    assert len(found.steps) == len(container.typed) == 6
    # The passphrase is asked for at a terminal, and is on no command line.
    assert ["terminal.py" in line for line in container.typed] == [False, False, True, False, True, True]


def test_the_first_line_that_does_not_work_ends_it_and_is_named(tmp_path: Path) -> None:
    found, container = typed(tmp_path, {"install.sh": 3}, printed="Passphrase: \r\nno matching\n distribution \x1b[31m\n")
    assert (found.verdict, len(container.typed)) == ("could-not-run", 4)
    assert found.error is not None
    assert "`sh program/install.sh` ended with 3: no matching distribution" in found.error
    assert "\x1b" not in found.error
    # Nothing is forgotten: each service is named.
    assert [(each.service, each.verdict) for each in found.services] == [
        (name, "could-not-run") for name in ("prometheus", "agama", "grafana")
    ]


@pytest.mark.parametrize("code", [1, 2])
def test_what_a_rescue_reports_is_the_verdict_and_not_its_exit_code(code: int, tmp_path: Path) -> None:
    verdict = {1: "failed", 2: "could-not-run"}[code]
    found, _ = typed(tmp_path, {"--no-report'": code}, report("verified", verdict, kind="rescue"))
    assert (found.verdict, found.error) == (verdict, None)


def test_a_rescue_that_leaves_no_report_could_not_run(tmp_path: Path) -> None:
    found, _ = typed(tmp_path, {"--no-report'": 2}, printed="lifeboat: the kit does not open")
    assert (found.verdict, "the kit does not open" in (found.error or "")) == ("could-not-run", True)


def test_a_start_that_takes_longer_than_the_rto_has_failed(tmp_path: Path) -> None:
    found, _ = typed(tmp_path, {}, report("verified", kind="rescue"), took=7300)
    assert (found.verdict, "RTO 2 h 00 min missed" in found.words) == ("failed", True)


def test_a_line_that_hangs_is_ended_after_the_rto(tmp_path: Path) -> None:
    found, container = typed(tmp_path, {"apt-get update": 124})
    assert "it took longer than the RTO" in (found.error or "")
    assert "timeout -k 10 7200 " in container.typed[0]


def test_what_it_shares_with_its_machine_is_said(tmp_path: Path) -> None:
    site, _ = site_of(tmp_path / "etc")
    (tmp_path / "etc" / "repository").mkdir()
    said = "\n".join(cold._shared(site, KIT, own=True))
    for part in (
        "Docker",
        "Debian's and Python's packages",
        "the repository first is a directory",
        "the kit was made for this drill",
    ):
        assert part in said
    assert "second" not in said
    assert "made for this drill" not in "\n".join(cold._shared(site, KIT, own=False))


def test_a_passphrase_that_the_terminal_has_shown_is_in_no_report(tmp_path: Path) -> None:
    found, _ = typed(
        tmp_path,
        {"age --decrypt": 1},
        printed="Enter passphrase: five odd words in a row\r\nfive odd words in a row\r\nno identity matched\n",
    )
    assert "ended with 1: no identity matched" in (found.error or "")
    assert "five odd words" not in found.model_dump_json()


def test_what_cannot_be_brought_back_keeps_nobody_from_the_rest(tmp_path: Path) -> None:
    found, container = typed(tmp_path, {"--dry-run'": 2, "--no-report'": 2}, report("verified", "could-not-run", kind="rescue"))
    assert len(container.typed) == 6
    assert (found.verdict, [each.verdict for each in found.services]) == ("could-not-run", ["verified", "could-not-run"])
