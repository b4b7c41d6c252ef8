"""Children of Lifeboat inherit what they need of its environment, and no password."""

import ast
import os
import re
from pathlib import Path

import pytest

from backups.machine import environment, processes
from backups.secret import Secret

ROOT = Path(__file__).parents[3]
_STARTS = {
    "Popen", "popen", "system", "check_output", "check_call", "getoutput", "getstatusoutput", "posix_spawn", "posix_spawnp",
    "fork", "forkpty", "create_subprocess_exec", "create_subprocess_shell", "ProxyCommand", "ProcessPoolExecutor", "Process",
    *(f"{kind}{how}" for kind in ("exec", "spawn") for how in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
}  # fmt: skip
"""Functions and classes by which Python starts another program."""

_NAMED = re.compile(rf"\b({'|'.join(sorted(_STARTS))}|subprocess)\b")
"""A module that calls one of them has its name in it; one without is not parsed."""

_PLANTED = {
    "AGAMA_PASSWORD": "planted-mysql",
    "GRAFANA_TOKEN": "planted-grafana",
    "LIFEBOAT_KEY": "planted-repository",
    "PREFECT_API_AUTH_STRING": "planted-prefect",
    "PREFECT_API_KEY": "planted-cloud",
    "PREFECT_SERVER_API_AUTH_STRING": "planted-server",
    "SSH_PASSPHRASE": "planted-ssh",
    "MYSQL_PWD": "planted-pwd",
    "AWS_DATABASE_PASSWORD": "planted-aws-look-alike",
    "RESTIC_OF_GRAFANA": "planted-restic-look-alike",
}


def test_only_one_module_starts_programs_and_says_what_they_inherit() -> None:
    """Also a module that does not exist yet: whatever starts a program has an `env`, chosen by `environment.of`."""
    starts = []
    for package in ("backups", "flows", "tasks", "verification", "deployments"):
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text()
            for node in ast.walk(ast.parse(text)) if _NAMED.search(text) else ():
                if isinstance(node, ast.Call):
                    function = node.func
                    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                    module = getattr(getattr(function, "value", None), "id", "")
                    if name in _STARTS or (module == "subprocess" and name in ("run", "call")):
                        starts.append((path.relative_to(ROOT).as_posix(), ast.unparse(node)))
    assert [path for path, _ in starts] == ["backups/machine/processes.py"]
    assert "env={**inherited.of(" in starts[0][1]


@pytest.mark.parametrize("program", ["env", "sh", "timeout", "ssh", "/usr/bin/restic", "build.sh", "mysqldump", "rclone"])
def test_no_planted_password_reaches_a_child(program: str) -> None:
    Secret("${AWS_DATABASE_PASSWORD}")
    Secret("before ${RESTIC_OF_GRAFANA} after")
    ours = {**os.environ, **_PLANTED}
    given = environment.of(program, ours, without=processes.secret.named)
    assert not set(given.values()) & set(_PLANTED.values())
    assert given["PATH"] == ours["PATH"]


def test_a_child_that_runs_sees_no_planted_password(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _PLANTED.items():
        monkeypatch.setenv(name, value)
    output = processes.run(["timeout", "10", "sh", "-c", "env; cat /proc/$PPID/environ"], environment={"GIVEN": "yes"}).output
    assert b"GIVEN=yes" in output
    assert b"planted" not in output


@pytest.mark.parametrize(
    ("program", "gets", "lacks"),
    [
        ("restic", {"AWS_SECRET_ACCESS_KEY", "RCLONE_CONFIG", "https_proxy", "SSH_AUTH_SOCK", "LC_ALL", "XDG_CACHE_HOME"}, set()),
        ("sh", {"LC_ALL", "XDG_CACHE_HOME", "DOCKER_HOST"}, {"AWS_SECRET_ACCESS_KEY", "RCLONE_CONFIG", "SSH_AUTH_SOCK"}),
        ("ssh", {"SSH_AUTH_SOCK", "LC_ALL"}, {"AWS_SECRET_ACCESS_KEY", "https_proxy"}),
    ],
)
def test_each_program_gets_what_it_needs(program: str, gets: set[str], lacks: set[str]) -> None:
    ours = dict.fromkeys(gets | lacks, "x")
    given = environment.of(program, ours)
    assert set(given) == gets
