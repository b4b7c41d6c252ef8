"""What `lifeboat doctor` looks at is what a backup takes: also behind links, and elsewhere than in config_place."""

import json
from pathlib import Path

import pytest

from backups.hosts import NOWHERE
from backups.machine.docker import Docker
from backups.services.base import Finding
from backups.services.grafana.files import doctor, in_force
from backups.services.grafana.files.configuration_files import CONFIG
from backups.services.grafana.settings import GrafanaSettings

PROVIDER = json.dumps({"providers": [{"name": "p", "options": {"path": "/not/there"}}]})


def found(tmp_path: Path) -> list[Finding]:
    section = {"type": "grafana", "image": "g", "url": "http://127.0.0.1:9", "place": "local:/nowhere"}
    settings = GrafanaSettings.model_validate(section | {"config_place": f"local:{tmp_path}/etc"})
    (tmp_path / "scratch").mkdir()
    return list(doctor.configuration(settings, Docker(), NOWHERE, in_force.Outside(), tmp_path / "scratch"))


def plain(etc: Path) -> None:
    (etc / "grafana.ini").write_text("[security]\nsecret_key = k\n")
    (etc / "provisioning/dashboards").mkdir(parents=True)
    (etc / "provisioning/dashboards/a.yaml").write_text(PROVIDER)


def as_a_config_map(etc: Path) -> None:
    """As Kubernetes mounts one: each file is a link, to a directory that is a link."""
    (etc / "..2026").mkdir()
    (etc / "..2026/grafana.ini").write_text("[security]\nsecret_key = k\n")
    (etc / "..data").symlink_to("..2026")
    (etc / "grafana.ini").symlink_to("..data/grafana.ini")
    (etc / "provisioning/dashboards/..2026").mkdir(parents=True)
    (etc / "provisioning/dashboards/..2026/a.yaml").write_text(PROVIDER)
    (etc / "provisioning/dashboards/..data").symlink_to("..2026")
    (etc / "provisioning/dashboards/a.yaml").symlink_to("..data/a.yaml")


def elsewhere(etc: Path) -> None:
    (etc.parent / "more/dashboards").mkdir(parents=True)
    (etc.parent / "more/dashboards/a.yaml").write_text(PROVIDER)
    (etc / "grafana.ini").write_text(f"[security]\nsecret_key = k\n[paths]\nprovisioning = {etc.parent}/more\n")


@pytest.mark.parametrize("lay", [plain, as_a_config_map, elsewhere])
def test_doctor_reads_the_configuration_that_a_backup_takes(tmp_path: Path, lay: object) -> None:
    (tmp_path / "etc").mkdir()
    assert callable(lay)
    lay(tmp_path / "etc")
    first, *others = found(tmp_path)
    assert (first.ok, first.message) == (True, f"grafana.ini can be read in local:{tmp_path}/etc")
    assert [(one.ok, "the directory /not/there of the provider" in one.message) for one in others] == [(False, True)]
    key = in_force.read(tmp_path / "scratch" / CONFIG).setting("security", "secret_key")
    assert key is not None
    assert key.readings == ("k",)
