"""What runs by itself waits for a repository as long as a night does; a person at a terminal has an answer in ten seconds."""

import ast
import io
from pathlib import Path

import pytest
import yaml

from backups.repository import retries
from backups.site import Site
from flows.commands import attended

ROOT = Path(__file__).parents[2]
HASTY = {
    "flows/lifecycle.py": "asks no repository",
    "flows/watch.py": "an alarm waits for nobody, and the next look comes in five minutes",
    "tasks/watch.py": "the same",
}
"""What Prefect runs without the patience of a night, and why."""
BY_CRON = ("verify", "prune", "copying", "cold_start")
"""Commands that change or prove something, and that cron may run as well as a person; `backup` is always patient."""


def opened(path: Path) -> list[tuple[int, bool]]:
    """The lines where a file opens the site, and whether with the patience of a night."""
    tree = ast.parse(path.read_text())
    patient = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "for_a_night"}
    return [
        (node.lineno, id(node) in patient)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "open"
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "Site"
    ]


def by_prefect() -> list[Path]:
    return sorted([*(ROOT / "flows").glob("*.py"), *(ROOT / "tasks").glob("*.py")])


def test_every_flow_and_task_is_patient() -> None:
    hasty = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in by_prefect()
        for line, patient in opened(path)
        if not patient and str(path.relative_to(ROOT)) not in HASTY
    }
    assert hasty == set()
    assert all(any(not patient for _, patient in opened(ROOT / name)) for name in HASTY), "an exception that is none"


def test_no_deployment_is_elsewhere() -> None:
    entrypoints = {each["entrypoint"] for each in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}
    files = {ROOT / f"{'/'.join(entrypoint.split('.')[:-1])}.py" for entrypoint in entrypoints}
    assert files <= set(by_prefect())
    assert all(opened(path) or path.name == "drill.py" for path in files)


@pytest.mark.parametrize("name", BY_CRON)
def test_a_command_of_cron_asks_whether_anybody_waits(name: str) -> None:
    path = ROOT / "flows" / "commands" / f"{name}.py"
    assert "attended.open_site(" in path.read_text()
    assert opened(path) == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_somebody_waits_where_one_stream_is_a_terminal() -> None:
    assert not attended.attended(io.StringIO(), None, io.StringIO())
    assert attended.attended(io.StringIO(), None, Terminal())


def test_cron_has_a_minute_and_a_person_ten_seconds(tmp_path: Path) -> None:
    config = tmp_path / "lifeboat.yaml"
    config.write_text(
        f"state: {tmp_path}/state\nrepository: {{url: {tmp_path}/repository, password: x}}\n"
        "services: {p: {type: prometheus, url: 'http://127.0.0.1:9', place: 'local:/x', image: 'prom/prometheus:v3.5.0'}}\n"
    )
    assert attended.open_site(config, io.StringIO()).repository.contact == retries.SECONDS == 60
    assert attended.open_site(config, Terminal()).repository.contact == retries.CONTACT == 10
    assert Site.open(config).for_a_night().at(None).repository.contact == 60
