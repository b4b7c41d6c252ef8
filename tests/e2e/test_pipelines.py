"""The pipelines of `deployments/ci/`, run line for line: a real Grafana repository proven, damaged, and without Docker.

What a CI would do around the lines (variables, secrets, keeping the report) is read from the same files.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from backups.site import Site
from tests.servers.grafana import GrafanaServer

ROOT = Path(__file__).parents[2]
CI = ROOT / "deployments" / "ci"
SECRET = "the repository's own password"
REPORT = {"report.html", "history.html", "report.json", "junit.xml", "evidence.dsse.json"}


@dataclass(frozen=True)
class Pipeline:
    """What a pipeline's file says: the lines to run in order, their variables, and where it looks for what they leave."""

    lines: tuple[str, ...]
    variables: Mapping[str, str]
    report: str
    junit: str


def github(workspace: Path, inputs: Mapping[str, str]) -> Pipeline:
    whole = yaml.safe_load((CI / "github-actions.yml").read_text())
    job = whole["jobs"]["drill"]
    known = {"github.workspace": str(workspace), "secrets.LIFEBOAT_PASSWORD": SECRET}
    known |= {f"inputs.{name}": value for name, value in inputs.items()}
    variables = {
        name: re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda found: known.get(found[1], ""), value) for name, value in job["env"].items()
    }
    assert job["defaults"]["run"]["shell"] == "sudo -E bash -euo pipefail {0}"
    # YAML 1.1 reads the key `on` as true.
    assert set(whole[True]) == {"schedule", "workflow_dispatch"}
    assert set(whole[True]["workflow_dispatch"]["inputs"]) == {"services", "backup"}
    keep, publish = job["steps"][-2:]
    assert (keep["if"], publish["if"]) == ("always()", "always()")
    return Pipeline(
        tuple(step["run"] for step in job["steps"] if "run" in step),
        variables,
        keep["with"]["path"],
        publish["with"]["report_paths"],
    )


def gitlab(workspace: Path, inputs: Mapping[str, str]) -> Pipeline:
    whole = yaml.safe_load((CI / "gitlab-ci.yml").read_text())
    job = whole["lifeboat"]
    known = {name: entry["value"] for name, entry in whole["variables"].items()}
    known |= {"LIFEBOAT_" + name.upper(): value for name, value in inputs.items()}
    own = {name: value.replace("$CI_PROJECT_DIR", str(workspace)) for name, value in job["variables"].items()}
    assert [rule["if"] for rule in job["rules"]] == ['$CI_PIPELINE_SOURCE == "schedule"', '$CI_PIPELINE_SOURCE == "web"']
    assert job["artifacts"]["when"] == "always"
    assert "allow_failure" not in job
    [kept] = job["artifacts"]["paths"]
    return Pipeline(
        tuple(job["script"]), {**known, **own, "LIFEBOAT_PASSWORD": SECRET}, kept, job["artifacts"]["reports"]["junit"]
    )


PIPELINES = {"github": github, "gitlab": gitlab}


@dataclass(frozen=True)
class Workspace:
    """A checkout as CI makes one, with the operator's lifeboat.yaml at its root."""

    folder: Path

    def ci(self, name: str, *, drill: Mapping[str, str] | None = None, **inputs: str) -> "subprocess.CompletedProcess[str]":
        """Run a pipeline until a line fails; `drill` is added to the environment of its last line."""
        pipeline = PIPELINES[name](self.folder, inputs)
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "CI": "true", **pipeline.variables}
        for line in pipeline.lines:
            last = line == pipeline.lines[-1]
            (self.folder / "step.sh").write_text(line)
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "step.sh"],
                cwd=self.folder, env=environment | dict(drill or {}) if last else environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert last or done.returncode == 0, done.stdout + done.stderr
        return done

    def junit(self, name: str) -> ET.Element:
        """What the CI publishes, from where it looks for it; the report is kept beside it."""
        pipeline = PIPELINES[name](self.folder, {})
        assert {path.name for path in (self.folder / pipeline.report).iterdir()} >= REPORT
        return ET.parse(self.folder / pipeline.junit).getroot()


@pytest.fixture(scope="session")
def kept(grafana_source: GrafanaServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a repository that holds a real backup of Grafana, and the lifeboat.yaml of a machine that only verifies."""
    folder = tmp_path_factory.mktemp("kept")
    source = grafana_source.settings()
    (folder / "lifeboat.yaml").write_text(
        "state: state\nrepository: {url: repository, password: '${LIFEBOAT_PASSWORD}'}\nservices:\n"
        f"  grafana: {{type: grafana, image: '{source.image}', url: '{source.url}', place: 'docker:{grafana_source.name}:/var/lib/grafana',"
        f" config_place: 'local:{grafana_source.configuration}'}}\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIFEBOAT_PASSWORD", SECRET)
        Site.open(folder / "lifeboat.yaml").back_up("grafana", kind="full")
    shutil.rmtree(folder / "state")
    return folder


@pytest.fixture
def workspace(kept: Path, state: Path) -> Workspace:
    up_to_date = subprocess.run(["make", "--question", ".venv/.ready"], cwd=ROOT, check=False).returncode
    assert up_to_date == 0, "the environment is older than its lock file: make setup"
    folder = state / "workspace"
    folder.mkdir(mode=0o711)
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    for name in ("Makefile", "deployments", "pyproject.toml", "requirements.lock", ".venv", ".tools"):
        (folder / name).symlink_to(ROOT / name)
    return Workspace(folder)


def flip_a_byte_of_every_pack(repository: Path) -> None:
    for pack in (path for path in (repository / "data").rglob("*") if path.is_file()):
        content = bytearray(pack.read_bytes())
        content[len(content) // 3] ^= 0xFF
        pack.chmod(0o600)
        pack.write_bytes(bytes(content))


@pytest.mark.parametrize("name", PIPELINES)
def test_a_proven_repository_passes_the_pipeline(workspace: Workspace, name: str) -> None:
    """Exit code 0, a JUnit report without a failure, the report kept; the secret is in no output and in no file of it."""
    done = workspace.ci(name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("drill: verified\n")
    junit = workspace.junit(name)
    assert [suite.get("name") for suite in junit] == ["grafana latest and worst"]
    assert int(junit.get("tests", "0")) > 20
    assert (junit.get("failures"), junit.get("errors")) == ("0", "0")
    written = "".join((workspace.folder / "lifeboat-report" / file).read_text() for file in REPORT)
    assert SECRET not in done.stdout + done.stderr + written


@pytest.mark.parametrize("name", PIPELINES)
def test_on_demand_it_drills_what_is_asked_for(workspace: Workspace, name: str) -> None:
    done = workspace.ci(name, services="grafana", backup="latest")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [suite.get("name") for suite in workspace.junit(name)] == ["grafana latest"]
    refused = workspace.ci(name, services="nobody")
    assert refused.returncode == 2
    assert "there is no service nobody in lifeboat.yaml" in refused.stderr


@pytest.mark.parametrize("name", PIPELINES)
def test_a_damaged_repository_fails_the_pipeline(workspace: Workspace, name: str) -> None:
    """Exit code 1, a failure in JUnit, and its report is kept like any other."""
    flip_a_byte_of_every_pack(workspace.folder / "repository")
    done = workspace.ci(name, backup="latest")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "drill: FAILED" in done.stderr
    junit = workspace.junit(name)
    assert int(junit.get("failures", "0")) > 0


@pytest.mark.parametrize("name", PIPELINES)
def test_without_docker_nothing_is_proven_and_the_pipeline_fails(workspace: Workspace, name: str) -> None:
    """Exit code 2, an error in JUnit; yesterday's report is not taken for today's."""
    report = workspace.folder / "lifeboat-report"
    report.mkdir()
    for file in REPORT:
        (report / file).write_text("yesterday's, all verified")
    done = workspace.ci(name, backup="latest", drill={"DOCKER_HOST": "unix:///absent/docker.sock"})
    assert done.returncode == 2, done.stdout + done.stderr
    assert "drill: COULD NOT RUN" in done.stderr
    assert int(workspace.junit(name).get("errors", "0")) > 0


def test_a_drill_that_cannot_begin_leaves_no_report_of_another_day(workspace: Workspace) -> None:
    """A lifeboat.yaml that cannot be read: nothing new is written, so nothing old may be there to publish."""
    (workspace.folder / "lifeboat-report").mkdir()
    for file in (*REPORT, "the operator's own"):
        (workspace.folder / "lifeboat-report" / file).write_text("yesterday's, all verified")
    (workspace.folder / "lifeboat.yaml").write_text("services: 3\n")
    done = workspace.ci("gitlab")
    assert done.returncode == 2
    assert "hint: " in done.stderr
    assert [path.name for path in (workspace.folder / "lifeboat-report").iterdir()] == ["the operator's own"]


def test_both_pipelines_run_the_same_script_and_hold_no_secret() -> None:
    workspace = Path("/workspace")
    assert (
        github(workspace, {}).lines == gitlab(workspace, {}).lines == ("make setup", "deployments/ci/drill.sh $LIFEBOAT_SERVICES")
    )
    assert github(workspace, {}).report == gitlab(workspace, {}).report
    whole = yaml.safe_load((CI / "github-actions.yml").read_text())["jobs"]["drill"]["env"]
    secret = {name: value for name, value in whole.items() if re.search("PASSWORD|KEY", name)}
    assert secret
    assert all(value == f"${{{{ secrets.{name} }}}}" for name, value in secret.items())
