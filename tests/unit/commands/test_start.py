"""A command imports what it uses: help, version and the list start without the libraries of Docker, SSH, Prefect or the proofs."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HEAVY = ("docker", "paramiko", "prefect", "pandas", "great_expectations", "requests", "pymysql", "sqlalchemy")

_LOADED = f"""
import json, os, sys
from flows.commands.main import main
ended = []
for arguments in json.loads(sys.argv.pop()):
    # Each in a copy of this process, as it is when the command line is imported and nothing has run.
    if not (command := os.fork()):
        sys.argv[1:] = arguments
        try:
            sys.exit(main())
        finally:
            open("loaded", "w").write(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
    code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
    ended.append([arguments, code, json.load(open("loaded"))])
    os.remove("loaded")
open("ended", "w").write(json.dumps(ended))
"""

_REPOSITORY = f"""
from backups.repository.repository import Repository
Repository.snapshots = lambda self, *tags: []
{_LOADED}
"""

Child = Callable[..., "subprocess.CompletedProcess[str]"]


def ended(child: Child, folder: Path, code: str, commands: list[list[str]]) -> tuple[list[Any], str]:
    """Of each command line: itself, its exit code and the libraries that it loaded; and what all printed, for whoever reads a failure."""
    done = child(code, json.dumps(commands))
    assert (folder / "ended").exists(), done.stderr
    return json.loads((folder / "ended").read_text()), done.stdout + done.stderr


def test_what_touches_no_service_loads_no_library_of_one(child: Child, tmp_path: Path) -> None:
    commands = {"--help": 0, "--version": 0, "list --help": 0, "staus": 2, "--show-completion": 0}
    found, said = ended(child, tmp_path, _LOADED, [each.split() for each in commands])
    assert found == [[each.split(), code, []] for each, code in commands.items()], said


@pytest.mark.long
def test_what_reads_the_repository_alone_loads_neither_docker_nor_ssh_nor_prefect(child: Child, tmp_path: Path) -> None:
    """All three kinds of services and a host are configured. The repository is empty, so the status is not well."""
    (tmp_path / "lifeboat.yaml").write_text(
        "repository: {url: repository, password: x}\n"
        "hosts: {monitoring: {address: ops@10.0.0.7}}\n"
        "services:\n"
        "  agama: {type: mysql, host: 10.0.0.5, image: 'mysql:9.7'}\n"
        "  prometheus: {type: prometheus, url: 'http://10.0.0.7:9090', place: 'ssh:monitoring:/p', image: 'prom/prometheus:v3'}\n"
        "  grafana: {type: grafana, url: 'http://10.0.0.7:3000', place: 'ssh:monitoring:/g', image: 'grafana/grafana:12'}\n"
    )
    commands = {
        "list": 0,
        "list --json": 0,
        "--config lifeboat.yaml list agama": 0,
        "status": 1,
        "plan": 1,
        "config check": 0,
        "config show": 0,
    }
    found, said = ended(child, tmp_path, _REPOSITORY, [each.split() for each in commands])
    assert found == [[each.split(), code, []] for each, code in commands.items()], said


def test_an_import_that_is_too_early_is_seen(child: Child, tmp_path: Path) -> None:
    """The two tests above can fail."""
    found, said = ended(child, tmp_path, "import backups.machine.docker\n" + _LOADED, [["--version"]])
    [(_, code, loaded)] = found
    assert (code, "docker" in loaded) == (0, True), said
