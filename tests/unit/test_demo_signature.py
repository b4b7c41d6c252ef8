"""What the demo says of its signed report is what the signature is worth."""

from pathlib import Path

import pytest

from deployments.demo import signature
from tests.unit.verification.evidence.test_signed import site
from tests.unit.verification.samples import evidence, result
from verification.evidence import keys, signed
from verification.report import files


def test_a_signed_report_is_accepted_and_one_changed_bit_refused_by_name(tmp_path: Path) -> None:
    said: list[str] = []
    place = site(tmp_path)
    files.write(evidence(result()), tmp_path / "report", signer=keys.signer(place))
    for _ in range(2):
        assert signature.judge(place, tmp_path / "report", lambda line: said.append(str(line))) == 0
    assert said[1].startswith("the signed report: accepted, key ")
    assert f"with one bit changed: refused: {tmp_path}/report-changed/report.json was changed after it was signed" in said[2]


def test_a_report_that_is_refused_and_a_change_that_is_not_noticed_are_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    place = site(tmp_path)
    files.write(evidence(result()), tmp_path / "report")
    assert signature.judge(place, tmp_path / "report", lambda line: said.append(str(line))) == 1
    files.write(evidence(result()), tmp_path / "report", signer=keys.signer(place))
    monkeypatch.setattr(signed, "_require_same", lambda *_: None)
    assert signature.judge(place, tmp_path / "report", lambda line: said.append(str(line))) == 1
    assert said[-1] == "with one bit changed it is accepted all the same"
