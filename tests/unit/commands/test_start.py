"""A command imports what it uses: help, version and the list start without the libraries of Docker, SSH, Prefect or the proofs."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HEAVY = ("docker", "paramiko", "prefect", "pandas", "great_expectations", "requests", "pymysql", "sqlalchemy")

_LOADED = f"""
import json, sys
from flows.commands.main import main
try:
    main()
finally:
    heavy = [name for name in {HEAVY!r} if name in sys.modules]
    open("loaded", "w").write(json.dumps(heavy))
"""

_REPOSITORY = f"""
import json
from backups.repository.repository import Repository
Repository.snapshots = lambda self, *tags: []
{_LOADED}
"""

Child = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("list", "--help"), ("staus",), ("--show-completion",)])
def test_what_touches_no_service_loads_no_library_of_one(child: Child, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    child(_LOADED, *arguments)
    assert json.loads((tmp_path / "loaded").read_text()) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("list",), 0),
        (("list", "--json"), 0),
        (("--config", "lifeboat.yaml", "list", "agama"), 0),
        (("status",), 1),
        (("config", "check"), 0),
        (("config", "show"), 0),
    ],
)
def test_what_reads_the_repository_alone_loads_neither_docker_nor_ssh_nor_prefect(
    child: Child, tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    """All three kinds of services and a host are configured. The repository is empty, so the status is not well."""
    (tmp_path / "lifeboat.yaml").write_text(
        "repository: {url: repository, password: x}\n"
        "hosts: {monitoring: {address: ops@10.0.0.7}}\n"
        "services:\n"
        "  agama: {type: mysql, host: 10.0.0.5, image: 'mysql:9.7'}\n"
        "  prometheus: {type: prometheus, url: 'http://10.0.0.7:9090', place: 'ssh:monitoring:/p', image: 'prom/prometheus:v3'}\n"
        "  grafana: {type: grafana, url: 'http://10.0.0.7:3000', place: 'ssh:monitoring:/g', image: 'grafana/grafana:12'}\n"
    )
    done = child(_REPOSITORY, *arguments)
    assert done.returncode == code, done.stderr
    assert json.loads((tmp_path / "loaded").read_text()) == []


def test_an_import_that_is_too_early_is_seen(child: Child, tmp_path: Path) -> None:
    """The two tests above can fail."""
    child("import backups.machine.docker\n" + _LOADED, "--version")
    assert "docker" in json.loads((tmp_path / "loaded").read_text())
