"""Whoever works where containers write opens nothing there by its path: each place that does is listed here, with its reason.

A new `open`, `read_text`, `chmod`, `rglob` … in these modules fails this test until it goes through `backups/machine/below.py`, or
is one of something that no container has written yet, or never.
"""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
WHERE_CONTAINERS_WRITE = (
    "verification/drill/sandbox.py",
    "verification/drill/bring_back.py",
    "backups/services/mysql/copy/*.py",
    "backups/services/mysql/dump/copy.py",
    "backups/services/mysql/dump/load.py",
    "backups/services/mysql/dump/program.py",
    "backups/services/mysql/clone/*.py",
    "backups/services/prometheus/copy.py",
    "backups/services/prometheus/blocks.py",
    "backups/services/prometheus/configuration.py",
    "backups/services/grafana/server.py",
    "backups/services/grafana/files/*copy.py",
    "backups/services/grafana/files/hand_over.py",
    "backups/services/mysql/carry/*.py",
    "backups/services/grafana/files/configuration.py",
    "backups/services/grafana/api/copy.py",
)
OPENING = frozenset(
    """open read_text read_bytes write_text write_bytes touch chmod chown lchown rglob glob iterdir walk fwalk scandir listdir
    is_file is_dir exists stat link symlink rename copyfile copytree copy2 shutil.copy shutil.move rmtree unlink rmdir mkdir
    truncate tree_size connect_socket fetch_sqlite sqlite3.connect resolve readlink""".split()  # noqa: SIM905
)
BEFORE = "no container has run on it yet"
OURS = "no container has it mounted"
ENDED = "its container is gone, and nothing is followed: links are unlinked, not what they lead to"
ALLOWED = {
    ("verification/drill/sandbox.py", "own"): "names in the sandbox itself, which stay ours",
    ("verification/drill/sandbox.py", "close"): ENDED,
    ("verification/drill/sandbox.py", "opened"): BEFORE,
    ("backups/services/mysql/copy/advance.py", "hand_in"): OURS,
    ("backups/services/mysql/copy/advance.py", "copy_settled"): "its server has ended; `cp -a` follows no link",
    ("backups/services/mysql/copy/advance.py", "up_to"): OURS,
    ("backups/services/mysql/copy/advance.py", "place"): OURS,
    ("backups/services/mysql/copy/advance.py", "place_rest"): OURS,
    ("backups/services/mysql/copy/advance.py", "_after"): OURS,
    ("backups/services/mysql/copy/copy.py", "assemble"): BEFORE,
    ("backups/services/mysql/copy/home.py", "make"): BEFORE,
    ("backups/services/mysql/copy/copy.py", "expected"): OURS,
    ("backups/services/mysql/copy/hand_over.py", "require_data_only"): BEFORE,
    ("backups/services/mysql/copy/hand_over.py", "remove_sandbox_files"): ENDED,
    ("backups/services/mysql/copy/export_tables.py", "_write"): OURS,
    ("backups/services/mysql/copy/export_tables.py", "export"): OURS,
    ("backups/services/mysql/copy/server.py", "connect"): "by a handle of the socket itself",
    ("backups/services/mysql/dump/copy.py", "assemble"): BEFORE,
    ("backups/services/mysql/dump/program.py", "dumps"): BEFORE,
    ("backups/services/mysql/clone/clone.py", "clone"): ENDED,
    ("backups/services/mysql/clone/recipient.py", "running"): BEFORE,
    ("backups/services/mysql/clone/recipient.py", "empty_server"): ENDED,
    ("backups/services/mysql/clone/recipient.py", "_server"): BEFORE,
    (
        "backups/services/mysql/clone/recipient.py",
        "_empty_data_directory",
    ): "of the configured image alone, before any source sends",
    ("backups/services/mysql/clone/recipient.py", "answers"): "by a handle of the socket itself",
    ("backups/services/prometheus/copy.py", "assemble"): BEFORE,
    ("backups/services/prometheus/copy.py", "_begin"): BEFORE,
    ("backups/services/prometheus/copy.py", "_place"): BEFORE,
    ("backups/services/prometheus/copy.py", "settle"): ENDED,
    ("backups/services/prometheus/blocks.py", "digest"): "of what a backup captures",
    (
        "backups/services/prometheus/configuration.py",
        "facts",
    ): "promtool has it mounted, which writes nothing; links are left out",
    ("backups/services/prometheus/configuration.py", "locate"): "of the source, by its place",
    ("backups/services/prometheus/configuration.py", "check"): BEFORE,
    ("backups/services/grafana/server.py", "prepare_empty"): BEFORE,
    ("backups/services/grafana/files/copy.py", "assemble"): BEFORE,
    ("backups/services/grafana/files/copy.py", "_lay_out"): BEFORE,
    ("backups/services/grafana/files/copy.py", "upgraded"): "written beside what its server has; read by below.opened",
    ("backups/services/grafana/files/copy.py", "start"): BEFORE,
    ("backups/services/grafana/files/copy.py", "settle"): "of the backup's own file, which no container has mounted",
    ("backups/services/grafana/files/joined_copy.py", "assemble"): BEFORE,
    ("backups/services/grafana/files/joined_copy.py", "settle"): OURS,
    **{
        ("backups/services/grafana/files/hand_over.py", function): OURS
        for function in ("delivery", "_write_new", "_note_key", "_lay_out", "_ini_files", "_unready")
    },
    ("backups/services/mysql/carry/images.py", "statements"): "of the log, which no container has mounted",
    ("backups/services/mysql/carry/in_sandbox.py", "empty_server"): ENDED,
    ("backups/services/grafana/files/configuration.py", "write_configuration"): BEFORE,
    ("backups/services/grafana/files/configuration.py", "disarm"): BEFORE,
    ("backups/services/grafana/api/copy.py", "objects"): OURS,
}


def openings(source: str) -> set[str]:
    """Return the functions of a module in which something is opened by its path: its name, or a method of that name."""
    found: set[str] = set()

    def visit(node: ast.AST, function: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Call):
                called = child.func
                name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
                below = isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "below"
                if (name in OPENING or ast.unparse(called) in OPENING) and not below:
                    found.add(function)
            inside = child.name if isinstance(child, ast.FunctionDef) else function
            visit(child, inside)

    visit(ast.parse(source), "")
    return found


def test_where_containers_write_nothing_is_opened_by_its_path() -> None:
    there = {
        (path.relative_to(PROJECT).as_posix(), function)
        for pattern in WHERE_CONTAINERS_WRITE
        for path in PROJECT.glob(pattern)
        for function in openings(path.read_text(encoding="utf-8"))
    }
    assert {str(place) for place in there - ALLOWED.keys()} == set(), "open it by backups/machine/below.py"
    assert {str(place) for place in ALLOWED.keys() - there} == set(), "nothing is opened there any more"


@pytest.mark.parametrize(
    "statement",
    ["path.read_text()", "open(path)", "os.chown(path, 1, 1)", "sqlite3.connect(path)", "x.y.rename(z)", "shutil.rmtree(p)"],
)
def test_an_opening_is_found(statement: str) -> None:
    assert openings(f"def f():\n    if a:\n        {statement}\n") == {"f"}


def test_going_through_handles_is_none() -> None:
    assert openings("def f():\n    with below.opened(root, name) as file:\n        below.own(root, 1, 2)\n") == set()
