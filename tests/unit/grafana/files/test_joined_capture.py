"""A Grafana whose database another service protects: its configuration is all of its backup, and is compared as it was taken."""

from pathlib import Path
from typing import Any, cast

import pytest

from backups.errors import LifeboatError
from backups.hosts import NOWHERE
from backups.machine.docker import Docker
from backups.services.base import Captured, Finding, Job
from backups.services.grafana.files import answers, joined_capture
from backups.services.grafana.service import GrafanaService
from backups.services.grafana.settings import GrafanaSettings
from backups.witness import Fact
from tests.unit.grafana.files.conftest import MANIFEST
from verification.restore.target.api import ApiTarget

INI = "[database]\ntype = mysql\nhost = db\nname = g\n"


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "etc/provisioning/datasources").mkdir(parents=True)
    (tmp_path / "etc/provisioning/datasources/a.yaml").write_text("apiVersion: 1\n")
    (tmp_path / "etc/grafana.ini").write_text(INI)
    return tmp_path / "etc"


def settings(etc: Path, **more: str) -> GrafanaSettings:
    section = {"type": "grafana", "image": "g", "url": "http://127.0.0.1:9", "config_place": f"local:{etc}", "database": "agama"}
    return GrafanaSettings.model_validate(section | more)


def capture(section: GrafanaSettings, into: Path) -> Captured:
    for name in ("data", "work"):
        (into / name).mkdir(parents=True)
    job = Job("full", into / "data", into / "work", (), Docker(), into)
    return joined_capture.capture(section, job, Docker(), NOWHERE)


@pytest.mark.parametrize("ini", ["", "[server]\ncert_file = {etc}/tls/a.crt\n", "[paths]\nprovisioning = {etc}-more\n"])
def test_nothing_is_lost_of_a_configuration_that_nobody_changed(etc: Path, tmp_path: Path, ini: str) -> None:
    (etc / "grafana.ini").write_text(INI + ini.format(etc=etc))
    (etc / "tls").mkdir()
    (etc / "tls/a.crt").write_text("of the server")
    more = tmp_path / "etc-more/dashboards"
    more.mkdir(parents=True)
    (more / "b.yaml").write_text("apiVersion: 1\n")
    captured = capture(settings(etc), tmp_path / "job")
    service = GrafanaService("grafana", settings(etc), Docker())
    assert list(service.loss(captured.witness)) == []
    for path in (etc / "tls/a.crt", more / "b.yaml", etc / "provisioning/datasources/a.yaml"):
        path.write_text("# changed")
    assert list(service.loss(captured.witness)) == [
        f"{fact.subject}: changed"
        for fact in captured.witness
        if fact.metric == "bytes" and not fact.subject.endswith("grafana.ini")
    ]


def test_plugins_that_nobody_could_list_are_said(etc: Path, tmp_path: Path) -> None:
    said = "its plugins, which are not even listed: place: does not name its data directory"
    assert said in cast("Any", capture(settings(etc), tmp_path / "a").details["limits"])
    (tmp_path / "var").mkdir()
    assert said not in cast("Any", capture(settings(etc, place=f"local:{tmp_path}/var"), tmp_path / "b").details["limits"])


FACTS = {
    "files": Fact("org 1", answers.READ_AS, "admin"),
    "api": Fact("org 1 dashboard a", "definition", "b"),
    "database": Fact(joined_capture.CONFIGURATION, "files", 1),
}
SECTIONS: dict[str, dict[str, str]] = {
    "files": {"place": "local:/nowhere", "database": "", "config_place": ""},
    "api": {"method": "api", "token": "t", "database": "", "config_place": ""},
    "database": {},
}


@pytest.mark.parametrize("taken", FACTS)
@pytest.mark.parametrize("configured", SECTIONS)
def test_backups_of_different_kinds_are_not_compared(etc: Path, taken: str, configured: str) -> None:
    """What one of them states the other does not know: all of it would be told as lost."""
    section = settings(etc).model_dump(exclude_none=True) | SECTIONS[configured]
    section = {key: value for key, value in section.items() if value != ""}
    service = GrafanaService("grafana", GrafanaSettings.model_validate(section), Docker())
    if taken != configured:
        with pytest.raises(LifeboatError, match="was taken by another method than"):
            list(service.loss([FACTS[taken]]))
    elif taken == "database":
        assert "configuration file grafana.ini: new" in list(service.loss([FACTS[taken]]))


def found(section: GrafanaSettings) -> dict[str, list[Finding]]:
    """What doctor says of what is not the server: by the check's name."""
    told: dict[str, list[Finding]] = {}
    for finding in joined_capture.examine(section, Docker(), NOWHERE):
        told.setdefault(finding.subject, []).append(finding)
    return told


def test_doctor_says_what_its_backups_would_lack(etc: Path) -> None:
    assert [one.ok for one in found(settings(etc))["configuration"]] == [True]
    (etc / "grafana.ini").write_text(f"{INI}[security]\nsecret_key = ${{MY_KEY}}\n[server]\ncert_file = /not/there\n")
    told = found(settings(etc))
    assert [one.message for one in told["provisioning"]] == [
        "the file /not/there, which [server] cert_file names: it is not below config_place"
    ]
    assert "the secret_key is not known: it comes from the variable MY_KEY" in told["secrets"][0].message
    (etc / "grafana.ini").unlink()
    assert [one.message for one in found(settings(etc))["configuration"]] == [f"grafana.ini is not in local:{etc}"]


def test_an_api_is_refused_before_the_first_byte(etc: Path, tmp_path: Path) -> None:
    """Its objects are in another service's backups: no copy of this one could be asked for them."""
    manifest = MANIFEST.model_copy(update={"details": {"database": {"service": "agama", "name": "g"}}})
    target = ApiTarget(cast("Any", "api"), tmp_path, "grafana")
    service = GrafanaService("grafana", settings(etc), Docker())
    with pytest.raises(LifeboatError, match="its data are in the backups of agama") as refused:
        target.require_takes(service, manifest)
    assert "lifeboat restore agama" in (refused.value.hint or "")
    target.require_takes(service, MANIFEST)
