"""Grafana by the command line into running servers through their API: from a backup by the API, and from one of the files."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from backups.machine.docker import Docker
from backups.services.grafana.api import kinds
from backups.services.grafana.api.read import read
from backups.services.grafana.api.resources.dashboards import DASHBOARDS
from deployments.grafana_standin import edits
from deployments.grafana_standin.database import build
from deployments.grafana_standin.serving import serving
from tests.integration.flows.conftest import Said
from tests.integration.grafana.api.harness import LOGIN, PASSWORD, admin, built, empty, first
from tests.servers.grafana import IMAGE, SECRET_KEY, configured

pytestmark = pytest.mark.docker


def site(state: Path, service: str) -> Path:
    path = state / "lifeboat.yaml"
    path.write_text(
        f"state: {state}\nrepository: {{url: repository, password: key}}\n"
        f"services:\n  grafana:\n    type: grafana\n    image: '{IMAGE}'\n    user: '{LOGIN}'\n    password: '${{NEW_PASSWORD}}'\n{service}"
    )
    return path


def test_what_an_operator_types(
    state: Path, lifeboat: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with built(tmp_path / "source") as source, empty(tmp_path / "new") as url:
        configuration = site(state, f"    url: {source}\n    method: api\n    restore: {{to: 'api:{url}'}}\n")
        text = configuration.read_text()
        configuration.write_text(text.replace(f"user: '{LOGIN}'", "user: admin"))
        monkeypatch.setenv("NEW_PASSWORD", "admin")

        def typed(*words: str) -> Said:
            return lifeboat(*words, "--config", str(configuration))

        taken = typed("backup", "grafana")
        assert taken.code == 0, taken.out + taken.err
        proven = typed("verify", "grafana", "--out", str(tmp_path / "report"))
        assert proven.code == 0, proven.out + proven.err
        limits = json.loads((tmp_path / "report" / "report.json").read_text())["drills"][0]["limits"]
        assert "a secret, to be set again after a restore: org 1 data source agama-mysql (Agama): password" in limits
        assert any("the history of dashboards" in limit for limit in limits)
        edits.add_dashboard(tmp_path / "source" / "grafana.db", "late", "Written after the backup")
        files = typed("restore", "grafana", "--to", f"local:{tmp_path}/files")
        assert files.code == 2
        assert "was taken through the API and holds no files" in files.err
        wanted = read(admin(source))

        # The new server has another administrator.
        configuration.write_text(text)
        monkeypatch.setenv("NEW_PASSWORD", PASSWORD)
        planned = typed("restore", "grafana", "--dry-run")
        assert planned.code == 0, planned.out + planned.err
        assert f"api:{url}" in planned.out
        assert "in the last drill" in planned.out.replace("\n", " ")
        assert not read(first(url)).of(1, kinds.DASHBOARD)
        said = typed("restore", "grafana")
        assert said.code == 0, said.out + said.err
        assert said.out.startswith("verified")
        assert f"is in api:{url}" in said.out
        assert "note: to be set again, it is in no backup: org 1 data source agama-mysql (Agama): password" in said.out
        assert "note: created 3 users, each with a random password" in said.out
        now = read(first(url))
        assert now.of(1, kinds.DASHBOARD).keys() == wanted.of(1, kinds.DASHBOARD).keys() - {"late"}

        untouched = (tmp_path / "new" / "grafana.db").read_bytes()
        twice = typed("restore", "grafana")
        assert twice.code == 0, twice.out + twice.err
        assert (tmp_path / "new" / "grafana.db").read_bytes() == untouched, "what is equal is written again"
        assert not list((state / "restores").glob("grafana.before-restore-*"))
        edits.change_panel(tmp_path / "new" / "grafana.db", "agama-overview", 1, title="Changed by hand")
        again = typed("restore", "grafana")
        assert again.code == 2
        assert f"api:{url} holds something already: org 1 dashboard agama-overview;" in again.err
        assert f"write over what has the same name there with lifeboat -c {configuration} restore --replace" in again.err
        replaced = typed("restore", "grafana", "--replace")
        assert replaced.code == 0, replaced.out + replaced.err
        assert DASHBOARDS.same(
            read(first(url)).of(1, kinds.DASHBOARD)["agama-overview"], wanted.of(1, kinds.DASHBOARD)["agama-overview"]
        )
        (kept,) = (state / "restores").glob("grafana.before-restore-*")
        assert "Changed by hand" in (kept / "objects" / "org-1" / "dashboard" / "agama-overview.json").read_text()
        for words, told in (
            (("--to", "api:nowhere"), "names no server"),
            (("--to", "api:http://127.0.0.1:9"), "at http://127.0.0.1:9 does not answer"),
        ):
            refused = typed("restore", "grafana", *words)
            assert refused.code == 2
            assert told in refused.err
        assert PASSWORD not in said.out + said.err + "".join(path.read_text() for path in (state / "restores").glob("*.md"))


def test_a_backup_of_the_files_goes_into_a_running_server(
    state: Path, lifeboat: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEW_PASSWORD", PASSWORD)
    (tmp_path / "source").mkdir()
    build(tmp_path / "source" / "grafana.db", layout="resource", secret_key=SECRET_KEY)
    with serving(tmp_path / "source") as source, empty(tmp_path / "new") as url:
        commands = "    restore: {stop: 'echo it has to run; exit 1', start: 'exit 1'}\n"
        configuration = site(state, f"    url: {source}\n    place: local:{tmp_path}/source\n{commands}")
        assert lifeboat("backup", "grafana", "--config", str(configuration)).code == 0
        planned = lifeboat("restore", "grafana", "--to", f"api:{url}", "--dry-run", "--config", str(configuration))
        assert planned.code == 0, planned.out + planned.err
        assert "it has to run" not in planned.out
        said = lifeboat("restore", "grafana", "--to", f"api:{url}", "--config", str(configuration))
        assert said.code == 0, said.out + said.err
        assert f"is in api:{url}" in said.out
        assert "note: to be set again, the API returns no secrets: org 1 data source agama-mysql (Agama): password" in said.out
        now = read(first(url))
        assert len(now.of(1, kinds.DASHBOARD)) + len(now.of(2, kinds.DASHBOARD)) == 10
        assert set(now.organisations) == {1, 2}


def test_a_new_container_gets_its_configuration_in_a_volume(
    state: Path, lifeboat: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEW_PASSWORD", PASSWORD)
    (tmp_path / "source").mkdir()
    build(tmp_path / "source" / "grafana.db", layout="resource", secret_key=SECRET_KEY)
    configured(make(tmp_path / "etc"), SECRET_KEY)
    name, docker = f"lifeboat-test-again-{os.getpid()}", Docker()
    with serving(tmp_path / "source") as url:
        places = f"    url: {url}\n    place: local:{tmp_path}/source\n    config_place: local:{tmp_path}/etc\n"
        configuration = site(state, places)
        assert lifeboat("backup", "grafana", "--config", str(configuration)).code == 0
    try:
        said = lifeboat("restore", "grafana", "--to", f"docker:{name}", "--config", str(configuration))
        assert said.code == 0, said.out + said.err
        assert f"its configuration is in docker volume {name}-configuration" in said.out
        kept = docker.root() / "volumes" / f"{name}-configuration" / "_data" / "grafana.ini"
        assert kept.read_text() == (tmp_path / "etc" / "grafana.ini").read_text()
        assert kept.parent.stat().st_mode & 0o777 == 0o700
        subprocess.run(["docker", "rm", "-f", "-v", name], check=True, capture_output=True)
        subprocess.run(["docker", "volume", "rm", f"{name}-data"], check=True, capture_output=True)
        again = lifeboat("restore", "grafana", "--to", f"docker:{name}", "--config", str(configuration))
        assert f"holds something already: volume {name}-configuration" in again.err
    finally:
        subprocess.run(["docker", "rm", "-f", "-v", name], check=False, capture_output=True)
        for volume in ("data", "configuration"):
            docker.remove_volume(f"{name}-{volume}")


def test_a_version_that_cannot_read_the_data_leaves_the_target_alone(
    state: Path, lifeboat: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image of the configuration is of another version than the source, as after an upgrade that lifeboat.yaml was not told."""
    monkeypatch.setenv("NEW_PASSWORD", PASSWORD)
    (tmp_path / "source").mkdir()
    build(tmp_path / "source" / "grafana.db", layout="resource")
    with serving(tmp_path / "source", GF_STANDIN_VERSION="13.1.0") as url:
        configuration = site(state, f"    url: {url}\n    place: local:{tmp_path}/source\n")
        assert lifeboat("backup", "grafana", "--config", str(configuration)).code == 0
    said = lifeboat("restore", "grafana", "--to", f"local:{tmp_path}/target", "--config", str(configuration))
    assert said.code == 2
    assert f"the image {IMAGE} runs Grafana 12.4.1, the backup is of 13.1.0" in said.err
    assert "set the service's `image:` in lifeboat.yaml to the source's version" in said.err.replace("\n", " ")
    assert "the target was not touched" in said.out
    assert not (tmp_path / "target").exists()


def make(directory: Path) -> Path:
    directory.mkdir()
    return directory
